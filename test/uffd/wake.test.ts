/** UFFDIO_WAKE and what a woken thread does: it looks again, and nothing is remembered. */
import { MREMAP_FIXED, MREMAP_MAYMOVE, PROT_READ, UFFD_FEATURE_EXACT_ADDRESS } from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import {
  anotherUffd,
  BASE,
  M,
  machineWith,
  mapAt,
  memfd,
  PAGE,
  page,
  pagesAt,
  span,
} from '../support/guest.js';
import { drain, endingOfPromise, errno, snapshot } from '../support/observe.js';

describe('WAKE', () => {
  test('without resolving gives an identical message again [9.69]', () => {
    const { uffd, t0, at } = machineWith();
    void t0.store8(at(1) + 9, 1);
    expect(drain(uffd, BASE)).toEqual(['fault 1 @1']);
    uffd.wakeSync(pagesAt(at(1)));
    expect(drain(uffd, BASE)).toEqual(['fault 1 @1']);
    expect(uffd.fdinfo()).toMatchObject({ pending: 0, total: 1 });
  });

  test('of an unread fault takes its message out of the queue', () => {
    const { uffd, t0, at } = machineWith();
    void t0.load8(at(0));
    uffd.wakeSync(pagesAt(at(0)));
    expect(uffd.fdinfo()).toMatchObject({ pending: 1, total: 1 });
    expect(drain(uffd, BASE)).toEqual(['fault 0 @0']);
  });

  test('takes any range: unmapped, unregistered, of another userfaultfd, with a hole', () => {
    const { uffd, main, machine, at } = machineWith();
    const other = anotherUffd(main);
    const before = snapshot(machine);
    const ends = [at(0), at(99), PAGE * 20].map((start) =>
      errno(() => other.wakeSync({ start, len: 16 * PAGE })),
    );
    expect(ends).toEqual(['ok', 'ok', 'ok']);
    expect(errno(() => uffd.wakeSync({ start: 0x1_0000, len: 2 ** 46 }))).toBe('ok');
    expect(snapshot(machine)).toEqual(before);
  });

  test.each([
    ['start misaligned', BASE + 1, PAGE],
    ['len misaligned', BASE, PAGE - 1],
    ['len zero', BASE, 0],
    ['start beyond user space', 0x7fff_ffff_f000, PAGE],
    ['end beyond user space', 0x7fff_ffff_e000, 2 * PAGE],
    ['wrap-around', 0xffff_ffff_ffff_f000n, 2 * PAGE],
    ['len of the whole space', BASE, 0xffff_ffff_ffff_f000n],
  ])('%s is EINVAL', (_name, start, len) => {
    expect(errno(() => machineWith().uffd.wakeSync({ start, len }))).toBe('EINVAL');
  });

  test('wakes its own userfaultfd only', () => {
    const { uffd, main, t0, at } = machineWith();
    void t0.load8(at(0));
    expect(drain(uffd, BASE)).toEqual(['fault 0 @0']);
    anotherUffd(main).wakeSync(pagesAt(at(0), 4));
    expect(drain(uffd, BASE)).toEqual([]);
    expect(t0.state).toBe('blocked');
  });

  test('compares the exact address under EXACT_ADDRESS: its page is enough', () => {
    const { uffd, t0, at } = machineWith({ features: UFFD_FEATURE_EXACT_ADDRESS });
    void t0.load8(at(1) + PAGE - 1);
    expect(uffd.readMsgSync()).toMatchObject({ address: at(2) - 1 });
    uffd.wakeSync(pagesAt(at(2)));
    expect(drain(uffd, BASE)).toEqual([]);
    uffd.wakeSync(pagesAt(at(1)));
    expect(uffd.fdinfo().pending).toBe(1);
  });

  test('wakes unread faults first, then read ones, the last of each first', () => {
    const { uffd, proc, at } = machineWith({ features: 0x100, pages: 8 });
    const threads = [0, 1, 2, 3].map((i) => proc.createThread(`v${i}`));
    for (const [i, thread] of threads.slice(0, 2).entries()) void thread.load8(at(i));
    drain(uffd, BASE);
    for (const [i, thread] of threads.slice(2).entries()) void thread.load8(at(i + 2));
    uffd.wakeSync(pagesAt(at(0), 8));
    const order = [];
    for (let msg = uffd.readMsgSync(); msg?.event === 'pagefault'; msg = uffd.readMsgSync()) {
      order.push(threads.findIndex(({ tid }) => tid === msg?.ptid));
    }
    expect(order).toEqual([3, 2, 1, 0]);
  });
});

describe('a thread that waits', () => {
  test('is not woken by mprotect, munmap or mremap; after WAKE it sees them [9.78]', async () => {
    const { uffd, main, t0, t1, t2, at } = machineWith();
    const store = t0.store8(at(0), 1);
    const gone = t1.load8(at(1) + 3);
    const moved = t2.load8(at(2));
    main.mprotectSync({ ...span(at(0)), prot: PROT_READ });
    main.munmapSync(span(at(1)));
    const flags = MREMAP_MAYMOVE | MREMAP_FIXED;
    const move = { oldAddress: at(2), oldSize: PAGE, newSize: PAGE, flags, newAddress: at(16) };
    main.mremapSync(move);
    expect([t0.state, t1.state, t2.state]).toEqual(['blocked', 'blocked', 'blocked']);
    uffd.wakeSync(pagesAt(at(0), 4));
    const ends = [store, gone, moved].map(endingOfPromise);
    expect(await Promise.all(ends)).toEqual([
      { signal: 'SIGSEGV', code: 'SEGV_ACCERR', addr: at(0) },
      { signal: 'SIGSEGV', code: 'SEGV_MAPERR', addr: at(1) + 3 },
      { signal: 'SIGSEGV', code: 'SEGV_MAPERR', addr: at(2) },
    ]);
  });

  test('goes on in the mapping that took the place of the old one', async () => {
    const { uffd, main, t0, at } = machineWith();
    const load = t0.load8(at(0));
    mapAt(main, at(0), 4, { kind: 'shared', fd: memfd(main, 4, [6]) });
    uffd.wakeSync(pagesAt(at(0)));
    expect(await load).toBe(6);
  });

  test('is not woken when the page cache gets the page; COPY is EEXIST, WAKE helps', async () => {
    const { uffd, main, t0, fd, at } = machineWith({ kind: 'shared' });
    const load = t0.load8(at(0));
    main.pwriteSync({ fd, bytes: page(9), offset: 0 });
    expect(errno(() => uffd.copySync({ dst: at(0), src: page(1) }))).toBe('EEXIST');
    expect(errno(() => uffd.zeropageSync(pagesAt(at(0))))).toBe('EEXIST');
    expect(t0.state).toBe('blocked');
    uffd.wakeSync(pagesAt(at(0)));
    expect(await load).toBe(9);
  });

  test('goes on with the page of another userfaultfd once the area changed hands', async () => {
    const { uffd, main, t0, at } = machineWith();
    const load = t0.load8(at(0));
    mapAt(main, at(0), 4);
    const other = anotherUffd(main);
    other.registerSync({ ...pagesAt(at(0), 4), mode: M });
    uffd.wakeSync(pagesAt(at(0)));
    expect(drain(uffd, BASE)).toEqual([]);
    expect(drain(other, BASE)).toEqual(['fault 0 @0']);
    other.copySync({ dst: at(0), src: page(2) });
    expect(await load).toBe(2);
  });
});
