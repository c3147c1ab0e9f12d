/** UFFDIO_CONTINUE: maps what the page cache has, and how minor faults are resolved with it. */
import { PROT_READ } from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import {
  BASE,
  M,
  machineWith,
  mapAt,
  memfd,
  N,
  PAGE,
  page,
  pagesAt,
  span,
  W,
} from '../support/guest.js';
import { drain, ending, errno, pages } from '../support/observe.js';

describe('pages of the cache', () => {
  test('are mapped; a hole is EFAULT, a mapped page EEXIST, anonymous EINVAL [9.49]', () => {
    const { uffd, proc, t0, at } = machineWith({ kind: 'shared', modes: N, cached: [7] });
    expect(uffd.continueSync(pagesAt(at(0)))).toBe(PAGE);
    expect(t0.load8Sync(at(0))).toBe(7);
    const fill = (n: number) => () => uffd.continueSync(pagesAt(at(n)));
    expect(ending(fill(0))).toEqual({ code: 'EEXIST', progress: -17 });
    expect(ending(fill(1))).toEqual({ code: 'EFAULT', progress: -14 });
    expect(pages(proc, BASE, 2)).toBe('F -');
    const anon = machineWith();
    const refused = () => anon.uffd.continueSync(pagesAt(BASE));
    expect(ending(refused)).toEqual({ code: 'EINVAL', progress: -22 });
  });

  test('of a private mapping are mapped read-only; a write makes a copy [9.50]', () => {
    const { uffd, main, proc, t0, fd, at } = machineWith({
      kind: 'private',
      modes: N,
      cached: [7],
    });
    uffd.continueSync(pagesAt(at(0)));
    expect(pages(proc, BASE, 1)).toBe('F');
    t0.store8Sync(at(0), 8);
    expect(pages(proc, BASE, 1)).toBe('P');
    expect(drain(uffd, BASE)).toEqual([]);
    expect(main.preadSync({ fd, count: 2, offset: 0 })).toEqual(Uint8Array.of(7, 7));
    expect(t0.readSync(at(0), 2)).toEqual(Uint8Array.of(8, 7));
  });

  test('of an M-only area are mapped too [9.51]', () => {
    const { uffd, proc, at } = machineWith({ kind: 'shared', modes: M, cached: [7] });
    expect(uffd.continueSync(pagesAt(at(0)))).toBe(PAGE);
    expect(pages(proc, BASE, 1)).toBe('F');
  });

  test('that fallocate made count as present although nobody wrote them', () => {
    const { uffd, main, t0, fd, at } = machineWith({ kind: 'shared', modes: N });
    main.fallocateSync({ fd, mode: 0, offset: 0, length: PAGE });
    expect(uffd.continueSync(pagesAt(at(0)))).toBe(PAGE);
    expect(t0.load8Sync(at(0))).toBe(0);
  });

  test('that a private mapping copied do not reach the file or other mappings', () => {
    const { uffd, main, t0, fd, at } = machineWith({ kind: 'private', modes: N, cached: [7] });
    mapAt(main, at(8), 1, { kind: 'shared', fd });
    uffd.continueSync(pagesAt(at(0)));
    t0.store8Sync(at(8), 9);
    expect(t0.load8Sync(at(0))).toBe(9);
    t0.store8Sync(at(0), 1);
    t0.store8Sync(at(8), 10);
    expect(t0.load8Sync(at(0))).toBe(1);
  });

  test.each(['shared', 'private'] as const)(
    'beyond a %s file are EINVAL, in 7.3 EFAULT',
    (kind) => {
      const beyond = (kernel: '6.18' | '7.3') => {
        const { uffd, at } = machineWith({ kernel, kind, modes: N, filePages: 1 });
        return ending(() => uffd.continueSync(pagesAt(at(1))));
      };
      expect(beyond('6.18')).toEqual({ code: 'EINVAL', progress: -22 });
      expect(beyond('7.3')).toEqual({ code: 'EFAULT', progress: -14 });
    },
  );

  test('before a hole are mapped: EAGAIN and their bytes', () => {
    const { uffd, at } = machineWith({ kind: 'shared', modes: N, cached: [1, 2] });
    const fill = () => uffd.continueSync(pagesAt(at(0), 4));
    expect(ending(fill)).toEqual({ code: 'EAGAIN', progress: 2 * PAGE });
  });

  test('are dirty and writable in a shared mapping only where the area is writable', () => {
    const { uffd, main, t0, at } = machineWith({ kind: 'shared', modes: N, cached: [1] });
    main.mprotectSync({ ...span(at(0), 4), prot: PROT_READ });
    uffd.continueSync(pagesAt(at(0)));
    expect(errno(() => t0.store8Sync(at(0), 1))).toBe('SIGSEGV');
  });
});

describe('markers', () => {
  test('are replaced; the page is protected only with MODE_WP', () => {
    const { uffd, proc, at } = machineWith({
      kind: 'shared',
      modes: N | W,
      cached: [1, 2, 3],
    });
    uffd.writeprotectSync({ ...pagesAt(at(0), 2), mode: 1 });
    uffd.poisonSync(pagesAt(at(2)));
    expect(pages(proc, BASE, 4)).toBe('mw mw m -');
    uffd.continueSync(pagesAt(at(0)));
    uffd.continueSync({ ...pagesAt(at(1)), mode: 2 });
    uffd.continueSync(pagesAt(at(2)));
    expect(pages(proc, BASE, 4)).toBe('F Fw F -');
  });

  test('MODE_WP without a W registration is EINVAL -22', () => {
    const { uffd, at } = machineWith({ kind: 'shared', modes: N, cached: [1] });
    const fill = () => uffd.continueSync({ ...pagesAt(at(0)), mode: 2 });
    expect(ending(fill)).toEqual({ code: 'EINVAL', progress: -22 });
  });

  test('MODE_WP does not exist in 6.1: EINVAL, field untouched', () => {
    const { uffd, at } = machineWith({ kernel: '6.1', kind: 'shared', modes: N | W, cached: [1] });
    const fill = () => uffd.continueSync({ ...pagesAt(at(0)), mode: 2 });
    expect(ending(fill)).toEqual({ code: 'EINVAL' });
  });
});

describe('minor faults', () => {
  test('of an N-only area: cached pages are flags 4 and 5, holes are silent [9.81]', async () => {
    const { uffd, t0, t1, at } = machineWith({ kind: 'shared', modes: N, cached: [7, 8] });
    expect(t0.load8Sync(at(2))).toBe(0);
    t0.store8Sync(at(3), 1);
    const calls = [t0.load8(at(0)), t1.rmw8(at(1), () => 9)];
    expect(drain(uffd, BASE)).toEqual(['fault 4 @0', 'fault 5 @1']);
    expect(errno(() => uffd.copySync({ dst: at(0), src: page(1) }))).toBe('EEXIST');
    expect(errno(() => uffd.zeropageSync(pagesAt(at(0))))).toBe('EEXIST');
    uffd.continueSync(pagesAt(at(0), 2));
    expect(await Promise.all(calls)).toEqual([7, 8]);
  });

  test('a cached page may be changed through the file before CONTINUE', async () => {
    const { uffd, main, t0, fd, at } = machineWith({ kind: 'shared', modes: N, cached: [7] });
    const load = t0.load8(at(0));
    main.pwriteSync({ fd, bytes: page(9), offset: 0 });
    uffd.continueSync(pagesAt(at(0)));
    expect(await load).toBe(9);
  });

  test('with N+W: without MODE_WP the write goes on, with it flags 3 follows', async () => {
    const { uffd, t0, t1, main, at } = machineWith({
      kind: 'shared',
      modes: N | W,
      cached: [1, 2],
    });
    uffd.writeprotectSync({ ...pagesAt(at(0), 2), mode: 1 });
    const stores = [t0.store8(at(0), 9), t1.store8(at(1), 9)];
    expect(drain(uffd, BASE)).toEqual(['fault 5 @0', 'fault 5 @1']);
    uffd.continueSync(pagesAt(at(0)));
    uffd.continueSync({ ...pagesAt(at(1)), mode: 2 });
    expect([t0.state, t1.state]).toEqual(['idle', 'blocked']);
    expect(drain(uffd, BASE)).toEqual(['fault 3 @1']);
    uffd.writeprotectSync({ ...pagesAt(at(1)), mode: 0 });
    await Promise.all(stores);
    expect(main.load8Sync(at(1))).toBe(9);
  });

  test('a page of a mapping that was not continued stays a minor fault in it alone', () => {
    const { uffd, main, t0, at } = machineWith({ pages: 0 });
    const fd = memfd(main, 1, [7]);
    mapAt(main, at(0), 1, { kind: 'shared', fd });
    mapAt(main, at(8), 1, { kind: 'shared', fd });
    uffd.registerSync({ ...pagesAt(at(0)), mode: N });
    expect(t0.load8Sync(at(8))).toBe(7);
    void t0.load8(at(0));
    expect(drain(uffd, BASE)).toEqual(['fault 4 @0']);
  });
});
