/**
 * The end of a process: its memory, its descriptors, its threads, and what others that depend on it
 * get. Ended by exit, by SIGKILL, or because memory ran out.
 */
import {
  MAP_NORESERVE,
  ProcessEndedError,
  SignalError,
  ThreadBusyError,
  UFFD_FEATURE_EVENT_UNMAP,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import {
  ANON,
  BASE,
  machineWith,
  mapAt,
  memfd,
  newMachine,
  PAGE,
  page,
  pagesAt,
  RW,
} from '../support/guest.js';
import { errno } from '../support/observe.js';

describe('exit', () => {
  test('gives every frame and page table back', () => {
    const machine = newMachine();
    const proc = machine.spawn();
    const fd = memfd(proc.main, 4, [1, 2, 3, 4]);
    for (const [n, kind] of (['anon', 'shared', 'private'] as const).entries()) {
      mapAt(proc.main, BASE + n * 2 ** 40, 4, { kind, fd });
      for (let i = 0; i < 4; i++) proc.main.store8Sync(BASE + n * 2 ** 40 + i * PAGE, 1);
    }
    proc.exit();
    expect(machine.freePages).toBe(machine.totalPages);
    expect(proc.maps()).toEqual([]);
  });

  test('sends no event, although everything is unmapped', () => {
    const { machine, proc, uffd } = machineWith({ features: UFFD_FEATURE_EVENT_UNMAP });
    const manager = machine.spawn().receive(uffd);
    proc.exit();
    expect(manager.readMsgSync()).toBeUndefined();
    expect(errno(() => manager.copySync({ dst: BASE, src: page(1) }))).toBe('ESRCH');
  });

  test('leaves pages that others share to them', () => {
    const machine = newMachine();
    const parent = machine.spawn();
    mapAt(parent.main, BASE, 2);
    parent.main.writeSync(BASE, page(5, 2));
    const child = machine.process(parent.main.forkSync());
    parent.exit();
    expect(child.main.readSync(BASE, 2 * PAGE)).toEqual(page(5, 2));
    child.exit();
    expect(machine.freePages).toBe(machine.totalPages);
  });

  test('ends the threads: a sleeping one rejects, every later call is refused', async () => {
    const { proc, t0, main, at } = machineWith();
    const load = t0.load8(at(0));
    proc.kill();
    await expect(load).rejects.toThrow(ProcessEndedError);
    expect([t0.state, main.state, proc.ended]).toEqual(['dead', 'dead', true]);
    expect(() => main.load8Sync(at(0))).toThrow(ThreadBusyError);
    expect(() => main.mmapSync({ length: PAGE, prot: RW, flags: ANON })).toThrow(ThreadBusyError);
  });

  test('twice is once', () => {
    const machine = newMachine();
    const proc = machine.spawn();
    proc.exit();
    proc.kill();
    expect(machine.freePages).toBe(machine.totalPages);
  });
});

describe('memory that runs out', () => {
  const huge = { length: 2 ** 30, prot: RW, flags: ANON | MAP_NORESERVE };

  test('ends the process that has most: it gets SIGKILL, the smaller one goes on', async () => {
    const machine = newMachine({ memory: 128 * PAGE });
    const [small, large] = [machine.spawn(), machine.spawn()];
    mapAt(small.main, BASE, 1);
    small.main.store8Sync(BASE, 1);
    const addr = large.main.mmapSync(huge);
    const error = await large.main.write(addr, page(1, 200)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SignalError);
    expect(error).toMatchObject({ signal: 'SIGKILL' });
    expect([small.ended, large.ended]).toEqual([false, true]);
    expect(small.main.load8Sync(BASE)).toBe(1);
    machine.close();
    expect(machine.freePages).toBe(machine.totalPages);
  });

  test('ends another process, if that has more, and the access goes through', () => {
    const machine = newMachine({ memory: 128 * PAGE });
    const [small, large] = [machine.spawn(), machine.spawn()];
    large.main.writeSync(large.main.mmapSync(huge), page(1, 100));
    const addr = small.main.mmapSync(huge);
    small.main.writeSync(addr, page(2, 50));
    expect([small.ended, large.ended]).toEqual([false, true]);
    expect(small.main.readSync(addr, 50 * PAGE)).toEqual(page(2, 50));
  });

  test.each(['store8Sync', 'store32Sync'] as const)('is SIGKILL for %s as well', (store) => {
    const machine = newMachine({ memory: 64 * PAGE });
    const proc = machine.spawn();
    const addr = proc.main.mmapSync(huge);
    const fill = () => {
      for (let n = 0; n < 100; n++) proc.main[store](addr + n * PAGE, 1);
    };
    expect(fill).toThrow(expect.objectContaining({ name: 'SignalError', signal: 'SIGKILL' }));
    expect(proc.ended).toBe(true);
  });

  test('in a file that nobody maps: who gets SIGKILL is dead', () => {
    const machine = newMachine({ memory: 64 * PAGE });
    const proc = machine.spawn();
    const fd = proc.main.memfdCreateSync('ram');
    proc.main.pwriteSync({ fd, bytes: page(1, 64), offset: 0 });
    const addr = proc.main.mmapSync(huge);
    expect(errno(() => proc.main.store8Sync(addr, 1))).toBe('SIGKILL');
    expect(proc.ended).toBe(true);
    expect(machine.freePages).toBe(machine.totalPages);
  });

  test('is ENOMEM for fills and registrations of a manager, who lives', () => {
    const { machine, main, uffd, at } = machineWith({ memory: 64 * PAGE, pages: 40 });
    const fd = main.memfdCreateSync('ram');
    main.pwriteSync({ fd, bytes: page(1, 64), offset: 0 });
    expect(machine.freePages).toBe(0);
    expect(errno(() => uffd.copySync({ dst: at(0), src: page(1) }))).toBe('ENOMEM');
    expect(errno(() => uffd.zeropageSync(pagesAt(at(0))))).toBe('ENOMEM');
    expect(main.state).toBe('idle');
    main.ftruncateSync({ fd, length: 0 });
    expect(uffd.copySync({ dst: at(0), src: page(1) })).toBe(PAGE);
  });

  test('makes a machine refuse another process', () => {
    const machine = newMachine({ memory: PAGE });
    machine.spawn();
    expect(() => machine.spawn()).toThrow(RangeError);
    expect(machine.freePages).toBe(0);
  });
});
