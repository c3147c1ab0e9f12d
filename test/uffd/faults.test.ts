/** Which access raises which fault, and what the message says. */
import {
  PROT_NONE,
  PROT_READ,
  UFFD_FEATURE_EXACT_ADDRESS,
  UFFD_FEATURE_THREAD_ID,
  UFFD_FEATURE_WP_UNPOPULATED,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import {
  BASE,
  type GuestOptions,
  M,
  machineWith,
  mapAt,
  N,
  page,
  pagesAt,
  span,
  W,
} from '../support/guest.js';
import { drain, ending, pages } from '../support/observe.js';

const UNPOPULATED = UFFD_FEATURE_WP_UNPOPULATED;
const cached: GuestOptions = { kind: 'shared', cached: [7, 8] };
const hole: GuestOptions = { kind: 'shared' };

describe('a first access', () => {
  /** What a read of page 0 and a write to page 1 raise; empty: the kernel fills silently. */
  test.each<[string, GuestOptions, 'marker' | 'plain', string[]]>([
    ['M, anonymous', { modes: M }, 'plain', ['fault 0 @0', 'fault 1 @1']],
    ['W, anonymous', { modes: W }, 'plain', []],
    ['W, anonymous marker', { modes: W, features: UNPOPULATED }, 'marker', ['fault 3 @1']],
    [
      'M+W, anonymous marker',
      { modes: M | W, features: UNPOPULATED },
      'marker',
      ['fault 0 @0', 'fault 1 @1'],
    ],
    ['W, shmem marker over a hole', { ...hole, modes: W }, 'marker', ['fault 3 @1']],
    ['W, shmem marker over a cached page', { ...cached, modes: W }, 'marker', ['fault 3 @1']],
    ['M, shmem cached', { ...cached, modes: M }, 'plain', []],
    ['M, shmem hole', { ...hole, modes: M }, 'plain', ['fault 0 @0', 'fault 1 @1']],
    ['N, shmem cached', { ...cached, modes: N }, 'plain', ['fault 4 @0', 'fault 5 @1']],
    ['N, shmem hole', { ...hole, modes: N }, 'plain', []],
    ['M+N, shmem cached', { ...cached, modes: M | N }, 'plain', ['fault 4 @0', 'fault 5 @1']],
    ['M+N, shmem hole', { ...hole, modes: M | N }, 'plain', ['fault 0 @0', 'fault 1 @1']],
    [
      'N+W, shmem marker cached',
      { ...cached, modes: N | W },
      'marker',
      ['fault 4 @0', 'fault 5 @1'],
    ],
    ['M+W, shmem marker cached', { ...cached, modes: M | W }, 'marker', ['fault 3 @1']],
    [
      'M, private mapping of a hole',
      { kind: 'private', modes: M },
      'plain',
      ['fault 0 @0', 'fault 1 @1'],
    ],
    ['M, private mapping of cached pages', { ...cached, kind: 'private', modes: M }, 'plain', []],
    [
      'N, private mapping of cached pages',
      { ...cached, kind: 'private', modes: N },
      'plain',
      ['fault 4 @0', 'fault 5 @1'],
    ],
  ])('with %s', (_name, options, state, expected) => {
    const { uffd, t0, t1, at } = machineWith(options);
    if (state === 'marker') uffd.writeprotectSync({ ...pagesAt(at(0), 2), mode: 1 });
    void t0.load8(at(0));
    void t1.store8(at(1), 1);
    expect(drain(uffd, BASE)).toEqual(expected);
  });

  test('beyond the end of a file is SIGBUS without a message, in M and in N [9.80]', () => {
    for (const modes of [M, N, M | N]) {
      const { uffd, t0, at } = machineWith({ kind: 'shared', modes, filePages: 1 });
      const end = { signal: 'SIGBUS', code: 'BUS_ADRERR', addr: at(1) + 7 };
      expect(ending(() => t0.load8Sync(at(1) + 7))).toEqual(end);
      expect(ending(() => t0.store8Sync(at(1) + 7, 1))).toEqual(end);
      expect(drain(uffd, BASE)).toEqual([]);
    }
  });

  test('of an M-only shmem area is silent if cached, a message for a hole [9.80]', () => {
    const { uffd, t0, at } = machineWith({ ...cached, modes: M });
    expect(t0.load8Sync(at(1))).toBe(8);
    void t0.load8(at(2));
    expect(drain(uffd, BASE)).toEqual(['fault 0 @2']);
  });

  test('of a cached page maps cached neighbours too in an M area, not in W or N areas', () => {
    const around = (modes: number) => {
      const { uffd, proc, t0, at } = machineWith({ kind: 'shared', modes, cached: [1, 2, 3] });
      void t0.load8(at(1));
      if (modes === N) uffd.continueSync(pagesAt(at(1)));
      return pages(proc, BASE, 4);
    };
    expect([around(M), around(W), around(N)]).toEqual(['F F F -', '- F - -', '- F - -']);
  });

  test('that the area forbids is SIGSEGV without a message', () => {
    const { uffd, main, t0, at } = machineWith({ prot: PROT_READ, modes: M });
    expect(ending(() => t0.store8Sync(at(0) + 3, 1))).toEqual({
      signal: 'SIGSEGV',
      code: 'SEGV_ACCERR',
      addr: at(0) + 3,
    });
    main.mprotectSync({ ...span(at(0), 4), prot: PROT_NONE });
    expect(ending(() => t0.load8Sync(at(0)))).toMatchObject({ code: 'SEGV_ACCERR' });
    expect(ending(() => t0.load8Sync(at(9)))).toMatchObject({ code: 'SEGV_MAPERR' });
    expect(drain(uffd, BASE)).toEqual([]);
  });

  test('of other kinds raises none: the file, other mappings, mincore, pagemap', () => {
    const { uffd, main, proc, t0, fd, at } = machineWith({ ...hole, modes: M });
    mapAt(main, at(8), 2, { kind: 'shared', fd });
    t0.store8Sync(at(8), 1);
    main.pwriteSync({ fd, bytes: page(2), offset: 4096 });
    expect(main.preadSync({ fd, count: 1, offset: 8192 })).toEqual(Uint8Array.of(0));
    expect(main.mincoreSync(span(at(0), 4))).toEqual(Uint8Array.of(1, 1, 0, 0));
    expect(pages(proc, BASE, 4)).toBe('- - - -');
    expect(drain(uffd, BASE)).toEqual([]);
  });
});

describe('a message', () => {
  test('carries the masked address; EXACT_ADDRESS gives the exact one [9.67]', () => {
    const masked = machineWith();
    void masked.t0.load8(BASE + 5);
    expect(masked.uffd.readMsgSync()).toMatchObject({ flags: 0, address: BASE, page: BASE });
    const exact = machineWith({ features: UFFD_FEATURE_EXACT_ADDRESS });
    void exact.t0.load8(BASE + 5);
    expect(exact.uffd.readMsgSync()).toMatchObject({ address: BASE + 5, page: BASE });
  });

  test('carries the thread id with THREAD_ID, 0 without [9.67]', () => {
    const { uffd, main, t0, t1, at } = machineWith({ features: UFFD_FEATURE_THREAD_ID });
    void t0.load8(at(0));
    void t1.load8(at(0));
    expect([uffd.readMsgSync(), uffd.readMsgSync()]).toMatchObject([
      { ptid: t0.tid },
      { ptid: t1.tid },
    ]);
    expect(new Set([main.tid, t0.tid, t1.tid]).size).toBe(3);
    const plain = machineWith();
    void plain.t0.load8(BASE);
    expect(plain.uffd.readMsgSync()).toMatchObject({ ptid: 0 });
  });

  test('is one for each thread and attempt; one COPY wakes all', async () => {
    const { uffd, t0, t1, t2, at } = machineWith();
    const calls = [t0.load8(at(0)), t1.load8(at(0) + 1), t2.rmw8(at(0) + 2, (old) => old + 1)];
    expect(drain(uffd, BASE)).toEqual(['fault 0 @0', 'fault 0 @0', 'fault 1 @0']);
    uffd.copySync({ dst: at(0), src: page(7) });
    expect(await Promise.all(calls)).toEqual([7, 7, 7]);
    expect(uffd.fdinfo().total).toBe(0);
  });

  test('of an access across a page boundary names one page after the other', async () => {
    const { uffd, t0, main, at } = machineWith();
    const store = t0.store32(at(1) - 2, 0x04030201);
    expect(drain(uffd, BASE)).toEqual(['fault 1 @0']);
    uffd.zeropageSync(pagesAt(at(0)));
    expect(drain(uffd, BASE)).toEqual(['fault 1 @1']);
    expect(main.load8Sync(at(1) - 2)).toBe(0);
    uffd.zeropageSync(pagesAt(at(1)));
    await store;
    expect(main.readSync(at(1) - 2, 4)).toEqual(Uint8Array.of(1, 2, 3, 4));
  });

  test('of an exact address behind a boundary is the first byte of the page', () => {
    const { uffd, t0, at } = machineWith({ features: UFFD_FEATURE_EXACT_ADDRESS });
    uffd.zeropageSync(pagesAt(at(0)));
    void t0.load64(at(1) - 3);
    expect(uffd.readMsgSync()).toMatchObject({ address: at(1) });
  });

  test('tells write, wp and minor by name', () => {
    const { uffd, t0, t1, at } = machineWith({ ...cached, modes: N | W });
    void t0.load8(at(0));
    expect(uffd.readMsgSync()).toMatchObject({ write: false, wp: false, minor: true });
    uffd.continueSync({ ...pagesAt(at(1)), mode: 2 });
    void t1.store8(at(1), 1);
    expect(uffd.readMsgSync()).toMatchObject({ write: true, wp: true, minor: false });
  });

  test('EXACT_ADDRESS is unknown to 5.15', () => {
    const { uffd } = machineWith({ kernel: '5.15', features: null });
    const request = { features: UFFD_FEATURE_EXACT_ADDRESS };
    expect(ending(() => uffd.apiSync(request))).toEqual({ code: 'EINVAL' });
  });
});
