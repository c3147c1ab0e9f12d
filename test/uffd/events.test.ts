/** REMOVE and UNMAP, and the window in which fills are refused while an operation is under way. */
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  MADV_COLD,
  MADV_DONTNEED,
  MADV_DONTNEED_LOCKED,
  MADV_FREE,
  MADV_REMOVE,
  MADV_WILLNEED,
  MADV_WIPEONFORK,
  UFFD_FEATURE_EVENT_REMOVE,
  UFFD_FEATURE_EVENT_UNMAP,
  UFFDIO_COPY,
  UFFDIO_MOVE,
  UFFDIO_WRITEPROTECT,
  uffdio_copy,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import {
  anotherUffd,
  BASE,
  M,
  machineWith,
  mapAt,
  N,
  PAGE,
  page,
  pagesAt,
  span,
  W,
} from '../support/guest.js';
import { areas, drain, ending, endingOfPromise, errno, pages } from '../support/observe.js';

const REMOVE = UFFD_FEATURE_EVENT_REMOVE;
const UNMAP = UFFD_FEATURE_EVENT_UNMAP;

describe('MADV_DONTNEED under EVENT_REMOVE', () => {
  test('waits with the page still there until the event is read [9.82]', async () => {
    const { uffd, proc, t0, t1, at } = machineWith({ features: REMOVE });
    uffd.copySync({ dst: at(0), src: page(7) });
    const advice = t0.madvise({ ...span(at(0), 2), advice: MADV_DONTNEED });
    expect(t0.state).toBe('blocked');
    expect(t1.load8Sync(at(0))).toBe(7);
    expect(pages(proc, BASE, 1)).toBe('P');
    expect(drain(uffd, BASE)).toEqual(['remove 0-2']);
    await advice;
    expect(pages(proc, BASE, 1)).toBe('-');
    void t1.load8(at(0));
    expect(drain(uffd, BASE)).toEqual(['fault 0 @0']);
  });

  test('is clipped to each registered area; unregistered parts go without an event', async () => {
    const { uffd, main, proc, t0, at } = machineWith({ features: REMOVE, pages: 8, modes: 0 });
    main.writeSync(at(0), page(1, 8));
    uffd.registerSync({ ...pagesAt(at(1), 2), mode: M });
    uffd.registerSync({ ...pagesAt(at(4), 2), mode: W });
    const advice = t0.madvise({ ...span(at(0), 8), advice: MADV_DONTNEED });
    expect(pages(proc, BASE, 8)).toBe('- P P P P P P P');
    expect(uffd.readMsgSync()).toMatchObject({ event: 'remove', start: at(1), end: at(3) });
    expect(pages(proc, BASE, 8)).toBe('- - - - P P P P');
    expect(drain(uffd, BASE)).toEqual(['remove 4-6']);
    await advice;
    expect(pages(proc, BASE, 8)).toBe('- - - - - - - -');
  });

  test('of length zero sends nothing, and without the feature nothing either', () => {
    const { uffd, main, at } = machineWith({ features: REMOVE });
    main.madviseSync({ addr: at(0), length: 0, advice: MADV_DONTNEED });
    const silent = machineWith();
    silent.uffd.copySync({ dst: at(0), src: page(1) });
    silent.main.madviseSync({ ...span(at(0)), advice: MADV_DONTNEED });
    expect([drain(uffd, BASE), drain(silent.uffd, BASE)]).toEqual([[], []]);
    expect(pages(silent.proc, BASE, 1)).toBe('-');
  });

  test('ends with ENOMEM when the area went while the event was unread', async () => {
    const { uffd, main, t0, at } = machineWith({ features: REMOVE });
    const advice = t0.madvise({ ...span(at(0)), advice: MADV_DONTNEED });
    main.munmapSync(span(at(0), 4));
    drain(uffd, BASE);
    expect(await endingOfPromise(advice)).toEqual({ code: 'ENOMEM' });
  });

  test('that two threads do queue first in, first out', async () => {
    const { uffd, t0, t1, at } = machineWith({ features: REMOVE });
    const calls = [
      t0.madvise({ ...span(at(2)), advice: MADV_DONTNEED }),
      t1.madvise({ ...span(at(0)), advice: MADV_DONTNEED }),
    ];
    expect(drain(uffd, BASE)).toEqual(['remove 2-3', 'remove 0-1']);
    await Promise.all(calls);
  });
});

describe('which calls send REMOVE', () => {
  const punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

  test('MADV_DONTNEED, FREE, REMOVE and DONTNEED_LOCKED do [9.84]', () => {
    const events = (kind: 'anon' | 'shared', advice: number) => {
      const { uffd, t0, at } = machineWith({ kind, features: REMOVE, modes: W });
      void t0.madvise({ ...span(at(1), 2), advice });
      return drain(uffd, BASE);
    };
    for (const advice of [MADV_DONTNEED, MADV_FREE, MADV_DONTNEED_LOCKED]) {
      expect(events('anon', advice)).toEqual(['remove 1-3']);
    }
    expect(events('shared', MADV_REMOVE)).toEqual(['remove 1-3']);
  });

  test('fallocate punch and ftruncate do not [9.84]', () => {
    const { uffd, main, proc, fd, at } = machineWith({
      kind: 'shared',
      features: REMOVE,
      cached: [1, 2, 3, 4],
    });
    expect(main.load8Sync(at(0))).toBe(1);
    main.fallocateSync({ fd, mode: punch, offset: 0, length: PAGE });
    main.ftruncateSync({ fd, length: 2 * PAGE });
    expect(pages(proc, BASE, 4)).toBe('- F - -');
    expect(drain(uffd, BASE)).toEqual([]);
  });

  test('advice that drops nothing does not', () => {
    const { uffd, main, at } = machineWith({ features: REMOVE });
    for (const advice of [MADV_COLD, MADV_WILLNEED, MADV_WIPEONFORK]) {
      main.madviseSync({ ...span(at(0), 4), advice });
    }
    expect(drain(uffd, BASE)).toEqual([]);
  });

  test('rejected calls do not: MADV_REMOVE of anonymous memory, DONTNEED of locked memory', () => {
    const { uffd, main, at } = machineWith({ features: REMOVE });
    uffd.zeropageSync(pagesAt(at(0), 4));
    main.mlockSync(span(at(3)));
    const advise = (n: number, advice: number) =>
      errno(() => main.madviseSync({ ...span(at(n)), advice }));
    expect([advise(0, MADV_REMOVE), advise(3, MADV_DONTNEED)]).toEqual(['EINVAL', 'EINVAL']);
    expect(drain(uffd, BASE)).toEqual([]);
  });
});

describe('while an event is unread', () => {
  function inWindow() {
    const guest = machineWith({ features: REMOVE, pages: 8, modes: M | W });
    void guest.t0.madvise({ ...span(guest.at(7)), advice: MADV_DONTNEED });
    return guest;
  }

  test('every fill is EAGAIN with -11, whatever its address [9.82]', () => {
    const { uffd, proc, at } = inWindow();
    const range = pagesAt(at(0));
    const closed = { code: 'EAGAIN', progress: -11 };
    expect(ending(() => uffd.copySync({ dst: at(0), src: page(1) }))).toEqual(closed);
    expect(ending(() => uffd.zeropageSync(range))).toEqual(closed);
    expect(ending(() => uffd.continueSync(range))).toEqual(closed);
    expect(ending(() => uffd.poisonSync(range))).toEqual(closed);
    expect(ending(() => uffd.moveSync({ dst: at(0), src: at(1), len: PAGE }))).toEqual(closed);
    expect(ending(() => uffd.writeprotectSync({ ...range, mode: 1 }))).toEqual({ code: 'EAGAIN' });
    expect(pages(proc, BASE, 4)).toBe('- - - -');
  });

  test('garbage arguments are EAGAIN, NULL is EFAULT, for WRITEPROTECT EAGAIN [9.83]', () => {
    const { uffd } = inWindow();
    const garbage = new Uint8Array(40).fill(0xff);
    expect(errno(() => uffd.ioctlSync(UFFDIO_COPY, garbage))).toBe('EAGAIN');
    expect(uffdio_copy.decode(garbage).copy).toBe(-11n);
    expect(garbage.subarray(0, 32)).toEqual(new Uint8Array(32).fill(0xff));
    expect(errno(() => uffd.ioctlSync(UFFDIO_COPY, 0))).toBe('EFAULT');
    expect(errno(() => uffd.ioctlSync(UFFDIO_MOVE, 0))).toBe('EFAULT');
    expect(errno(() => uffd.ioctlSync(UFFDIO_WRITEPROTECT, 0))).toBe('EAGAIN');
  });

  test('WAKE, REGISTER, UNREGISTER, read and poll work [9.83]', () => {
    const { uffd, at } = inWindow();
    const range = pagesAt(at(0));
    const calls = [
      () => uffd.wakeSync(range),
      () => uffd.registerSync({ ...range, mode: M }),
      () => uffd.unregisterSync(range),
    ];
    expect(calls.map(errno)).toEqual(['ok', 'ok', 'ok']);
    expect(uffd.poll()).toBe(1);
    expect(drain(uffd, BASE)).toEqual(['remove 7-8']);
    expect(errno(() => uffd.zeropageSync(pagesAt(at(1))))).toBe('ok');
  });

  test('faults are raised and read; they cannot be resolved before the event is read', async () => {
    const { uffd, t1, at } = inWindow();
    const load = t1.load8(at(0));
    expect(uffd.readMsgSync()).toMatchObject({ event: 'pagefault', address: at(0) });
    expect(errno(() => uffd.zeropageSync(pagesAt(at(0))))).toBe('EAGAIN');
    drain(uffd, BASE);
    uffd.zeropageSync(pagesAt(at(0)));
    expect(await load).toBe(0);
  });

  test('another userfaultfd of the process is not affected', () => {
    const { main, at } = inWindow();
    const other = anotherUffd(main);
    expect(errno(() => other.zeropageSync(pagesAt(at(0))))).toBe('ok');
  });

  test('two operations keep the window open until both are done, in 5.10 until the first', () => {
    const afterFirst = (kernel: '5.10' | '6.18') => {
      const { uffd, t0, t1, at } = machineWith({ kernel, features: REMOVE });
      void t0.madvise({ ...span(at(0)), advice: MADV_DONTNEED });
      void t1.madvise({ ...span(at(1)), advice: MADV_DONTNEED });
      uffd.readMsgSync();
      return errno(() => uffd.zeropageSync(pagesAt(at(2))));
    };
    expect([afterFirst('6.18'), afterFirst('5.10')]).toEqual(['EAGAIN', 'ok']);
  });

  test('5.10 and 6.1 leave the field as it was', () => {
    for (const kernel of ['5.10', '6.1'] as const) {
      const { uffd, t0, at } = machineWith({ kernel, features: REMOVE });
      void t0.madvise({ ...span(at(0)), advice: MADV_DONTNEED });
      expect(ending(() => uffd.zeropageSync(pagesAt(at(1))))).toEqual({ code: 'EAGAIN' });
    }
  });
});

describe('UNMAP', () => {
  test('is one event per userfaultfd with the whole range, afterwards [9.85]', async () => {
    const { uffd, main, proc, t0, at } = machineWith({ features: UNMAP, pages: 8, modes: 0 });
    const other = anotherUffd(main, UNMAP);
    uffd.registerSync({ ...pagesAt(at(0), 2), mode: M });
    uffd.registerSync({ ...pagesAt(at(4), 2), mode: W });
    other.registerSync({ ...pagesAt(at(6), 1), mode: M });
    const unmap = t0.munmap(span(at(-1), 10));
    expect(areas(proc, BASE)).toEqual([]);
    expect(drain(other, BASE)).toEqual([]);
    expect(drain(uffd, BASE)).toEqual(['unmap -1-9']);
    expect(t0.state).toBe('blocked');
    expect(drain(other, BASE)).toEqual(['unmap -1-9']);
    await unmap;
  });

  test('does not come from memory without the feature or without a registration', () => {
    const { uffd, main, t0, at } = machineWith({ pages: 8, modes: 0 });
    const other = anotherUffd(main, UNMAP);
    uffd.registerSync({ ...pagesAt(at(0), 2), mode: M });
    other.registerSync({ ...pagesAt(at(4), 2), mode: M });
    t0.munmapSync(span(at(0), 4));
    expect([drain(uffd, BASE), drain(other, BASE)]).toEqual([[], []]);
  });

  test('comes from MAP_FIXED over the area and from a shrinking mremap', async () => {
    const { uffd, proc, t0, t1, at } = machineWith({ features: UNMAP });
    const map = t0.mmap({ addr: at(0), length: PAGE, prot: 3, flags: 0x32 });
    expect(drain(uffd, BASE)).toEqual(['unmap 0-1']);
    expect(await map).toBe(BASE);
    const shrink = t1.mremap({ oldAddress: at(1), oldSize: 3 * PAGE, newSize: PAGE });
    expect(drain(uffd, BASE)).toEqual(['unmap 2-4']);
    expect(await shrink).toBe(at(1));
    expect(areas(proc, BASE)).toEqual(['0-1:none', '1-2:um']);
  });

  test('leaves waiters on the range asleep; WAKE gives them SIGSEGV [9.78]', async () => {
    const { uffd, t0, t1, at } = machineWith({ features: UNMAP });
    const load = t0.load8(at(0));
    void t1.munmap(span(at(0), 4));
    expect(drain(uffd, BASE)).toEqual(['fault 0 @0', 'unmap 0-4']);
    expect([t0.state, t1.state]).toEqual(['blocked', 'idle']);
    uffd.wakeSync(pagesAt(at(0)));
    expect(await endingOfPromise(load)).toMatchObject({ signal: 'SIGSEGV', code: 'SEGV_MAPERR' });
  });

  test('of a shared page leaves the file alone, minor faults come back in a new mapping', () => {
    const { uffd, main, t0, fd, at } = machineWith({
      kind: 'shared',
      modes: N,
      features: UNMAP,
      cached: [7],
    });
    void t0.munmap(span(at(0), 4));
    expect(drain(uffd, BASE)).toEqual(['unmap 0-4']);
    mapAt(main, at(0), 4, { kind: 'shared', fd });
    expect(t0.load8Sync(at(0))).toBe(7);
  });
});
