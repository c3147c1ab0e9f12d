/** mremap of registered memory: what moves along, which events are sent, and in which order. */
import {
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  type Thread,
  UFFD_FEATURE_EVENT_REMAP,
  UFFD_FEATURE_EVENT_UNMAP,
  UFFD_FEATURE_WP_UNPOPULATED,
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
  W,
} from '../support/guest.js';
import { areas, drain, endingOfPromise, errno, pages, snapshot } from '../support/observe.js';

const REMAP = UFFD_FEATURE_EVENT_REMAP;
const UNMAP = UFFD_FEATURE_EVENT_UNMAP;

/** Moves pages to a fixed place; lengths in pages. */
function move(thread: Thread, from: number, to: number, oldPages: number, newPages = oldPages) {
  const at = (n: number) => BASE + n * PAGE;
  const sizes = { oldSize: oldPages * PAGE, newSize: newPages * PAGE };
  const flags = MREMAP_MAYMOVE | MREMAP_FIXED;
  return thread.mremap({ oldAddress: at(from), newAddress: at(to), flags, ...sizes });
}

function moveKeeping(thread: Thread, from: number, to: number, count: number) {
  const at = (n: number) => BASE + n * PAGE;
  const flags = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;
  const size = { oldSize: count * PAGE, newSize: count * PAGE };
  return thread.mremap({ oldAddress: at(from), newAddress: at(to), flags, ...size });
}

describe('with EVENT_REMAP', () => {
  test('move and growth 4 to 6 pages: len 4 pages, 6 pages registered [9.86]', async () => {
    const { uffd, proc, t0, t1, at } = machineWith({ features: REMAP });
    uffd.copySync({ dst: at(1), src: page(7) });
    const moved = move(t0, 0, 16, 4, 6);
    expect(areas(proc, BASE)).toEqual(['16-22:um']);
    expect(t1.load8Sync(at(17))).toBe(7);
    expect(t0.state).toBe('blocked');
    expect(drain(uffd, BASE)).toEqual(['remap 0 to 16 len 4']);
    expect(await moved).toBe(at(16));
    void t1.load8(at(21));
    expect(drain(uffd, BASE)).toEqual(['fault 0 @21']);
  });

  test('uffd-wp bits and markers move along', async () => {
    const features = REMAP | UFFD_FEATURE_WP_UNPOPULATED;
    const { uffd, proc, t0, t1, at } = machineWith({ features, modes: M | W });
    uffd.copySync({ dst: at(0), src: page(1), mode: 2 });
    uffd.writeprotectSync({ ...pagesAt(at(1)), mode: 1 });
    uffd.poisonSync(pagesAt(at(2)));
    const moved = move(t0, 0, 16, 4);
    drain(uffd, BASE);
    await moved;
    expect(pages(proc, at(16), 4)).toBe('Pw mw m -');
    void t1.store8(at(16), 2);
    expect(drain(uffd, BASE)).toEqual(['fault 3 @16']);
  });

  test('a part of an area: from and len describe that part', async () => {
    const { uffd, proc, t0 } = machineWith({ features: REMAP });
    const moved = move(t0, 1, 16, 2);
    expect(drain(uffd, BASE)).toEqual(['remap 1 to 16 len 2']);
    await moved;
    expect(areas(proc, BASE)).toEqual(['0-1:um', '3-4:um', '16-18:um']);
  });

  test('a move that shrinks reports the new length, up to 6.12 the old one', async () => {
    const reported = async (kernel: '6.12' | '6.18') => {
      const { uffd, t0 } = machineWith({ kernel, features: REMAP });
      const moved = move(t0, 0, 16, 4, 2);
      const events = drain(uffd, BASE);
      await moved;
      return events;
    };
    expect(await reported('6.18')).toEqual(['remap 0 to 16 len 2']);
    expect(await reported('6.12')).toEqual(['remap 0 to 16 len 4']);
  });

  test('growth and shrinkage in place send no REMAP', () => {
    const { uffd, proc, main, at } = machineWith({ features: REMAP });
    main.mremapSync({ oldAddress: at(0), oldSize: 4 * PAGE, newSize: 6 * PAGE });
    main.mremapSync({ oldAddress: at(0), oldSize: 6 * PAGE, newSize: 2 * PAGE });
    expect(drain(uffd, BASE)).toEqual([]);
    expect(areas(proc, BASE)).toEqual(['0-2:um']);
  });

  test('fills are EAGAIN until the event was read, also at the new place', async () => {
    const { uffd, t0, at } = machineWith({ features: REMAP });
    const moved = move(t0, 0, 16, 4);
    expect(errno(() => uffd.zeropageSync(pagesAt(at(16))))).toBe('EAGAIN');
    drain(uffd, BASE);
    await moved;
    expect(errno(() => uffd.zeropageSync(pagesAt(at(16))))).toBe('ok');
    expect(errno(() => uffd.zeropageSync(pagesAt(at(0))))).toBe('ENOENT');
  });

  test('a thread that waits at the old place stays asleep', async () => {
    const { uffd, t0, t1, at } = machineWith({ features: REMAP });
    const load = t1.load8(at(0));
    const moved = move(t0, 0, 16, 4);
    expect(drain(uffd, BASE)).toEqual(['fault 0 @0', 'remap 0 to 16 len 4']);
    await moved;
    expect(t1.state).toBe('blocked');
    uffd.wakeSync(pagesAt(at(0)));
    expect(await endingOfPromise(load)).toMatchObject({ signal: 'SIGSEGV' });
  });
});

describe('without EVENT_REMAP', () => {
  test('the moved area is unregistered, uffd-wp cleared, no event [9.87]', () => {
    const { uffd, proc, main, t0, at } = machineWith({
      features: UFFD_FEATURE_WP_UNPOPULATED,
      modes: M | W,
    });
    uffd.copySync({ dst: at(0), src: page(1), mode: 2 });
    uffd.writeprotectSync({ ...pagesAt(at(1)), mode: 1 });
    void move(main, 0, 16, 4);
    expect(main.state).toBe('idle');
    expect(areas(proc, BASE)).toEqual(['16-20:none']);
    expect(pages(proc, at(16), 4)).toBe('P - - -');
    t0.store8Sync(at(16), 2);
    expect(t0.load8Sync(at(17))).toBe(0);
    expect(drain(uffd, BASE)).toEqual([]);
  });

  test('a part that moves away leaves the rest registered', () => {
    const { proc, main } = machineWith();
    void move(main, 1, 16, 2);
    expect(areas(proc, BASE)).toEqual(['0-1:um', '3-4:um', '16-18:none']);
  });

  test('UNMAP alone is sent for the old place', async () => {
    const { uffd, proc, t0 } = machineWith({ features: UNMAP });
    const moved = move(t0, 0, 16, 4);
    expect(drain(uffd, BASE)).toEqual(['unmap 0-4']);
    await moved;
    expect(areas(proc, BASE)).toEqual(['16-20:none']);
  });
});

describe('the order of events', () => {
  test('onto a registered target is UNMAP target, REMAP, UNMAP old [9.88]', async () => {
    const { uffd, proc, main, t0, at } = machineWith({ features: REMAP | UNMAP });
    mapAt(main, at(16), 4);
    uffd.registerSync({ ...pagesAt(at(16), 4), mode: W });
    const moved = move(t0, 0, 16, 4);
    const events = [];
    while (uffd.poll() !== 0) {
      const msg = uffd.readMsgSync();
      events.push(msg?.event === 'remap' ? 'remap' : msg?.event === 'unmap' ? msg.start : '?');
      if (events.length < 3) expect(t0.state).toBe('blocked');
    }
    expect(events).toEqual([at(16), 'remap', at(0)]);
    await moved;
    expect(areas(proc, BASE)).toEqual(['16-20:um']);
  });

  test('of a target of another userfaultfd is first that one, then the own ones', async () => {
    const { uffd, main, t0, at } = machineWith({ features: REMAP });
    const other = anotherUffd(main, UNMAP);
    mapAt(main, at(16), 4);
    other.registerSync({ ...pagesAt(at(16), 4), mode: M });
    const moved = move(t0, 0, 16, 4);
    expect(drain(uffd, BASE)).toEqual([]);
    expect(drain(other, BASE)).toEqual(['unmap 16-20']);
    expect(drain(uffd, BASE)).toEqual(['remap 0 to 16 len 4']);
    expect(await moved).toBe(at(16));
  });
});

describe('MREMAP_DONTUNMAP', () => {
  test('keeps the old range registered, the new one only with EVENT_REMAP [9.89]', async () => {
    const remains = async (features: number) => {
      const { uffd, proc, t0, at } = machineWith({ features });
      uffd.copySync({ dst: at(0), src: page(7) });
      const moved = moveKeeping(t0, 0, 16, 4);
      const events = drain(uffd, BASE);
      await moved;
      return [...areas(proc, BASE), pages(proc, at(0), 2), pages(proc, at(16), 2), ...events];
    };
    expect(await remains(0)).toEqual(['0-4:um', '16-20:none', '- -', 'P -']);
    const event = 'remap 0 to 16 len 4';
    expect(await remains(REMAP)).toEqual(['0-4:um', '16-20:um', '- -', 'P -', event]);
    expect(await remains(REMAP | UNMAP)).toEqual(['0-4:um', '16-20:um', '- -', 'P -', event]);
  });

  test('makes the old range raise missing faults again', async () => {
    const { uffd, main, t0, at } = machineWith();
    uffd.copySync({ dst: at(0), src: page(7) });
    void moveKeeping(main, 0, 16, 4);
    const load = t0.load8(at(0));
    expect(drain(uffd, BASE)).toEqual(['fault 0 @0']);
    uffd.copySync({ dst: at(0), src: page(8) });
    expect([await load, t0.load8Sync(at(16))]).toEqual([8, 7]);
  });
});

describe('a failing mremap', () => {
  test('sends nothing and leaves everything as it was', () => {
    const { uffd, main, machine, at } = machineWith({ features: REMAP | UNMAP });
    mapAt(main, at(4), 1);
    const before = snapshot(machine);
    const calls = [
      { oldAddress: at(0), oldSize: 4 * PAGE, newSize: 8 * PAGE },
      { oldAddress: at(0) + 1, oldSize: PAGE, newSize: PAGE },
      { oldAddress: at(0), oldSize: PAGE, newSize: 0 },
      { oldAddress: at(9), oldSize: PAGE, newSize: 2 * PAGE, flags: MREMAP_MAYMOVE },
      { oldAddress: at(0), oldSize: 8 * PAGE, newSize: 9 * PAGE, flags: MREMAP_MAYMOVE },
      { oldAddress: at(0), oldSize: PAGE, newSize: PAGE, flags: 8 },
    ];
    const codes = calls.map((request) => errno(() => main.mremapSync(request)));
    expect(codes).toEqual(['ENOMEM', 'EINVAL', 'EINVAL', 'EFAULT', 'EFAULT', 'EINVAL']);
    expect(snapshot(machine)).toEqual(before);
    expect(drain(uffd, BASE)).toEqual([]);
  });

  test('over several areas is EFAULT at the registered one; others moved before', async () => {
    const { proc, main, at } = machineWith({ pages: 0 });
    mapAt(main, at(0), 2);
    mapAt(main, at(2), 2, { prot: 1 });
    const uffd = anotherUffd(main);
    uffd.registerSync({ ...pagesAt(at(2), 2), mode: M });
    expect(await endingOfPromise(move(main, 0, 16, 4))).toEqual({ code: 'EFAULT' });
    expect(areas(proc, BASE)).toEqual(['2-4:um', '16-18:none']);
  });

  test('over several areas is EFAULT with nothing moved up to 6.12', async () => {
    const { proc, main, at } = machineWith({ kernel: '6.12', pages: 0 });
    mapAt(main, at(0), 2);
    mapAt(main, at(2), 2, { prot: 1 });
    expect(await endingOfPromise(move(main, 0, 16, 4))).toEqual({ code: 'EFAULT' });
    expect(areas(proc, BASE)).toEqual(['0-2:none', '2-4:none']);
  });
});
