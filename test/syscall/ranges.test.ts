/**
 * munmap, mprotect and mlock: the checks of their ranges in order, holes, and what stays done when
 * they stop half-way.
 */
import {
  MAP_GROWSDOWN,
  PROT_EXEC,
  PROT_GROWSDOWN,
  PROT_GROWSUP,
  PROT_NONE,
  PROT_READ,
  PROT_SEM,
  PROT_WRITE,
  UFFD_FEATURE_SIGBUS,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { TASK_SIZE } from '../../src/base/page.js';
import { statesOf } from '../mm/page-state.js';
import {
  ANON,
  BASE,
  M,
  machineWith,
  mapAt,
  memfd,
  newMachine,
  PAGE,
  page,
  pagesAt,
  RW,
  span,
} from '../support/guest.js';
import { areas, errno, snapshot } from '../support/observe.js';

const at = (n: number): number => BASE + n * PAGE;
const WRAP = (1n << 64n) - 1n;

function world() {
  const machine = newMachine();
  const proc = machine.spawn();
  mapAt(proc.main, BASE, 4);
  mapAt(proc.main, at(6), 2);
  return { machine, proc, main: proc.main, perms: () => proc.maps().map((area) => area.perms) };
}

describe('munmap', () => {
  test.each([
    ['an address within a page', { addr: BASE + 1, length: PAGE }, 'EINVAL'],
    ['a length of zero', { addr: BASE, length: 0 }, 'EINVAL'],
    ['a length that wraps', { addr: BASE, length: WRAP }, 'EINVAL'],
    ['a range that ends beyond user space', { addr: TASK_SIZE - PAGE, length: PAGE + 1 }, 'EINVAL'],
    ['an address beyond user space', { addr: 2 ** 47, length: PAGE }, 'EINVAL'],
    ['an address of 64 bits', { addr: 1n << 63n, length: PAGE }, 'EINVAL'],
    ['nothing that is mapped', { addr: at(100), length: PAGE }, 'ok'],
    ['the last page of user space', { addr: TASK_SIZE - PAGE, length: PAGE }, 'ok'],
  ])('of %s is %s', (_name, range, code) => {
    const { machine, main } = world();
    const before = snapshot(machine);
    expect(errno(() => main.munmapSync(range))).toBe(code);
    expect(snapshot(machine)).toEqual(before);
  });

  test('takes out whole pages of every area it meets and leaves the rest', () => {
    const { proc, main } = world();
    main.munmapSync({ addr: at(3), length: 3 * PAGE + 1 });
    expect(areas(proc, BASE)).toEqual(['0-3:none', '7-8:none']);
  });

  test('gives the page table of an empty 2 MiB back with its pages', () => {
    const { machine, main } = world();
    const cycle = (): number => {
      mapAt(main, BASE, 512);
      main.writeSync(BASE, page(1, 512));
      main.munmapSync(span(BASE, 512));
      return machine.freePages;
    };
    const once = cycle();
    expect(machine.totalPages - once).toBe(2); // the uppermost tables stay
    expect([cycle(), cycle()]).toEqual([once, once]);
  });
});

describe('mprotect', () => {
  test.each([
    ['both ways of growing', { prot: PROT_GROWSDOWN | PROT_GROWSUP, addr: BASE + 1 }, 'EINVAL'],
    ['an address within a page, even of no bytes', { addr: BASE + 1, length: 0 }, 'EINVAL'],
    ['no bytes, whatever the rights', { length: 0, prot: 0x10 }, 'ok'],
    ['a range that wraps, whatever the rights', { length: WRAP, prot: 0x10 }, 'ENOMEM'],
    ['unknown rights, whatever is mapped', { addr: at(100), prot: 0x10 }, 'EINVAL'],
    ['PROT_SEM', { prot: PROT_SEM | RW }, 'ok'],
    ['nothing that is mapped', { addr: at(4), length: PAGE, prot: RW }, 'ENOMEM'],
    ['an address beyond user space', { addr: 1n << 50n, prot: RW }, 'ENOMEM'],
    ['a mapping that does not grow', { prot: PROT_GROWSDOWN }, 'EINVAL'],
    ['the other way of growing', { prot: PROT_GROWSUP }, 'EINVAL'],
  ])('of %s is %s', (_name, request, code) => {
    const { machine, main } = world();
    const before = snapshot(machine);
    const whole = { addr: BASE, length: PAGE, prot: RW, ...request };
    expect(errno(() => main.mprotectSync(whole))).toBe(code);
    expect(snapshot(machine)).toEqual(before);
  });

  test('is ENOMEM at a hole, after what lies before it was changed', () => {
    const { main, perms } = world();
    const range = span(at(2), 6);
    expect(errno(() => main.mprotectSync({ ...range, prot: PROT_READ }))).toBe('ENOMEM');
    expect(perms()).toEqual(['rw-p', 'r--p', 'rw-p']);
  });

  test('is EACCES for write on a shared mapping of a read-only descriptor', () => {
    const { main, perms } = world();
    const fd = memfd(main, 2);
    mapAt(main, at(4), 2, { kind: 'shared', fd: main.reopenReadOnlySync(fd), prot: PROT_READ });
    const range = span(at(2), 6);
    expect(errno(() => main.mprotectSync({ ...range, prot: RW | PROT_EXEC }))).toBe('EACCES');
    expect(perms()).toEqual(['rw-p', 'rwxp', 'r--s', 'rw-p']);
  });

  test('with PROT_GROWSDOWN reaches down to the start of a stack', () => {
    const { main, proc } = world();
    const flags = ANON | MAP_GROWSDOWN | 0x10;
    main.mmapSync({ addr: at(600), length: 4 * PAGE, prot: RW, flags });
    main.mprotectSync({ ...span(at(603)), prot: PROT_READ | PROT_GROWSDOWN });
    expect(proc.maps().at(-1)).toMatchObject({ start: at(600), end: at(604), perms: 'r--p' });
  });

  test('that would charge more than there is memory is ENOMEM', () => {
    const { main } = world();
    const addr = main.mmapSync({ length: 2 ** 40, prot: PROT_READ, flags: ANON });
    const range = { addr, length: 2 ** 40 };
    expect(errno(() => main.mprotectSync({ ...range, prot: RW }))).toBe('ENOMEM');
  });

  test('decides what accesses may do, and brings content back', () => {
    const { main } = world();
    main.store8Sync(BASE, 5);
    main.mprotectSync({ ...span(BASE), prot: PROT_NONE });
    expect(() => main.load8Sync(BASE)).toThrow('SEGV_ACCERR');
    main.mprotectSync({ ...span(BASE), prot: PROT_READ });
    expect(main.load8Sync(BASE)).toBe(5);
    expect(() => main.store8Sync(BASE, 1)).toThrow('SEGV_ACCERR');
    main.mprotectSync({ ...span(BASE), prot: PROT_WRITE });
    main.store8Sync(BASE, 6);
    expect(main.load8Sync(BASE)).toBe(6);
  });
});

describe('mlock', () => {
  test.each([
    ['no bytes', { addr: BASE, length: 0 }, 'ok'],
    ['a length that rounds to nothing', { addr: BASE, length: WRAP }, 'ok'],
    [
      'an address whose page ends the address space',
      { addr: (1n << 64n) - 4096n, length: PAGE },
      'EINVAL',
    ],
    ['nothing that is mapped', { addr: at(4), length: PAGE }, 'ENOMEM'],
    ['an address beyond user space', { addr: 1n << 50n, length: 1 }, 'ENOMEM'],
  ])('of %s is %s', (_name, range, code) => {
    const { machine, main } = world();
    const before = snapshot(machine);
    expect(errno(() => main.mlockSync(range))).toBe(code);
    expect(errno(() => main.munlockSync(range))).toBe(code);
    expect(snapshot(machine)).toEqual(before);
  });

  test('rounds to the pages it touches and faults them in: private ones for writing', () => {
    const { proc, main } = world();
    main.mlockSync({ addr: at(1) + 100, length: PAGE });
    expect(statesOf(proc, BASE, 4)).toEqual(['-', 'PX', 'PX', '-']);
    expect(proc.maps().map(({ vmFlags }) => vmFlags.includes('lo'))).toEqual([
      false,
      true,
      false,
      false,
    ]);
    main.munlockSync(span(at(1), 2));
    expect(areas(proc, BASE)).toEqual(['0-4:none', '6-8:none']);
  });

  test('is ENOMEM at a hole, after what lies before it was locked', () => {
    const { proc, main } = world();
    expect(errno(() => main.mlockSync(span(at(3), 4)))).toBe('ENOMEM');
    expect(proc.maps().map(({ vmFlags }) => vmFlags.includes('lo'))).toEqual([false, true, false]);
  });

  test('is ENOMEM for what cannot be faulted in', () => {
    const { main } = world();
    mapAt(main, at(10), 1, { prot: PROT_NONE });
    expect(errno(() => main.mlockSync(span(at(10))))).toBe('ENOMEM');
    const poisoned = machineWith();
    poisoned.uffd.poisonSync(pagesAt(poisoned.at(0)));
    expect(errno(() => poisoned.main.mlockSync(span(poisoned.at(0))))).toBe('ENOMEM');
    const refusing = machineWith({ features: UFFD_FEATURE_SIGBUS });
    expect(errno(() => refusing.main.mlockSync(span(refusing.at(0))))).toBe('ENOMEM');
  });

  test('waits for a userfaultfd like a write', async () => {
    const { t0, uffd, at } = machineWith();
    const lock = t0.mlock(span(at(0)));
    expect(uffd.readMsgSync()).toMatchObject({ address: at(0), flags: 1 });
    uffd.zeropageSync(pagesAt(at(0)));
    await lock;
    expect(t0.state).toBe('idle');
  });

  test('makes mprotect to writable fault pages in, without waiting for anybody', () => {
    const { proc, main } = world();
    mapAt(main, at(10), 4, { prot: PROT_READ });
    main.mlockSync(span(at(10), 4));
    expect(statesOf(proc, at(10), 4)).toEqual(['P', 'P', 'P', 'P']);
    main.mprotectSync({ ...span(at(11), 2), prot: RW });
    expect(statesOf(proc, at(10), 4)).toEqual(['P', 'PX', 'PX', 'P']);
    const armed = machineWith({ prot: PROT_READ, modes: 0 });
    armed.main.mlockSync(span(armed.at(0), 4));
    armed.main.madviseSync({ ...span(armed.at(0), 4), advice: 24 });
    armed.uffd.registerSync({ ...pagesAt(armed.at(0), 4), mode: M });
    armed.main.mprotectSync({ ...span(armed.at(0), 4), prot: RW });
    expect(armed.uffd.readMsgSync()).toBeUndefined();
    expect(statesOf(armed.proc, armed.at(0), 4)).toEqual(['-', '-', '-', '-']);
  });
});
