import { watchWrites } from 'uffd-emulator';
import { describe, expect, it } from 'vitest';
import { BASE, type Guest, M, machineWith, mapAt, PAGE, page, span, W } from '../support/guest.js';

/** Pages of the area that a watch saw written, by number. */
const numbers = (pages: readonly number[]): number[] => pages.map((addr) => (addr - BASE) / PAGE);

function watched(options: Parameters<typeof machineWith>[0] = {}) {
  const guest: Guest = machineWith({ modes: 0, pages: 8, ...options });
  const watch = watchWrites(guest.proc, span(BASE, 8));
  return { ...guest, watch, written: () => numbers(watch.written()) };
}

describe('a watch of writes', () => {
  it('sees stores of every size, also where the translation cache allowed them before', () => {
    const { main, at, watch, written } = watched();
    for (let n = 0; n < 8; n++) main.store8Sync(at(n), 1);
    watch.rearm();
    main.store8Sync(at(0), 2);
    main.store16Sync(at(1), 2);
    main.store32Sync(at(2), 2);
    main.store64Sync(at(3), 2n);
    main.rmw8Sync(at(4), (old) => old + 1);
    main.writeSync(at(6) - 1, Uint8Array.of(1, 2));
    expect(written()).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it('sees stores that hit the translation cache when the watch began', () => {
    const { main, at, proc } = watched();
    main.store8Sync(at(0), 1);
    main.store8Sync(at(0), 1);
    const late = watchWrites(proc, span(BASE, 8));
    main.store8Sync(at(0), 1);
    expect(numbers(late.written())).toEqual([0]);
  });

  it('sees the same page in each round', () => {
    const { main, at, watch } = watched();
    for (let round = 0; round < 3; round++) {
      main.store8Sync(at(2), round);
      expect(numbers(watch.rearm())).toEqual([2]);
    }
    expect(watch.written()).toEqual([]);
  });

  it('counts no load', () => {
    const { main, at, written } = watched();
    main.load8Sync(at(1));
    main.readSync(at(2), PAGE);
    expect(written()).toEqual([]);
  });

  it('counts what the kernel writes for a caller, and what other processes write', () => {
    const { main, at, machine, proc, watch } = watched();
    const { readFd, writeFd } = main.pipeSync();
    main.sysWriteSync({ fd: writeFd, addr: at(0), count: 8 });
    main.sysReadSync({ fd: readFd, addr: at(3), count: 8 });
    const other = machine.spawn().main;
    other.processVmWritevSync({ pid: proc.pid, addr: at(5) - 4, bytes: page(7).subarray(0, 8) });
    expect(watch.writes().map(({ page: addr, ways }) => [numbers([addr])[0], ways])).toEqual([
      [3, ['kernel']],
      [4, ['remote']],
      [5, ['remote']],
    ]);
    expect(numbers(watch.written(['kernel']))).toEqual([3]);
  });

  it('tells fills of the handler from writes of the guest', () => {
    const { main, at, uffd, watch, written } = watched({ modes: M | W });
    uffd.copySync({ dst: at(1), src: page(5) });
    uffd.zeropageSync({ start: at(2), len: PAGE });
    expect(written()).toEqual([]);
    expect(numbers(watch.filled())).toEqual([1, 2]);
    main.store8Sync(at(1), 6);
    expect(written()).toEqual([1]);
  });

  it('does not count a store that still waits for its page', async () => {
    const { t0, at, uffd, written } = watched({ modes: M });
    const store = t0.store8(at(0), 1);
    expect(written()).toEqual([]);
    uffd.zeropageSync({ start: at(0), len: PAGE });
    await store;
    expect(written()).toEqual([0]);
  });

  it('sees a shared page through every mapping of its file, and through the file', () => {
    const { main, fd, at, machine, proc, watch } = watched({ kind: 'shared' });
    mapAt(main, BASE + 64 * PAGE, 8, { kind: 'shared', fd });
    main.store8Sync(BASE + 65 * PAGE, 1);
    const child = machine.process(main.forkSync());
    child.main.store8Sync(at(2), 1);
    main.pwriteSync({ fd, bytes: page(1), offset: 3 * PAGE });
    expect(watch.writes().map(({ page: addr, ways }) => [numbers([addr])[0], ways])).toEqual([
      [1, ['alias']],
      [2, ['alias']],
      [3, ['file']],
    ]);
    expect(proc.maps()[0]?.perms).toBe('rw-s');
  });

  it('does not count what a child writes to its own copy', () => {
    const { main, at, machine, written } = watched();
    main.store8Sync(at(0), 1);
    const child = machine.process(main.forkSync());
    child.main.store8Sync(at(1), 1);
    expect(written()).toEqual([0]);
  });

  it('hears nothing after its end, and lets the translation cache hit again', () => {
    const { main, at, watch, machine, proc } = watched();
    watch.close();
    main.store8Sync(at(0), 1);
    expect(watch.written()).toEqual([]);
    expect(machine.system.memory.onPage).toBeUndefined();
    expect(proc.state.mm.tlb.cached(at(0)).write).toBe(true);
  });

  it('refuses ranges that are not made of whole pages', () => {
    const { proc } = watched();
    expect(() => watchWrites(proc, { addr: 1, length: PAGE })).toThrow('addr: 1 is not page');
    expect(() => watchWrites(proc, { addr: 0, length: 0 })).toThrow('length: 0 is no number of');
    expect(() => watchWrites(proc, { addr: 0, length: 5 })).toThrow('length: 5 is no number of');
  });
});

describe('a watch of a machine that is taken down or copied', () => {
  it('goes on after a restore, and does not reach a fork', () => {
    const { main, at, machine, watch, written } = watched();
    main.store8Sync(at(0), 1);
    const snapshot = machine.snapshot();
    main.store8Sync(at(1), 1);
    machine.restore(snapshot);
    main.store8Sync(at(2), 1);
    expect(written()).toEqual([0, 1, 2]);
    const copy = machine.fork();
    expect(copy.system.memory.onPage).toBeUndefined();
    copy.processes[0]?.main.store8Sync(at(3), 1);
    main.store8Sync(at(4), 1);
    expect(written()).toEqual([0, 1, 2, 4]);
    watch.close();
  });
});
