/** UFFDIO_POISON: the marker, what every kind of access gets, and what takes the marker away. */
import {
  MADV_DONTNEED,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  PROT_READ,
  UFFD_FEATURE_WP_UNPOPULATED,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { BASE, M, machineWith, mapAt, PAGE, page, pagesAt, span, W } from '../support/guest.js';
import { drain, ending, endingOfPromise, errno, pages } from '../support/observe.js';

const POISONED = (addr: number) => ({ signal: 'SIGBUS', code: 'BUS_MCEERR_AR', addr });

describe('an empty page', () => {
  test('is poisoned once, then EEXIST -17 [9.52]', () => {
    const { uffd, proc, machine, at } = machineWith();
    uffd.zeropageSync(pagesAt(at(3)));
    const before = machine.freePages;
    expect(uffd.poisonSync(pagesAt(at(0), 2))).toBe(2 * PAGE);
    expect(ending(() => uffd.poisonSync(pagesAt(at(0))))).toEqual({
      code: 'EEXIST',
      progress: -17,
    });
    expect(pages(proc, BASE, 3)).toBe('m m -');
    expect(machine.freePages).toBe(before);
  });

  test('answers a load and a store with SIGBUS BUS_MCEERR_AR at the exact address [9.52]', () => {
    const { uffd, t0, at } = machineWith();
    uffd.poisonSync(pagesAt(at(0)));
    expect(ending(() => t0.load8Sync(at(0) + 5))).toEqual(POISONED(at(0) + 5));
    expect(ending(() => t0.store8Sync(at(0) + 6, 1))).toEqual(POISONED(at(0) + 6));
    expect(ending(() => t0.rmw8Sync(at(0) + 7, () => 1))).toEqual(POISONED(at(0) + 7));
    expect(() => t0.load8Sync(at(0))).toThrow(
      expect.objectContaining({ signo: 7, siCode: 4, siAddrLsb: 12 }),
    );
    expect(drain(uffd, BASE)).toEqual([]);
  });

  test('is BUS_ADRERR with lsb 0 in a kernel without memory failure', () => {
    const { uffd, t0, at } = machineWith({ config: { memoryFailure: false } });
    uffd.poisonSync(pagesAt(at(0)));
    expect(() => t0.load8Sync(at(0) + 5)).toThrow(
      expect.objectContaining({ signo: 7, code: 'BUS_ADRERR', siCode: 2, siAddrLsb: 0 }),
    );
  });

  test('is EFAULT in write(2), read(2) and process_vm_readv, EHWPOISON in POPULATE [9.52]', () => {
    const { uffd, main, proc, at } = machineWith();
    uffd.poisonSync(pagesAt(at(0)));
    mapAt(main, at(16), 1);
    const { readFd, writeFd } = main.pipeSync();
    main.sysWriteSync({ fd: writeFd, addr: at(16), count: 8 });
    const { pid } = proc;
    const calls = [
      () => main.sysWriteSync({ fd: writeFd, addr: at(0), count: 1 }),
      () => main.sysReadSync({ fd: readFd, addr: at(0), count: 1 }),
      () => main.processVmReadvSync({ pid, addr: at(0), length: 1 }),
      () => main.processVmWritevSync({ pid, addr: at(0), bytes: page(1) }),
      () => main.madviseSync({ ...span(at(0)), advice: MADV_POPULATE_READ }),
      () => main.madviseSync({ ...span(at(0)), advice: MADV_POPULATE_WRITE }),
    ];
    const efault = 'EFAULT';
    expect(calls.map(errno)).toEqual([efault, efault, efault, efault, 'EHWPOISON', 'EHWPOISON']);
    expect(drain(uffd, BASE)).toEqual([]);
  });

  test('behind a readable one makes a transfer short', () => {
    const { uffd, main, proc, at } = machineWith();
    uffd.copySync({ dst: at(0), src: page(7) });
    uffd.poisonSync(pagesAt(at(1)));
    const request = { pid: proc.pid, addr: at(0) + PAGE - 2, length: 4 };
    expect(main.processVmReadvSync(request)).toEqual(Uint8Array.of(7, 7));
  });

  test('wakes who waits for it, with SIGBUS', async () => {
    const { uffd, t0, t1, at } = machineWith();
    const load = t0.load8(at(0) + 1);
    const store = t1.store8(at(1), 1);
    uffd.poisonSync(pagesAt(at(0)));
    expect(await endingOfPromise(load)).toEqual(POISONED(at(0) + 1));
    uffd.poisonSync({ ...pagesAt(at(1)), mode: 1 });
    expect(t1.state).toBe('blocked');
    uffd.wakeSync(pagesAt(at(1)));
    expect(await endingOfPromise(store)).toEqual(POISONED(at(1)));
  });
});

describe('what else is there', () => {
  test.each([
    ['a page', 0],
    ['the zero page', 1],
    ['a uffd-wp marker', 2],
    ['a poison marker', 3],
  ])('%s is EEXIST', (_name, n) => {
    const { uffd, at } = machineWith({ modes: M | W, features: UFFD_FEATURE_WP_UNPOPULATED });
    uffd.copySync({ dst: at(0), src: page(1) });
    uffd.zeropageSync(pagesAt(at(1)));
    uffd.writeprotectSync({ ...pagesAt(at(2)), mode: 1 });
    uffd.poisonSync(pagesAt(at(3)));
    const again = () => uffd.poisonSync(pagesAt(at(n)));
    expect(ending(again)).toEqual({ code: 'EEXIST', progress: -17 });
  });

  test('a page that only the page cache has does not matter: other mappings are unaffected', () => {
    const { uffd, main, proc, t0, fd, at } = machineWith({ kind: 'shared', cached: [7] });
    mapAt(main, at(8), 1, { kind: 'shared', fd });
    expect(uffd.poisonSync(pagesAt(at(0), 2))).toBe(2 * PAGE);
    expect(pages(proc, BASE, 2)).toBe('m m');
    expect(ending(() => t0.load8Sync(at(0)))).toEqual(POISONED(at(0)));
    expect(t0.load8Sync(at(8))).toBe(7);
    expect(main.preadSync({ fd, count: 1, offset: 0 })).toEqual(Uint8Array.of(7));
  });

  test('a PROT_NONE or read-only area can be poisoned; a forbidden access is SIGSEGV', () => {
    const { uffd, t0, at } = machineWith({ prot: PROT_READ });
    uffd.poisonSync(pagesAt(at(0)));
    expect(ending(() => t0.store8Sync(at(0), 1))).toMatchObject({ code: 'SEGV_ACCERR' });
    expect(ending(() => t0.load8Sync(at(0)))).toEqual(POISONED(at(0)));
  });
});

describe('the marker', () => {
  test('survives UNREGISTER and close [9.53]', () => {
    const { uffd, main, t0, at } = machineWith();
    uffd.poisonSync(pagesAt(at(0)));
    uffd.unregisterSync(pagesAt(at(0), 4));
    expect(ending(() => t0.load8Sync(at(0)))).toEqual(POISONED(at(0)));
    uffd.close();
    expect(ending(() => t0.load8Sync(at(0)))).toEqual(POISONED(at(0)));
    main.madviseSync({ ...span(at(0)), advice: MADV_DONTNEED });
    expect(t0.load8Sync(at(0))).toBe(0);
  });

  test('is inherited by a forked child, with and without EVENT_FORK [9.53]', async () => {
    for (const features of [0, 2]) {
      const { uffd, machine, main, t0, at } = machineWith({ features });
      uffd.copySync({ dst: at(1), src: page(1) });
      uffd.poisonSync(pagesAt(at(0)));
      const fork = main.fork();
      drain(uffd, BASE);
      const child = machine.process(await fork);
      expect(ending(() => child.main.load8Sync(at(0)))).toEqual(POISONED(at(0)));
      child.main.madviseSync({ ...span(at(0)), advice: MADV_DONTNEED });
      expect(ending(() => t0.load8Sync(at(0)))).toEqual(POISONED(at(0)));
    }
  });

  test('goes with MADV_DONTNEED: the next access is a missing fault [9.53]', async () => {
    const { uffd, main, t0, at } = machineWith();
    uffd.poisonSync(pagesAt(at(0)));
    main.madviseSync({ ...span(at(0)), advice: MADV_DONTNEED });
    const load = t0.load8(at(0));
    expect(drain(uffd, BASE)).toEqual(['fault 0 @0']);
    uffd.copySync({ dst: at(0), src: page(3) });
    expect(await load).toBe(3);
  });

  test('is not touched by WRITEPROTECT, which succeeds', () => {
    const { uffd, proc, t0, at } = machineWith({
      modes: M | W,
      features: UFFD_FEATURE_WP_UNPOPULATED,
    });
    uffd.poisonSync(pagesAt(at(0)));
    uffd.writeprotectSync({ ...pagesAt(at(0), 2), mode: 1 });
    expect(pages(proc, BASE, 2)).toBe('m mw');
    uffd.writeprotectSync({ ...pagesAt(at(0), 2), mode: 0 });
    expect(pages(proc, BASE, 2)).toBe('m -');
    expect(ending(() => t0.load8Sync(at(0)))).toEqual(POISONED(at(0)));
  });
});
