/** Close, exit and death: who holds a userfaultfd, and what happens when nobody does. */
import {
  MADV_DONTNEED,
  UFFD_FEATURE_EVENT_REMOVE,
  UFFD_FEATURE_EVENT_UNMAP,
  UFFD_FEATURE_WP_UNPOPULATED,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { BASE, M, machineWith, N, page, pagesAt, span, W } from '../support/guest.js';
import { areas, drain, ending, errno, pages } from '../support/observe.js';

describe('the last close', () => {
  test('lets threads that wait go on with default behaviour, M and W alike [9.77]', async () => {
    const { uffd, main, t0, t1, at } = machineWith({ modes: M | W });
    uffd.copySync({ dst: at(1), src: page(5), mode: 2 });
    const load = t0.load8(at(0));
    const store = t1.store8(at(1), 6);
    drain(uffd, BASE);
    uffd.close();
    expect(await load).toBe(0);
    await store;
    expect(main.readSync(at(1), 2)).toEqual(Uint8Array.of(6, 5));
  });

  test('wakes waiters of W-only and N-only areas and of ranges no longer registered', async () => {
    const { uffd, t0, t1, at } = machineWith({ kind: 'shared', modes: N | W, cached: [7, 8] });
    const load = t0.load8(at(0));
    uffd.continueSync({ ...pagesAt(at(1)), mode: 2 });
    const store = t1.store8(at(1), 1);
    uffd.unregisterSync(pagesAt(at(0), 4));
    expect([t0.state, t1.state]).toEqual(['blocked', 'blocked']);
    uffd.close();
    expect(await load).toBe(7);
    await store;
  });

  test('unregisters every area, clears uffd-wp bits and markers, merges', () => {
    const { uffd, main, proc, t0, at } = machineWith({
      modes: 0,
      features: UFFD_FEATURE_WP_UNPOPULATED,
    });
    uffd.registerSync({ ...pagesAt(at(0), 2), mode: M | W });
    uffd.registerSync({ ...pagesAt(at(2), 2), mode: W });
    uffd.copySync({ dst: at(0), src: page(1), mode: 2 });
    uffd.writeprotectSync({ ...pagesAt(at(1), 3), mode: 1 });
    expect(pages(proc, BASE, 4)).toBe('Pw mw mw mw');
    main.closeSync(uffd.fd);
    expect(pages(proc, BASE, 4)).toBe('P - - -');
    expect(areas(proc, BASE)).toEqual(['0-4:none']);
    t0.store8Sync(at(0), 2);
    expect(t0.load8Sync(at(3))).toBe(0);
  });

  test('in 6.1 leaves uffd-wp bits, which trap again after the next registration', () => {
    const { uffd, main, proc, t0, at } = machineWith({ kernel: '6.1', modes: W });
    main.store8Sync(at(0), 1);
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: 1 });
    uffd.close();
    expect(pages(proc, BASE, 1)).toBe('Pw');
    const next = main.userfaultfdSync(0x800);
    next.apiSync();
    next.registerSync({ ...pagesAt(at(0), 4), mode: W });
    void t0.store8(at(0), 2);
    expect(drain(next, BASE)).toEqual(['fault 3 @0']);
  });

  test('lets an operation go on that waits for its event [9.95]', async () => {
    const { uffd, proc, t0, at } = machineWith({ features: UFFD_FEATURE_EVENT_REMOVE });
    uffd.zeropageSync(pagesAt(at(0)));
    const advice = t0.madvise({ ...span(at(0)), advice: MADV_DONTNEED });
    expect(pages(proc, BASE, 1)).toBe('P');
    uffd.close();
    await advice;
    expect(pages(proc, BASE, 1)).toBe('-');
  });

  test('leaves the range free for another userfaultfd', () => {
    const { uffd, main, at } = machineWith();
    uffd.close();
    const next = main.userfaultfdSync();
    expect(next.fd).toBe(uffd.fd);
    next.apiSync();
    expect(next.registerSync({ ...pagesAt(at(0), 4), mode: M }).ioctls).toBe(0x13cn);
  });
});

describe('other references', () => {
  test('a duplicate keeps it: only the last close releases', () => {
    const { uffd, proc, t0, at } = machineWith();
    const copy = uffd.dup();
    uffd.close();
    expect(areas(proc, BASE)).toEqual(['0-4:um']);
    void t0.load8(at(0));
    expect(drain(copy, BASE)).toEqual(['fault 0 @0']);
    copy.close();
    expect(t0.state).toBe('idle');
    expect(areas(proc, BASE)).toEqual(['0-4:none']);
  });

  test('another process keeps it; its exit releases', () => {
    const { uffd, machine, proc, t0, at } = machineWith();
    const manager = machine.spawn();
    const remote = manager.receive(uffd);
    uffd.close();
    void t0.load8(at(0));
    expect(drain(remote, BASE)).toEqual(['fault 0 @0']);
    manager.exit();
    expect(t0.state).toBe('idle');
    expect(areas(proc, BASE)).toEqual(['0-4:none']);
  });

  test('a forked child keeps it until it ends', () => {
    const { uffd, machine, main, proc } = machineWith();
    const child = machine.process(main.forkSync());
    uffd.close();
    expect(areas(proc, BASE)).toEqual(['0-4:um']);
    child.exit();
    expect(areas(proc, BASE)).toEqual(['0-4:none']);
  });

  test('a descriptor that EMFILE refuses holds nothing', () => {
    const full = machineWith({ spawn: { maxFiles: 1 } });
    expect(errno(() => full.uffd.dup())).toBe('EMFILE');
    full.uffd.close();
    expect(areas(full.proc, BASE)).toEqual(['0-4:none']);
    const { uffd, machine, proc } = machineWith();
    const manager = machine.spawn({ maxFiles: 0 });
    expect(errno(() => manager.receive(uffd))).toBe('EMFILE');
    uffd.close();
    expect(areas(proc, BASE)).toEqual(['0-4:none']);
  });
});

describe('the owner', () => {
  test('that ends neither waits nor sends events [9.97]', () => {
    const features = 0x4e; // FORK, REMAP, REMOVE, UNMAP
    const { uffd, machine, proc } = machineWith({ features });
    const remote = machine.spawn().receive(uffd);
    proc.exit();
    expect(proc.ended).toBe(true);
    expect(drain(remote, BASE)).toEqual([]);
  });

  test('that is dead: fills ESRCH, REGISTER ENOMEM, WAKE 0, MOVE EINVAL [9.96]', () => {
    const { uffd, machine, proc, at } = machineWith({ modes: M | W });
    const remote = machine.spawn().receive(uffd);
    proc.exit();
    const range = pagesAt(at(0));
    const calls: [() => unknown, object][] = [
      [() => remote.copySync({ dst: at(0), src: page(1) }), { code: 'ESRCH' }],
      [() => remote.zeropageSync(range), { code: 'ESRCH' }],
      [() => remote.continueSync(range), { code: 'ESRCH' }],
      [() => remote.poisonSync(range), { code: 'ESRCH' }],
      [() => remote.writeprotectSync({ ...range, mode: 1 }), { code: 'ESRCH' }],
      [() => remote.registerSync({ ...range, mode: M }), { code: 'ENOMEM' }],
      [() => remote.unregisterSync(range), { code: 'ENOMEM' }],
      [() => remote.wakeSync(range), { value: undefined }],
      [() => remote.moveSync({ dst: at(0), src: at(1), len: 4096 }), { code: 'EINVAL' }],
      [() => remote.readSync(new Uint8Array(32)), { code: 'EAGAIN' }],
      [() => remote.poll(), { value: 0 }],
    ];
    for (const [call, expected] of calls) expect(ending(call)).toEqual(expected);
  });

  test('that is dead does not hide bad arguments: these are EINVAL', () => {
    const { uffd, machine, proc, at } = machineWith({ modes: M | W });
    const remote = machine.spawn().receive(uffd);
    proc.exit();
    const calls = [
      () => remote.copySync({ dst: at(0) + 1, src: page(1) }),
      () => remote.copySync({ dst: at(0), src: page(1), mode: 4 }),
      () => remote.zeropageSync({ start: at(0), len: 0 }),
      () => remote.continueSync({ ...pagesAt(at(0)), mode: 4 }),
      () => remote.poisonSync({ ...pagesAt(at(0)), mode: 2 }),
      () => remote.writeprotectSync({ ...pagesAt(at(0)), mode: 3 }),
      () => remote.registerSync({ ...pagesAt(at(0)), mode: 0 }),
      () => remote.unregisterSync({ start: at(0) + 1, len: 4096 }),
      () => remote.wakeSync({ start: at(0), len: 1 }),
    ];
    expect(calls.map(errno)).toEqual(calls.map(() => 'EINVAL'));
  });

  test('that ends while it waits for one UNMAP closes the windows of all', async () => {
    const features = UFFD_FEATURE_EVENT_UNMAP;
    const { uffd, machine, main, proc, t0, at } = machineWith({ features, modes: 0 });
    const second = main.userfaultfdSync(0x800);
    second.apiSync({ features });
    uffd.registerSync({ ...pagesAt(at(0), 2), mode: M });
    second.registerSync({ ...pagesAt(at(2), 2), mode: M });
    const manager = machine.spawn();
    const remotes = [manager.receive(uffd), manager.receive(second)];
    const unmap = t0.munmap(span(at(0), 4));
    proc.kill();
    await expect(unmap).rejects.toMatchObject({ name: 'ProcessEndedError' });
    for (const remote of remotes) {
      expect(errno(() => remote.zeropageSync(pagesAt(at(0))))).toBe('ESRCH');
      expect(drain(remote, BASE)).toEqual([]);
    }
  });
});
