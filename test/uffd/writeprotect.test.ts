/** UFFDIO_WRITEPROTECT: what it marks, what a write then raises, what keeps and loses the mark. */
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  MADV_DONTNEED,
  MADV_FREE,
  PROT_READ,
  UFFD_FEATURE_WP_UNPOPULATED,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { BASE, M, machineWith, mapAt, N, PAGE, page, pagesAt, span, W } from '../support/guest.js';
import { drain, endingOfPromise, errno, pages } from '../support/observe.js';

const WP = 1;
const DONTWAKE = 2;
const UNPOPULATED = UFFD_FEATURE_WP_UNPOPULATED;

describe('an empty anonymous page', () => {
  test('is not protected without WP_UNPOPULATED: 0, and a later write is silent [9.59]', () => {
    const { uffd, proc, t0, at } = machineWith({ modes: W });
    uffd.writeprotectSync({ ...pagesAt(at(0), 4), mode: WP });
    expect(pages(proc, BASE, 4)).toBe('- - - -');
    t0.store8Sync(at(0), 1);
    expect(drain(uffd, BASE)).toEqual([]);
  });

  test('gets a marker with WP_UNPOPULATED, and a write gives flags 3 [9.59]', async () => {
    const { uffd, proc, t0, at } = machineWith({ modes: W, features: UNPOPULATED });
    uffd.writeprotectSync({ ...pagesAt(at(0), 4), mode: WP });
    expect(pages(proc, BASE, 4)).toBe('mw mw mw mw');
    const store = t0.store8(at(0), 1);
    expect(drain(uffd, BASE)).toEqual(['fault 3 @0']);
    expect(pages(proc, BASE, 2)).toBe('Pw mw');
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: 0 });
    await store;
    expect(pages(proc, BASE, 2)).toBe('P mw');
  });

  test('with a marker reads silently and keeps the protection', () => {
    const { uffd, proc, t0, at } = machineWith({ modes: W, features: UNPOPULATED });
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: WP });
    expect(t0.load8Sync(at(0))).toBe(0);
    expect(pages(proc, BASE, 1)).toBe('Pw');
    void t0.store8(at(0), 1);
    expect(drain(uffd, BASE)).toEqual(['fault 3 @0']);
  });

  test('with a marker in an M+W area is a missing fault first', () => {
    const { uffd, t0, t1, at } = machineWith({ modes: M | W, features: UNPOPULATED });
    uffd.writeprotectSync({ ...pagesAt(at(0), 2), mode: WP });
    void t0.load8(at(0));
    void t1.store8(at(1), 1);
    expect(drain(uffd, BASE)).toEqual(['fault 0 @0', 'fault 1 @1']);
  });
});

describe('an empty shmem page', () => {
  test.each([
    ['shared', [7]],
    ['shared', []],
    ['private', [7]],
    ['private', []],
  ] as const)('of %s memory, cached pages %j: a write gives flags 3 [9.60]', (kind, cached) => {
    const { uffd, proc, t0, at } = machineWith({ kind, cached, modes: W });
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: WP });
    expect(pages(proc, BASE, 2)).toBe('mw -');
    void t0.store8(at(0), 1);
    expect(drain(uffd, BASE)).toEqual(['fault 3 @0']);
  });

  test('beyond the end of the file gets a marker too; access is SIGBUS', () => {
    const { uffd, proc, t0, at } = machineWith({ kind: 'shared', modes: W, filePages: 1 });
    uffd.writeprotectSync({ ...pagesAt(at(0), 3), mode: WP });
    expect(pages(proc, BASE, 4)).toBe('mw mw mw -');
    expect(errno(() => t0.load8Sync(at(1)))).toBe('SIGBUS');
  });

  test('with a marker reads silently and keeps the protection, cached or not', () => {
    const { uffd, proc, t0, at } = machineWith({ kind: 'shared', modes: M | W, cached: [7] });
    uffd.writeprotectSync({ ...pagesAt(at(0), 2), mode: WP });
    expect(t0.load8Sync(at(0))).toBe(7);
    expect(pages(proc, BASE, 2)).toBe('Fw mw');
    void t0.store8(at(0), 1);
    expect(drain(uffd, BASE)).toEqual(['fault 3 @0']);
  });
});

describe('a protected page', () => {
  test('reads silently, writes are flags 3; unprotecting wakes, DONTWAKE not [9.63]', async () => {
    const { uffd, main, t0, at } = machineWith({ modes: W });
    main.store8Sync(at(0), 7);
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: WP });
    expect(t0.load8Sync(at(0))).toBe(7);
    const store = t0.store8(at(0) + 9, 8);
    expect(drain(uffd, BASE)).toEqual(['fault 3 @0']);
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: DONTWAKE });
    expect(t0.state).toBe('blocked');
    uffd.wakeSync(pagesAt(at(0)));
    await store;
    expect(main.load8Sync(at(0) + 9)).toBe(8);
  });

  test('of two, only the unprotected one lets its writer go; WAKE repeats [9.107]', async () => {
    const { uffd, main, t0, t1, at } = machineWith({ modes: W });
    main.writeSync(at(0), page(1, 2));
    uffd.writeprotectSync({ ...pagesAt(at(0), 2), mode: WP });
    const first = t0.store8(at(0), 2);
    void t1.store8(at(1), 2);
    expect(drain(uffd, BASE)).toEqual(['fault 3 @0', 'fault 3 @1']);
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: 0 });
    await first;
    expect(t1.state).toBe('blocked');
    uffd.wakeSync(pagesAt(at(1)));
    expect(drain(uffd, BASE)).toEqual(['fault 3 @1']);
  });

  test('that is the zero page is protected too', () => {
    const { uffd, proc, t0, at } = machineWith({ modes: W });
    t0.load8Sync(at(0));
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: WP });
    expect(pages(proc, BASE, 1)).toBe('Pw');
    void t0.store8(at(0), 1);
    expect(drain(uffd, BASE)).toEqual(['fault 3 @0']);
  });

  test('write to a PROT_READ page is SIGSEGV without a message [9.79]', () => {
    const { uffd, main, t0, at } = machineWith({ modes: W });
    main.store8Sync(at(0), 1);
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: WP });
    main.mprotectSync({ ...span(at(0), 4), prot: PROT_READ });
    expect(errno(() => t0.store8Sync(at(0), 2))).toBe('SIGSEGV');
    expect(drain(uffd, BASE)).toEqual([]);
  });

  test('of COPY MODE_WP for a missing write: flags 3 follows from the thread [9.101]', async () => {
    const { uffd, t0, main, at } = machineWith({ modes: M | W });
    const store = t0.store8(at(0), 9);
    expect(drain(uffd, BASE)).toEqual(['fault 1 @0']);
    uffd.copySync({ dst: at(0), src: page(1), mode: 2 });
    expect(drain(uffd, BASE)).toEqual(['fault 3 @0']);
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: 0 });
    await store;
    expect(main.readSync(at(0), 2)).toEqual(Uint8Array.of(9, 1));
  });

  test('that a child shares raises one WP fault and is copied silently afterwards', async () => {
    const { uffd, main, machine, t0, at } = machineWith({ modes: W });
    main.store8Sync(at(0), 1);
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: WP });
    const child = machine.process(main.forkSync());
    const store = t0.store8(at(0), 2);
    expect(drain(uffd, BASE)).toEqual(['fault 3 @0']);
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: 0 });
    await store;
    expect(drain(uffd, BASE)).toEqual([]);
    expect([main.load8Sync(at(0)), child.main.load8Sync(at(0))]).toEqual([2, 1]);
  });

  test('is not needed for a wake-up: unprotecting what never was protected repeats faults', () => {
    const { uffd, t0, at } = machineWith({ modes: M | W });
    void t0.load8(at(0));
    expect(drain(uffd, BASE)).toEqual(['fault 0 @0']);
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: 0 });
    expect(drain(uffd, BASE)).toEqual(['fault 0 @0']);
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: DONTWAKE });
    expect(drain(uffd, BASE)).toEqual([]);
  });
});

describe('ranges', () => {
  test('[W][none] is ENOENT with the first part protected, [W][hole][W] is 0 [9.62]', () => {
    const { uffd, main, proc, at } = machineWith({ pages: 6, modes: 0 });
    main.writeSync(at(0), page(1, 6));
    uffd.registerSync({ ...pagesAt(at(0), 2), mode: W });
    const protect = (n: number, count: number) => () =>
      uffd.writeprotectSync({ ...pagesAt(at(n), count), mode: WP });
    expect(errno(protect(0, 4))).toBe('ENOENT');
    expect(pages(proc, BASE, 4)).toBe('Pw Pw P P');
    uffd.registerSync({ ...pagesAt(at(4), 2), mode: W });
    main.munmapSync(span(at(2), 2));
    expect(errno(protect(0, 6))).toBe('ok');
    expect(pages(proc, BASE, 6)).toBe('Pw Pw - - Pw Pw');
    expect(errno(protect(2, 2))).toBe('ENOENT');
  });

  test('over several areas or holes is ENOENT with nothing changed in 6.1', () => {
    const { uffd, main, proc, at } = machineWith({ kernel: '6.1', modes: W });
    main.writeSync(at(0), page(1, 4));
    main.mprotectSync({ ...span(at(2), 2), prot: PROT_READ });
    const range = { ...pagesAt(at(0), 4), mode: WP };
    expect(errno(() => uffd.writeprotectSync(range))).toBe('ENOENT');
    expect(pages(proc, BASE, 4)).toBe('P P P P');
  });

  test('M-only memory is ENOENT; a failing call wakes nobody', () => {
    const { uffd, t0, at } = machineWith({ pages: 2 });
    void t0.load8(at(0));
    expect(drain(uffd, BASE)).toEqual(['fault 0 @0']);
    expect(errno(() => uffd.writeprotectSync({ ...pagesAt(at(0)), mode: 0 }))).toBe('ENOENT');
    expect(drain(uffd, BASE)).toEqual([]);
    expect(t0.state).toBe('blocked');
  });

  test.each([WP | DONTWAKE, 4, 2 ** 32, 1n << 63n])('mode %s is EINVAL [9.61]', (mode) => {
    const { uffd, main, proc, at } = machineWith({ modes: W });
    main.store8Sync(at(0), 1);
    expect(errno(() => uffd.writeprotectSync({ ...pagesAt(at(0)), mode }))).toBe('EINVAL');
    expect(pages(proc, BASE, 1)).toBe('P');
  });
});

describe('what keeps and what loses the protection', () => {
  test('MADV_DONTNEED loses it in anonymous memory; shmem keeps a marker [9.66]', () => {
    const remains = (kind: 'anon' | 'shared' | 'private') => {
      const { uffd, main, proc, at } = machineWith({ kind, modes: W });
      main.writeSync(at(0), page(1, 2));
      uffd.writeprotectSync({ ...pagesAt(at(0), 2), mode: WP });
      main.madviseSync({ ...span(at(0)), advice: MADV_DONTNEED });
      return pages(proc, BASE, 2);
    };
    expect(remains('anon')).toBe('- Pw');
    expect(remains('shared')).toBe('mw Fw');
    expect(remains('private')).toBe('mw Pw');
  });

  test('a marker of anonymous memory goes with MADV_DONTNEED, that of shmem stays', () => {
    const remains = (kind: 'anon' | 'shared') => {
      const { uffd, main, proc, at } = machineWith({ kind, modes: W, features: UNPOPULATED });
      uffd.writeprotectSync({ ...pagesAt(at(0), 2), mode: WP });
      main.madviseSync({ ...span(at(0)), advice: MADV_DONTNEED });
      return pages(proc, BASE, 2);
    };
    expect(remains('anon')).toBe('- mw');
    expect(remains('shared')).toBe('mw mw');
  });

  test('MADV_FREE keeps it', () => {
    const { uffd, main, proc, at } = machineWith({ modes: W });
    main.store8Sync(at(0), 1);
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: WP });
    main.madviseSync({ ...span(at(0)), advice: MADV_FREE });
    expect(pages(proc, BASE, 1)).toBe('Pw');
  });

  test('punching a hole and truncating leave markers', () => {
    const { uffd, main, proc, fd, at } = machineWith({
      kind: 'shared',
      modes: W,
      cached: [1, 2, 3, 4],
    });
    expect(main.readSync(at(0), 4 * PAGE).length).toBe(4 * PAGE);
    uffd.writeprotectSync({ ...pagesAt(at(0), 4), mode: WP });
    const mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    main.fallocateSync({ fd, mode, offset: PAGE, length: PAGE });
    expect(pages(proc, BASE, 4)).toBe('Fw mw Fw Fw');
    main.ftruncateSync({ fd, length: 3 * PAGE });
    expect(pages(proc, BASE, 4)).toBe('Fw mw Fw mw');
  });

  test('other mappings of the file write without a fault', () => {
    const { uffd, main, t0, fd, at } = machineWith({ kind: 'shared', modes: W, cached: [1] });
    mapAt(main, at(8), 1, { kind: 'shared', fd });
    t0.load8Sync(at(0));
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: WP });
    t0.store8Sync(at(8), 5);
    main.pwriteSync({ fd, bytes: Uint8Array.of(6), offset: 1 });
    expect(t0.readSync(at(0), 2)).toEqual(Uint8Array.of(5, 6));
    expect(drain(uffd, BASE)).toEqual([]);
  });

  test('munmap under a writer that waits: WAKE makes it SIGSEGV', async () => {
    const { uffd, main, t0, at } = machineWith({ modes: W | N, kind: 'shared' });
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: WP });
    const store = t0.store8(at(0), 1);
    main.munmapSync(span(at(0), 4));
    expect(t0.state).toBe('blocked');
    uffd.wakeSync(pagesAt(at(0)));
    expect(await endingOfPromise(store)).toMatchObject({ signal: 'SIGSEGV', code: 'SEGV_MAPERR' });
  });
});
