/** UFFDIO_MOVE: which pages it moves, what it leaves behind, which areas it refuses. */
import {
  PROT_READ,
  UFFD_FEATURE_WP_UNPOPULATED,
  UFFDIO_MOVE,
  type Userfaultfd,
  uffdio_move,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import {
  anotherUffd,
  BASE,
  M,
  machineWith,
  mapAt,
  PAGE,
  page,
  pagesAt,
  span,
  W,
} from '../support/guest.js';
import { areas, drain, ending, errno, pages, snapshot } from '../support/observe.js';

const HOLES = 2;

/** A registered area at page 0 and an unregistered one of four written pages at page 16. */
function withSource(options: Parameters<typeof machineWith>[0] = {}) {
  const guest = machineWith(options);
  mapAt(guest.main, guest.at(16), 4);
  for (const n of [0, 1, 2, 3]) guest.main.store8Sync(guest.at(16 + n), n + 1);
  const move = (uffd: Userfaultfd, dst: number, src: number, count: number, mode = 0) =>
    ending(() => {
      const [to, from] = [guest.at(dst), guest.at(src)];
      return uffd.moveSync({ dst: to, src: from, len: count * PAGE, mode });
    });
  return { ...guest, move: move.bind(undefined, guest.uffd), moveOn: move };
}

describe('a present page', () => {
  test('goes to dst with its content and leaves src empty, without a copy [9.54]', () => {
    const { uffd, proc, machine, t0, at, move } = withSource();
    uffd.zeropageSync(pagesAt(at(3)));
    const before = machine.freePages;
    expect(move(0, 16, 2)).toEqual({ value: 2 * PAGE });
    expect(machine.freePages).toBe(before);
    expect(pages(proc, at(0), 3)).toBe('P P -');
    expect(pages(proc, at(16), 4)).toBe('- - P P');
    expect([t0.load8Sync(at(0)), t0.load8Sync(at(1)), t0.load8Sync(at(16))]).toEqual([1, 2, 0]);
  });

  test('cannot go where something is: EEXIST, also for the zero page and markers [9.54]', () => {
    const { uffd, at, move } = withSource({ modes: M | W, features: UFFD_FEATURE_WP_UNPOPULATED });
    uffd.copySync({ dst: at(0), src: page(1) });
    uffd.zeropageSync(pagesAt(at(1)));
    uffd.writeprotectSync({ ...pagesAt(at(2)), mode: 1 });
    uffd.poisonSync(pagesAt(at(3)));
    for (const n of [0, 1, 2, 3]) {
      expect(move(n, 16, 1)).toEqual({ code: 'EEXIST', progress: -17 });
      expect(move(n, 16, 1, HOLES)).toEqual({ code: 'EEXIST', progress: -17 });
    }
  });

  test('that is the zero page moves as the zero page', () => {
    const { uffd, proc, t0, at } = withSource();
    uffd.zeropageSync(pagesAt(at(0)));
    uffd.moveSync({ dst: at(1), src: at(0), len: PAGE });
    expect(pages(proc, at(0), 2)).toBe('- P');
    t0.store8Sync(at(1), 5);
    expect(t0.load8Sync(at(1))).toBe(5);
  });

  test('in an M+W area is not write-protected, even when it was at src [9.58]', () => {
    const { uffd, proc, t0, at, move } = withSource({ modes: M | W });
    expect(move(0, 16, 1)).toEqual({ value: PAGE });
    uffd.copySync({ dst: at(1), src: page(6), mode: 2 });
    expect(pages(proc, at(0), 2)).toBe('P Pw');
    expect(move(2, 1, 1)).toEqual({ value: PAGE });
    expect(pages(proc, at(0), 3)).toBe('P - P');
    t0.store8Sync(at(2), 9);
    expect(drain(uffd, BASE)).toEqual([]);
  });

  test('may move inside one area; src and dst alike are EEXIST', () => {
    const { uffd, proc, at, move } = withSource();
    uffd.copySync({ dst: at(0), src: page(1) });
    expect(move(0, 0, 1)).toEqual({ code: 'EEXIST', progress: -17 });
    expect(move(3, 0, 1)).toEqual({ value: PAGE });
    expect(pages(proc, at(0), 4)).toBe('- - - P');
  });

  test('an overlapping range moves page by page upward', () => {
    const { uffd, t0, proc, at, move } = withSource();
    uffd.copySync({ dst: at(1), src: page(1) });
    uffd.copySync({ dst: at(2), src: page(2) });
    expect(move(0, 1, 2)).toEqual({ value: 2 * PAGE });
    expect([t0.load8Sync(at(0)), t0.load8Sync(at(1))]).toEqual([1, 2]);
    expect(move(1, 0, 2)).toEqual({ code: 'EEXIST', progress: -17 });
    expect(pages(proc, at(0), 3)).toBe('P P -');
  });

  test('wakes who waits at dst, unless DONTWAKE', async () => {
    const { uffd, t0, t1, at, move } = withSource();
    const loads = [t0.load8(at(0)), t1.load8(at(1))];
    move(0, 16, 1);
    move(1, 17, 1, 1);
    expect([t0.state, t1.state]).toEqual(['idle', 'blocked']);
    uffd.wakeSync(pagesAt(at(1)));
    expect(await Promise.all(loads)).toEqual([1, 2]);
  });

  test('from a registered source makes its next access a missing fault', () => {
    const { uffd, t0, at, move } = withSource();
    uffd.copySync({ dst: at(0), src: page(1) });
    move(1, 0, 1);
    void t0.load8(at(0));
    expect(drain(uffd, BASE)).toEqual(['fault 0 @0']);
  });
});

describe('an empty source', () => {
  test('is ENOENT, with ALLOW_SRC_HOLES it counts as moved [9.54]', () => {
    const { main, proc, at, move } = withSource();
    main.madviseSync({ ...span(at(17)), advice: 4 });
    expect(move(0, 17, 1)).toEqual({ code: 'ENOENT', progress: -2 });
    expect(move(0, 16, 3)).toEqual({ code: 'EAGAIN', progress: PAGE });
    expect(move(1, 17, 3, HOLES)).toEqual({ value: 3 * PAGE });
    expect(pages(proc, at(0), 4)).toBe('P - P P');
  });

  test('is looked at after dst: an occupied dst is EEXIST', () => {
    const { uffd, main, at, move } = withSource();
    uffd.zeropageSync(pagesAt(at(0)));
    main.madviseSync({ ...span(at(17)), advice: 4 });
    expect(move(0, 17, 1)).toEqual({ code: 'EEXIST', progress: -17 });
  });

  test('without a page table is ENOENT before dst is looked at', () => {
    const { uffd, main, at, move } = withSource();
    mapAt(main, at(1024), 1);
    uffd.zeropageSync(pagesAt(at(0)));
    expect(move(0, 1024, 1)).toEqual({ code: 'ENOENT', progress: -2 });
    expect(move(0, 1024, 1, HOLES)).toEqual({ code: 'EEXIST', progress: -17 });
    expect(move(1, 1024, 1, HOLES)).toEqual({ value: PAGE });
  });

  test('that is a marker is EFAULT', () => {
    const { uffd, at, move } = withSource({ modes: M | W, features: UFFD_FEATURE_WP_UNPOPULATED });
    uffd.poisonSync(pagesAt(at(1)));
    uffd.writeprotectSync({ ...pagesAt(at(2)), mode: 1 });
    for (const n of [1, 2]) {
      expect(move(0, n, 1)).toEqual({ code: 'EFAULT', progress: -14 });
      expect(move(0, n, 1, HOLES)).toEqual({ code: 'EFAULT', progress: -14 });
    }
  });
});

describe('a page shared with a forked child', () => {
  test('is EBUSY until the parent writes it [9.55]', () => {
    const { main, t0, machine, at, move } = withSource();
    const child = machine.process(main.forkSync());
    expect(move(0, 16, 1)).toEqual({ code: 'EBUSY', progress: -16 });
    t0.store8Sync(at(16), 9);
    expect(move(0, 16, 1)).toEqual({ value: PAGE });
    expect([t0.load8Sync(at(0)), child.main.load8Sync(at(16))]).toEqual([9, 1]);
  });
});

describe('areas that do not match are EINVAL -22 [9.56]', () => {
  const refused = { code: 'EINVAL', progress: -22 };

  test('dst that is not registered, or with another userfaultfd', () => {
    const { uffd, main, at, move, moveOn } = withSource();
    uffd.unregisterSync(pagesAt(at(0), 2));
    expect(move(0, 16, 1)).toEqual(refused);
    expect(moveOn(anotherUffd(main), 2, 16, 1)).toEqual(refused);
    expect(move(2, 16, 1)).toEqual({ value: PAGE });
  });

  test.each(['shared', 'private'] as const)('%s shmem on either side', (kind) => {
    const { main, uffd, fd, at, move } = withSource({ kind });
    expect(move(0, 16, 1)).toEqual(refused);
    mapAt(main, at(32), 4);
    uffd.registerSync({ ...pagesAt(at(32), 4), mode: M });
    mapAt(main, at(40), 4, { kind, fd });
    expect(move(32, 40, 1)).toEqual(refused);
  });

  test('one side mlocked, read-only on one or both sides', () => {
    const { main, machine, at, move } = withSource();
    main.mlockSync(span(at(16)));
    const before = snapshot(machine);
    expect(move(0, 16, 1)).toEqual(refused);
    main.mprotectSync({ ...span(at(17)), prot: PROT_READ });
    expect(move(0, 17, 1)).toEqual(refused);
    main.mprotectSync({ ...span(at(0), 4), prot: PROT_READ });
    expect(move(0, 17, 1)).toEqual(refused);
    main.mprotectSync({ ...span(at(0), 4), prot: 3 });
    main.mprotectSync({ ...span(at(17)), prot: 3 });
    expect(snapshot(machine)).toEqual(before);
  });

  test('ranges that leave their area', () => {
    const { move } = withSource();
    expect(move(3, 16, 2)).toEqual(refused);
    expect(move(0, 19, 2)).toEqual(refused);
  });

  test('an unmapped side is ENOENT instead', () => {
    const { move } = withSource();
    expect(move(8, 16, 1)).toEqual({ code: 'ENOENT', progress: -2 });
    expect(move(0, 8, 1)).toEqual({ code: 'ENOENT', progress: -2 });
  });
});

describe('another process', () => {
  test('is EINVAL and the field stays as it was [9.57]', () => {
    const { machine, uffd, at } = withSource();
    const remote = machine.spawn().receive(uffd);
    const before = snapshot(machine);
    const fields = { dst: at(0), src: at(16), len: PAGE, mode: 0, move: 0x77n };
    const bytes = uffdio_move.encode(fields);
    expect(errno(() => remote.ioctlSync(UFFDIO_MOVE, bytes))).toBe('EINVAL');
    expect(uffdio_move.decode(bytes).move).toBe(0x77n);
    expect(ending(() => remote.moveSync(fields))).toEqual({ code: 'EINVAL' });
    expect(snapshot(machine)).toEqual(before);
  });
});

test('a moved page keeps its place when areas split, merge and fork afterwards', () => {
  const { uffd, main, proc, machine, at, move } = withSource();
  move(1, 16, 2);
  uffd.unregisterSync(pagesAt(at(2)));
  uffd.unregisterSync(pagesAt(at(0), 4));
  expect(areas(proc, BASE)[0]).toBe('0-4:none');
  const child = machine.process(main.forkSync());
  main.store8Sync(at(1), 9);
  expect([child.main.load8Sync(at(1)), child.main.load8Sync(at(2))]).toEqual([1, 2]);
});
