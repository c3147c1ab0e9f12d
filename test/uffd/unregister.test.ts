/** UFFDIO_UNREGISTER: what it accepts, whom it wakes, what it clears and what stays. */
import { UFFD_FEATURE_WP_UNPOPULATED } from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import {
  anotherUffd,
  BASE,
  M,
  machineWith,
  N,
  PAGE,
  page,
  pagesAt,
  span,
  W,
} from '../support/guest.js';
import { areas, drain, ending, errno, pages, snapshot } from '../support/observe.js';

describe('ranges', () => {
  test('never registered memory is 0, a hole alone is EINVAL [9.24]', () => {
    const { uffd, main, at } = machineWith({ pages: 6, modes: 0 });
    main.munmapSync(span(at(2), 2));
    expect(errno(() => uffd.unregisterSync(pagesAt(at(0), 2)))).toBe('ok');
    expect(errno(() => uffd.unregisterSync(pagesAt(at(2), 2)))).toBe('EINVAL');
    expect(errno(() => uffd.unregisterSync(pagesAt(at(1), 4)))).toBe('ok');
  });

  test('memory above which nothing is mapped is ENOMEM in 5.10 and 6.1, EINVAL later', () => {
    const above = (kernel: '5.10' | '6.1' | '6.6' | '6.18') => {
      const { uffd, at } = machineWith({ kernel });
      return [
        errno(() => uffd.unregisterSync(pagesAt(at(8)))),
        errno(() => uffd.registerSync({ ...pagesAt(at(8)), mode: M })),
      ];
    };
    expect(above('5.10')).toEqual(['ENOMEM', 'ENOMEM']);
    expect(above('6.1')).toEqual(['ENOMEM', 'ENOMEM']);
    expect(above('6.6')).toEqual(['EINVAL', 'EINVAL']);
    expect(above('6.18')).toEqual(['EINVAL', 'EINVAL']);
  });

  test("another userfaultfd's registration is EINVAL and nothing changes [9.25]", () => {
    const { uffd, main, machine, at } = machineWith({ modes: 0 });
    const other = anotherUffd(main);
    uffd.registerSync({ ...pagesAt(at(0), 2), mode: M });
    other.registerSync({ ...pagesAt(at(2), 2), mode: M });
    const before = snapshot(machine);
    expect(errno(() => other.unregisterSync(pagesAt(at(0), 4)))).toBe('EINVAL');
    expect(snapshot(machine)).toEqual(before);
  });

  test("another userfaultfd's registration goes, its waiter wakes, in 6.12 [9.25]", async () => {
    const { uffd, main, proc, t0, at } = machineWith({ kernel: '6.12' });
    const load = t0.load8(at(1));
    expect(drain(uffd, BASE)).toEqual(['fault 0 @1']);
    anotherUffd(main).unregisterSync(pagesAt(at(0), 4));
    expect(areas(proc, BASE)).toEqual(['0-4:none']);
    expect(await load).toBe(0);
  });
});

describe('waiters', () => {
  test('of a missing page continue, read and unread ones, and see zeros [9.26]', async () => {
    const { uffd, t0, t1, t2, at } = machineWith();
    const early = [t0.load8(at(0)), t1.load8(at(1))];
    expect(drain(uffd, BASE)).toEqual(['fault 0 @0', 'fault 0 @1']);
    const late = t2.rmw8(at(2), () => 5);
    expect(uffd.fdinfo()).toMatchObject({ pending: 1, total: 3 });
    uffd.unregisterSync(pagesAt(at(0), 4));
    expect(await Promise.all([...early, late])).toEqual([0, 0, 0]);
    expect(uffd.fdinfo()).toMatchObject({ pending: 0, total: 0 });
    expect(drain(uffd, BASE)).toEqual([]);
  });

  test('outside the range stay', () => {
    const { uffd, t0, t1, at } = machineWith();
    void t0.load8(at(0));
    void t1.load8(at(3));
    uffd.unregisterSync(pagesAt(at(0), 2));
    expect([t0.state, t1.state]).toEqual(['idle', 'blocked']);
  });

  test('of a W-only area stay blocked until WAKE [9.27]', async () => {
    const { uffd, t0, main, at } = machineWith({ modes: W });
    main.store8Sync(at(0), 1);
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: 1 });
    const store = t0.store8(at(0), 2);
    expect(drain(uffd, BASE)).toEqual(['fault 3 @0']);
    uffd.unregisterSync(pagesAt(at(0), 4));
    expect(t0.state).toBe('blocked');
    uffd.wakeSync(pagesAt(at(0)));
    await store;
    expect(main.load8Sync(at(0))).toBe(2);
  });

  test('of an N-only area stay blocked until WAKE [9.27]', async () => {
    const { uffd, t0, at } = machineWith({ kind: 'shared', modes: N, cached: [7] });
    const load = t0.load8(at(0));
    expect(drain(uffd, BASE)).toEqual(['fault 4 @0']);
    uffd.unregisterSync(pagesAt(at(0), 4));
    expect(t0.state).toBe('blocked');
    uffd.wakeSync(pagesAt(at(0), 4));
    expect(await load).toBe(7);
  });

  test('for write access wake too where the area has M beside W', async () => {
    const { uffd, t0, main, at } = machineWith({ modes: M | W });
    uffd.copySync({ dst: at(0), src: page(1), mode: 2 });
    const store = t0.store8(at(0), 2);
    expect(drain(uffd, BASE)).toEqual(['fault 3 @0']);
    uffd.unregisterSync(pagesAt(at(0), 4));
    await store;
    expect(main.load8Sync(at(0))).toBe(2);
  });
});

describe('what is cleared', () => {
  test('uffd-wp bits and markers go, pages stay [9.28]', () => {
    const { uffd, proc, main, t0, at } = machineWith({
      modes: W,
      features: UFFD_FEATURE_WP_UNPOPULATED,
    });
    main.writeSync(at(0), page(1));
    uffd.writeprotectSync({ ...pagesAt(at(0), 3), mode: 1 });
    expect(pages(proc, BASE, 4)).toBe('Pw mw mw -');
    uffd.unregisterSync(pagesAt(at(0), 2));
    expect(pages(proc, BASE, 4)).toBe('P - mw -');
    t0.store8Sync(at(0), 2);
    t0.store8Sync(at(1), 2);
    uffd.registerSync({ ...pagesAt(at(0), 4), mode: W });
    t0.store8Sync(at(0), 3);
    expect(drain(uffd, BASE)).toEqual([]);
  });

  test('markers of shmem go too', () => {
    const { uffd, proc, at } = machineWith({ kind: 'shared', modes: W, cached: [1] });
    uffd.writeprotectSync({ ...pagesAt(at(0), 2), mode: 1 });
    expect(pages(proc, BASE, 2)).toBe('mw mw');
    uffd.unregisterSync(pagesAt(at(0), 4));
    expect(pages(proc, BASE, 2)).toBe('- -');
  });

  test('5.10 clears nothing: the bits trap again after the next registration with W', () => {
    const { uffd, proc, main, t0, at } = machineWith({ kernel: '5.10', modes: W });
    main.writeSync(at(0), page(1));
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: 1 });
    uffd.unregisterSync(pagesAt(at(0), 4));
    uffd.registerSync({ ...pagesAt(at(0), 4), mode: W });
    void t0.store8(at(0), 2);
    expect(drain(uffd, BASE)).toEqual(['fault 3 @0']);
    expect(proc.threads[1]?.state).toBe('blocked');
  });

  test('poison stays', () => {
    const { uffd, t0, at } = machineWith();
    uffd.poisonSync(pagesAt(at(0)));
    uffd.unregisterSync(pagesAt(at(0), 4));
    expect(ending(() => t0.load8Sync(at(0) + 5))).toEqual({
      signal: 'SIGBUS',
      code: 'BUS_MCEERR_AR',
      addr: at(0) + 5,
    });
  });

  test('fills of the range are ENOENT afterwards', () => {
    const { uffd, at } = machineWith();
    uffd.unregisterSync(pagesAt(at(0), 4));
    expect(errno(() => uffd.zeropageSync(pagesAt(at(0))))).toBe('ENOENT');
    expect(errno(() => uffd.copySync({ dst: at(0), src: new Uint8Array(PAGE) }))).toBe('ENOENT');
  });
});
