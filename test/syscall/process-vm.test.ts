/**
 * process_vm_readv(2), process_vm_writev(2) and /proc/PID/mem: whose memory, how much of it, what
 * waits and what never does.
 */
import { PROT_EXEC, PROT_NONE, PROT_READ, PROT_WRITE, UFFD_FEATURE_SIGBUS } from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { pageState } from '../mm/page-state.js';
import { BASE, machineWith, mapAt, newMachine, PAGE, page, pagesAt, W } from '../support/guest.js';
import { errno } from '../support/observe.js';

/** A process that looks, and one with four pages that hold 1, 2, 3, 4. */
function pair() {
  const machine = newMachine();
  const [viewer, target] = [machine.spawn(), machine.spawn()];
  mapAt(target.main, BASE, 4);
  for (let n = 0; n < 4; n++) target.main.writeSync(BASE + n * PAGE, page(n + 1));
  const { pid } = target;
  const read = (addr: number | bigint, length: number | bigint) =>
    viewer.main.processVmReadvSync({ pid, addr, length });
  const write = (addr: number, bytes: Uint8Array) =>
    viewer.main.processVmWritevSync({ pid, addr, bytes });
  const peek = (addr: number, length: number) => viewer.main.peekSync({ pid, addr, length });
  const poke = (addr: number, bytes: Uint8Array) => viewer.main.pokeSync({ pid, addr, bytes });
  return { machine, viewer: viewer.main, target, read, write, peek, poke };
}

describe('process_vm_readv and process_vm_writev', () => {
  test('carry bytes across pages, in any process', () => {
    const { read, write, target } = pair();
    expect([...read(BASE + PAGE - 2, 4)]).toEqual([1, 1, 2, 2]);
    expect(write(BASE + PAGE - 1, Uint8Array.of(8, 9))).toBe(2);
    expect([...target.main.readSync(BASE + PAGE - 1, 2)]).toEqual([8, 9]);
  });

  test('are short when a later page cannot be had, EFAULT when the first one cannot', () => {
    const { read, write } = pair();
    expect(read(BASE + 3 * PAGE, 2 * PAGE)).toEqual(page(4));
    expect(write(BASE + 3 * PAGE, page(7, 2))).toBe(PAGE);
    expect(errno(() => read(BASE + 4 * PAGE, 1))).toBe('EFAULT');
    expect(errno(() => write(BASE + 4 * PAGE, page(1)))).toBe('EFAULT');
  });

  test('of more than there can be take what there is; of 2^63 bytes are EINVAL', () => {
    const { read } = pair();
    expect(read(BASE, 1n << 50n)).toHaveLength(4 * PAGE);
    expect(errno(() => read(BASE, 1n << 63n))).toBe('EINVAL');
  });

  test('of nothing are 0, wherever they point', () => {
    const { read, write } = pair();
    expect(read(0, 0)).toHaveLength(0);
    expect(write(0, new Uint8Array(0))).toBe(0);
  });

  test('of a process that ended are ESRCH', () => {
    const { read, target, viewer } = pair();
    target.exit();
    expect(errno(() => read(BASE, 1))).toBe('ESRCH');
    expect(errno(() => viewer.processVmReadvSync({ pid: 9999, addr: 0, length: 1 }))).toBe('ESRCH');
  });

  test.each([
    ['PROT_NONE', PROT_NONE, 'EFAULT', 'EFAULT'],
    ['PROT_READ', PROT_READ, 'ok', 'EFAULT'],
    ['PROT_WRITE', PROT_WRITE, 'EFAULT', 'ok'],
    ['PROT_EXEC', PROT_EXEC, 'EFAULT', 'EFAULT'],
  ])('want the right that they name: %s', (_name, prot, reading, writing) => {
    const { read, write, target } = pair();
    mapAt(target.main, BASE + 8 * PAGE, 1, { prot });
    expect([
      errno(() => read(BASE + 8 * PAGE, 1)),
      errno(() => write(BASE + 8 * PAGE, page(1))),
    ]).toEqual([reading, writing]);
  });

  test('of a missing page wait for its userfaultfd', async () => {
    const { machine, proc, uffd, at } = machineWith();
    const viewer = machine.spawn().main;
    const bytes = viewer.processVmReadv({ pid: proc.pid, addr: at(0) + 5, length: 2 });
    expect(viewer.state).toBe('blocked');
    expect(uffd.readMsgSync()).toMatchObject({ address: at(0), flags: 0 });
    uffd.copySync({ dst: at(0), src: page(6) });
    expect(await bytes).toEqual(Uint8Array.of(6, 6));
  });

  test('have every page before they copy a byte', async () => {
    const { machine, main, proc, uffd, at } = machineWith({ pages: 2, modes: 0 });
    uffd.registerSync({ ...pagesAt(at(1)), mode: 1 });
    const viewer = machine.spawn().main;
    const request = { pid: proc.pid, addr: at(0), bytes: page(9, 2) };
    const written = viewer.processVmWritev(request);
    expect(viewer.state).toBe('blocked');
    expect([pageState(proc, at(0)), main.load8Sync(at(0))]).toEqual(['PX', 0]);
    uffd.zeropageSync(pagesAt(at(1)));
    expect(await written).toBe(2 * PAGE);
    expect([main.load8Sync(at(0)), main.load8Sync(at(1))]).toEqual([9, 9]);
  });

  test('look at the rights again after they waited', async () => {
    const { machine, main, proc, uffd, at } = machineWith({ pages: 2, modes: 0 });
    uffd.registerSync({ ...pagesAt(at(1)), mode: 1 });
    const viewer = machine.spawn().main;
    const bytes = viewer.processVmReadv({ pid: proc.pid, addr: at(0), length: 2 * PAGE });
    expect(viewer.state).toBe('blocked');
    main.mprotectSync({ addr: at(0), length: 2 * PAGE, prot: PROT_WRITE });
    uffd.wakeSync(pagesAt(at(1)));
    expect(viewer.state).toBe('idle');
    expect(await bytes).toHaveLength(PAGE);
  });

  test('of a page whose userfaultfd answers with SIGBUS are EFAULT', () => {
    const { machine, proc, at } = machineWith({ features: UFFD_FEATURE_SIGBUS });
    const viewer = machine.spawn().main;
    const request = { pid: proc.pid, addr: at(0), length: 1 };
    expect(errno(() => viewer.processVmReadvSync(request))).toBe('EFAULT');
  });

  test('of a protected page: reading is silent, writing waits', async () => {
    const { machine, main, proc, uffd, at } = machineWith({ modes: W });
    main.store8Sync(at(0), 1);
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: 1 });
    const viewer = machine.spawn().main;
    const where = { pid: proc.pid, addr: at(0) };
    expect(viewer.processVmReadvSync({ ...where, length: 1 })).toEqual(Uint8Array.of(1));
    const written = viewer.processVmWritev({ ...where, bytes: Uint8Array.of(2) });
    expect(uffd.readMsgSync()).toMatchObject({ flags: 3 });
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: 0 });
    expect(await written).toBe(1);
  });
});

describe('/proc/PID/mem', () => {
  test('reads and writes across pages, short at the first page that is not there', () => {
    const { peek, poke, target } = pair();
    expect([...peek(BASE + PAGE - 1, 2)]).toEqual([1, 2]);
    expect(peek(BASE + 3 * PAGE, 2 * PAGE)).toHaveLength(PAGE);
    expect(poke(BASE + 4 * PAGE - 1, Uint8Array.of(7, 8))).toBe(1);
    expect(target.main.load8Sync(BASE + 4 * PAGE - 1)).toBe(7);
  });

  test('is EIO where nothing is mapped', () => {
    const { peek, poke } = pair();
    expect(errno(() => peek(BASE + 4 * PAGE, 1))).toBe('EIO');
    expect(errno(() => poke(BASE + 4 * PAGE, Uint8Array.of(1)))).toBe('EIO');
  });

  test('ignores rights, except writes to shared memory; 7.3 does not read PROT_NONE', () => {
    for (const [kernel, expected] of [
      ['6.18', 'ok'],
      ['7.3', 'EIO'],
    ] as const) {
      const { main, proc, at } = machineWith({ kernel, modes: 0 });
      main.store8Sync(at(0), 5);
      main.mprotectSync({ addr: at(0), length: PAGE, prot: PROT_NONE });
      const request = { pid: proc.pid, addr: at(0), length: 1 };
      expect(errno(() => main.peekSync(request))).toBe(expected);
    }
  });

  test('fills in what nobody waits for: zeros and pages of the file', () => {
    const { peek, poke, target } = pair();
    mapAt(target.main, BASE + 8 * PAGE, 2);
    expect([...peek(BASE + 8 * PAGE, 1)]).toEqual([0]);
    expect(pageState(target, BASE + 8 * PAGE)).toBe('P');
    poke(BASE + 9 * PAGE, Uint8Array.of(3));
    expect(pageState(target, BASE + 9 * PAGE)).toBe('PX');
  });

  test('never waits and sends no message: missing and protected pages are EIO', () => {
    const { main, proc, uffd, at } = machineWith({ modes: 3 });
    const bytes = Uint8Array.of(1);
    expect(errno(() => main.peekSync({ pid: proc.pid, addr: at(0), length: 1 }))).toBe('EIO');
    expect(errno(() => main.pokeSync({ pid: proc.pid, addr: at(0), bytes }))).toBe('EIO');
    uffd.copySync({ dst: at(0), src: page(4), mode: 2 });
    expect(main.peekSync({ pid: proc.pid, addr: at(0), length: 1 })).toEqual(Uint8Array.of(4));
    expect(errno(() => main.pokeSync({ pid: proc.pid, addr: at(0), bytes }))).toBe('EIO');
    uffd.poisonSync(pagesAt(at(1)));
    expect(errno(() => main.peekSync({ pid: proc.pid, addr: at(1), length: 1 }))).toBe('EIO');
    expect(uffd.readMsgSync()).toBeUndefined();
  });
});
