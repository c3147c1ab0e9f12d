/**
 * Accesses: no address reaches memory that is not its own, one instruction happens as a whole, and
 * one that can never end is given up with a sentence.
 */
import { FaultLivelockError, FaultPendingError, SignalError } from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { TASK_SIZE } from '../../src/base/page.js';
import {
  BASE,
  M,
  machineWith,
  mapAt,
  newMachine,
  PAGE,
  page,
  pagesAt,
  W,
} from '../support/guest.js';
import { errno, snapshot } from '../support/observe.js';

const ABOVE = [47n, 48n, 50n, 52n, 53n, 60n, 63n].map((bit) => [`2^${bit}`, 1n << bit] as const);

describe('an address beyond user space', () => {
  /** Two processes, made one after the other, each with a page at BASE. */
  function neighbours() {
    const machine = newMachine();
    const procs = [machine.spawn(), machine.spawn(), machine.spawn()];
    procs.forEach(({ main }, i) => {
      mapAt(main, BASE, 1);
      main.store8Sync(BASE, i + 1);
    });
    return { machine, procs, mains: procs.map(({ main }) => main) };
  }

  test.each(ABOVE)('%s above a mapped page is SIGSEGV, here and in every neighbour', (_, above) => {
    const { machine, mains } = neighbours();
    const before = snapshot(machine);
    const addr = BigInt(BASE) + above;
    for (const main of mains) {
      expect(errno(() => main.load64Sync(addr))).toBe('SIGSEGV');
      expect(errno(() => main.store64Sync(addr, 99n))).toBe('SIGSEGV');
      expect(errno(() => main.rmw8Sync(addr, () => 99))).toBe('SIGSEGV');
      expect(errno(() => main.readSync(addr, 8))).toBe('SIGSEGV');
      expect(errno(() => main.writeSync(addr, page(99)))).toBe('SIGSEGV');
    }
    expect(snapshot(machine)).toEqual(before);
    expect(mains.map((main) => main.load8Sync(BASE))).toEqual([1, 2, 3]);
  });

  test.each(ABOVE)('%s above a mapped page is an error for system calls too', (_, above) => {
    const { mains, procs } = neighbours();
    const [main] = mains;
    const pid = procs[1]?.pid ?? 0;
    const addr = BigInt(BASE) + above;
    const pipe = main?.pipeSync() ?? { readFd: -1, writeFd: -1 };
    expect(errno(() => main?.sysWriteSync({ fd: pipe.writeFd, addr, count: 8 }))).toBe('EFAULT');
    expect(errno(() => main?.processVmReadvSync({ pid, addr, length: 8 }))).toBe('EFAULT');
    const bytes = Uint8Array.of(99);
    expect(errno(() => main?.processVmWritevSync({ pid, addr, bytes }))).toBe('EFAULT');
    expect(['EIO', 'EINVAL']).toContain(errno(() => main?.peekSync({ pid, addr, length: 8 })));
    expect(['EIO', 'EINVAL']).toContain(errno(() => main?.pokeSync({ pid, addr, bytes })));
    expect(mains.map((thread) => thread.load8Sync(BASE))).toEqual([1, 2, 3]);
  });

  test('as a plain number is refused by the fast path as well', () => {
    const { mains } = neighbours();
    for (const main of mains) {
      expect(() => main.load8Sync(BASE + 2 ** 48)).toThrow(SignalError);
      expect(() => main.store8Sync(BASE + 2 ** 48, 1)).toThrow(SignalError);
    }
  });

  test('begins at TASK_SIZE: the last page is memory, an access across its end is not', () => {
    const { main } = newMachine().spawn();
    mapAt(main, TASK_SIZE - PAGE, 1);
    main.store8Sync(TASK_SIZE - 1, 7);
    expect(main.load8Sync(TASK_SIZE - 1)).toBe(7);
    const across = () => main.load32Sync(TASK_SIZE - 2);
    expect(across).toThrow(expect.objectContaining({ code: 'SEGV_MAPERR', siAddr: TASK_SIZE }));
  });
});

describe('an access across two pages', () => {
  test('carries its bytes low one first', () => {
    const { main, at } = machineWith({ modes: 0 });
    main.store64Sync(at(1) - 3, 0x0807_0605_0403_0201n);
    expect([...main.readSync(at(1) - 3, 8)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(main.load32Sync(at(1) - 2)).toBe(0x0504_0302);
    expect(main.load16Sync(at(1) - 1)).toBe(0x0403);
  });

  test('that fails on the second changes nothing on the first, and names its first byte', () => {
    const { main, at } = machineWith({ modes: 0 });
    main.store32Sync(at(4) - 4, 0x1111_1111);
    const store = () => main.store64Sync(at(4) - 4, -1n & 0xffff_ffff_ffff_ffffn);
    expect(store).toThrow(expect.objectContaining({ siAddr: at(4) }));
    expect(main.load32Sync(at(4) - 4)).toBe(0x1111_1111);
  });

  test('needs both pages at once: a fault for each, then the whole value', async () => {
    const { t0, uffd, at } = machineWith();
    const store = t0.store64(at(1) - 4, 0x2222_2222_1111_1111n);
    expect(uffd.readMsgSync()).toMatchObject({ address: at(0), flags: 1 });
    uffd.zeropageSync(pagesAt(at(0)));
    expect(t0.state).toBe('blocked');
    expect(uffd.readMsgSync()).toMatchObject({ address: at(1), flags: 1 });
    uffd.zeropageSync(pagesAt(at(1)));
    await store;
    expect(t0.load64Sync(at(1) - 4)).toBe(0x2222_2222_1111_1111n);
  });
});

describe('a run of bytes', () => {
  test('stops at the first byte that cannot be had; those before it stay written', () => {
    const { main, at } = machineWith({ modes: 0 });
    const write = () => main.writeSync(at(3), page(7, 2));
    expect(write).toThrow(expect.objectContaining({ siAddr: at(4) }));
    expect(main.load8Sync(at(4) - 1)).toBe(7);
  });

  test('of no bytes touches nothing, wherever it points', () => {
    const { main } = newMachine().spawn();
    expect(main.readSync(0, 0)).toHaveLength(0);
    expect(() => main.writeSync(1n << 63n, new Uint8Array(0))).not.toThrow();
  });
});

describe('a fault that never ends', () => {
  test('is named after 1000 tries', () => {
    const { t0, uffd, at } = machineWith();
    let messages = 0;
    uffd.on('pagefault', (fault) => {
      messages++;
      fault.wakeSync();
    });
    expect(() => t0.load8Sync(at(0))).toThrow(FaultLivelockError);
    expect(messages).toBe(1000);
    expect(t0.state).toBe('idle');
  });

  test('is pending for a call without waiting: nothing is changed, no message stays', () => {
    const { machine, t0, uffd, at } = machineWith({ modes: M | W });
    const before = snapshot(machine);
    expect(() => t0.store8Sync(at(0), 1)).toThrow(FaultPendingError);
    expect(uffd.readMsgSync()).toBeUndefined();
    expect(uffd.fdinfo()).toMatchObject({ pending: 0, total: 0 });
    expect(snapshot(machine)).toMatchObject({
      processes: (before as { processes: unknown }).processes,
    });
  });
});

test('a translation that was remembered is not used after the page changed hands', () => {
  const { main, proc, at } = machineWith({ modes: 0 });
  main.store8Sync(at(0), 1);
  main.store8Sync(at(1), 2);
  expect(main.load8Sync(at(0))).toBe(1);
  main.mremapSync({
    oldAddress: at(1),
    oldSize: PAGE,
    newSize: PAGE,
    newAddress: at(0),
    flags: 3,
  });
  expect(main.load8Sync(at(0))).toBe(2);
  expect(errno(() => main.load8Sync(at(1)))).toBe('SIGSEGV');
  expect(proc.maps()).toHaveLength(2);
});
