/** UFFDIO_COPY: what it fills, what it refuses, the result field, whom it wakes. */
import {
  PROT_NONE,
  PROT_READ,
  UFFD_FEATURE_WP_UNPOPULATED,
  UFFDIO_COPY,
  uffdio_copy,
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
  RW,
  span,
  W,
} from '../support/guest.js';
import { drain, ending, errno, pages, snapshot } from '../support/observe.js';

const DONTWAKE = 1;
const MODE_WP = 2;

describe('the result field', () => {
  test('is the length; on a page that is there EEXIST and -17 [9.29]', () => {
    const { uffd, proc, t0, at } = machineWith();
    expect(uffd.copySync({ dst: at(0), src: page(7) })).toBe(PAGE);
    const again = () => uffd.copySync({ dst: at(0), src: page(8) });
    expect(ending(again)).toEqual({ code: 'EEXIST', progress: -17 });
    expect(t0.load8Sync(at(0))).toBe(7);
    expect(pages(proc, BASE, 2)).toBe('P -');
  });

  test('is 8192 and EAGAIN when the third page is there; two waiters wake [9.30]', async () => {
    const { uffd, t0, t1, t2, at } = machineWith();
    uffd.zeropageSync(pagesAt(at(2)));
    const loads = [t0.load8(at(0)), t1.load8(at(1))];
    void t2.load8(at(3));
    const copy = () => uffd.copySync({ dst: at(0), src: page(7, 3) });
    expect(ending(copy)).toEqual({ code: 'EAGAIN', progress: 2 * PAGE });
    expect(await Promise.all(loads)).toEqual([7, 7]);
    expect(t2.state).toBe('blocked');
  });

  test('is 4096 when the second source page is unmapped; the retry is -14 [9.31]', () => {
    const { uffd, main, at } = machineWith();
    const src = mapAt(main, at(16), 1);
    const copy = (n: number) => () =>
      uffd.copySync({ dst: at(n), src: src + n * PAGE, len: (2 - n) * PAGE });
    expect(ending(copy(0))).toEqual({ code: 'EAGAIN', progress: PAGE });
    expect(ending(copy(1))).toEqual({ code: 'EFAULT', progress: -14 });
  });

  test('is -2 for unregistered, unmapped and overlong destinations [9.32]', () => {
    const { uffd, main, machine, at } = machineWith({ pages: 2 });
    mapAt(main, at(4), 2);
    const before = snapshot(machine);
    const copy = (n: number, count: number) => () =>
      uffd.copySync({ dst: at(n), src: page(1, count) });
    expect(ending(copy(4, 1))).toEqual({ code: 'ENOENT', progress: -2 });
    expect(ending(copy(2, 1))).toEqual({ code: 'ENOENT', progress: -2 });
    expect(ending(copy(1, 2))).toEqual({ code: 'ENOENT', progress: -2 });
    expect(snapshot(machine)).toEqual(before);
  });

  test('stays as it was when an argument is bad [9.33]', () => {
    const { uffd, machine, at } = machineWith();
    const before = snapshot(machine);
    const raw = (dst: number, mode: number | bigint) => {
      const bytes = uffdio_copy.encode({ dst, src: at(1), len: PAGE, mode, copy: 0x77n });
      expect(errno(() => uffd.ioctlSync(UFFDIO_COPY, bytes))).toBe('EINVAL');
      return uffdio_copy.decode(bytes).copy;
    };
    expect([raw(at(0) + 1, 0), raw(at(0), 4), raw(at(0), 1n << 32n)]).toEqual([119n, 119n, 119n]);
    const typed = () => uffd.copySync({ dst: at(0), src: page(1), mode: 4 });
    expect(ending(typed)).toEqual({ code: 'EINVAL' });
    expect(snapshot(machine)).toEqual(before);
  });

  test('is -22 for MODE_WP without a W registration [9.34]', () => {
    const { uffd, at } = machineWith();
    const copy = () => uffd.copySync({ dst: at(0), src: page(1), mode: MODE_WP });
    expect(ending(copy)).toEqual({ code: 'EINVAL', progress: -22 });
  });
});

describe('source and destination', () => {
  test('the source may have any alignment [9.35]', () => {
    const { uffd, main, t0, at } = machineWith();
    const src = mapAt(main, at(16), 2);
    main.writeSync(src + 3, page(9));
    expect(uffd.copySync({ dst: at(0), src: src + 3, len: PAGE })).toBe(PAGE);
    expect(t0.readSync(at(0), PAGE)).toEqual(page(9));
  });

  test.each([
    ['PROT_READ', PROT_READ, 'SIGSEGV'],
    ['PROT_NONE', PROT_NONE, 'SIGSEGV'],
  ])('the destination may be %s; its page is not writable [9.36]', (_name, prot, signal) => {
    const { uffd, proc, t0, main, at } = machineWith({ prot });
    expect(uffd.copySync({ dst: at(0), src: page(7) })).toBe(PAGE);
    expect(pages(proc, BASE, 1)).toBe('P');
    expect(errno(() => t0.store8Sync(at(0), 1))).toBe(signal);
    main.mprotectSync({ ...span(at(0)), prot: RW });
    expect(t0.rmw8Sync(at(0), () => 1)).toBe(7);
  });

  test('two adjacent areas of one userfaultfd are ENOENT and nothing is copied [9.37]', () => {
    const { uffd, main, proc, at } = machineWith();
    main.mprotectSync({ ...span(at(2), 2), prot: PROT_READ });
    const copy = () => uffd.copySync({ dst: at(1), src: page(1, 2) });
    expect(ending(copy)).toEqual({ code: 'ENOENT', progress: -2 });
    expect(pages(proc, BASE, 4)).toBe('- - - -');
  });

  test("fills another userfaultfd's area without waking its waiter [9.38]", async () => {
    const { uffd, main, t0, at } = machineWith();
    const other = anotherUffd(main);
    const load = t0.load8(at(0));
    expect(other.copySync({ dst: at(0), src: page(7) })).toBe(PAGE);
    expect(t0.state).toBe('blocked');
    uffd.wakeSync(pagesAt(at(0)));
    expect(await load).toBe(7);
  });

  test('any registration mode will do', () => {
    const { uffd, t0, at } = machineWith({ modes: W });
    expect(uffd.copySync({ dst: at(0), src: page(7) })).toBe(PAGE);
    t0.store8Sync(at(0), 8);
    expect(drain(uffd, BASE)).toEqual([]);
  });

  test('with DONTWAKE leaves the waiter; EEXIST does not wake it, WAKE does [9.39]', async () => {
    const { uffd, t0, at } = machineWith();
    const load = t0.load8(at(0));
    expect(uffd.copySync({ dst: at(0), src: page(7), mode: DONTWAKE })).toBe(PAGE);
    expect(t0.state).toBe('blocked');
    expect(errno(() => uffd.copySync({ dst: at(0), src: page(8) }))).toBe('EEXIST');
    expect(t0.state).toBe('blocked');
    uffd.wakeSync(pagesAt(at(0)));
    expect(await load).toBe(7);
  });

  test('replaces uffd-wp and poison markers; protects only with MODE_WP [9.48]', () => {
    const features = UFFD_FEATURE_WP_UNPOPULATED;
    const { uffd, proc, at } = machineWith({ modes: M | W, features });
    uffd.writeprotectSync({ ...pagesAt(at(0), 2), mode: 1 });
    uffd.poisonSync(pagesAt(at(2)));
    expect(pages(proc, BASE, 4)).toBe('mw mw m -');
    expect(uffd.copySync({ dst: at(0), src: page(1) })).toBe(PAGE);
    expect(uffd.copySync({ dst: at(1), src: page(1), mode: MODE_WP })).toBe(PAGE);
    expect(uffd.copySync({ dst: at(2), src: page(1) })).toBe(PAGE);
    expect(pages(proc, BASE, 4)).toBe('P Pw P -');
  });
});

describe('shmem', () => {
  test('a hole of a shared mapping gets a page of the file; a cached page is EEXIST [9.41]', () => {
    const { uffd, main, proc, fd, at } = machineWith({ kind: 'shared', cached: [1] });
    expect(uffd.copySync({ dst: at(1), src: page(7) })).toBe(PAGE);
    expect(main.preadSync({ fd, count: PAGE, offset: PAGE })).toEqual(page(7));
    const cached = () => uffd.copySync({ dst: at(0), src: page(8) });
    expect(ending(cached)).toEqual({ code: 'EEXIST', progress: -17 });
    expect(pages(proc, BASE, 2)).toBe('- F');
  });

  test('a private mapping gets a page of its own, the file stays as it was [9.42]', () => {
    const { uffd, main, proc, t0, fd, at } = machineWith({ kind: 'private', cached: [1] });
    expect(uffd.copySync({ dst: at(0), src: page(7) })).toBe(PAGE);
    expect(uffd.copySync({ dst: at(1), src: page(8) })).toBe(PAGE);
    expect(t0.load8Sync(at(0))).toBe(7);
    expect(main.preadSync({ fd, count: 1, offset: 0 })).toEqual(Uint8Array.of(1));
    expect(main.preadSync({ fd, count: 1, offset: PAGE })).toEqual(Uint8Array.of(0));
    expect(pages(proc, BASE, 2)).toBe('P P');
  });

  test.each(['shared', 'private'] as const)(
    'beyond the end of a %s file is EFAULT [9.43]',
    (kind) => {
      const { uffd, machine, at } = machineWith({ kind, filePages: 2 });
      const before = machine.freePages;
      const range = pagesAt(at(2));
      expect(ending(() => uffd.copySync({ dst: at(2), src: page(1) }))).toEqual({
        code: 'EFAULT',
        progress: -14,
      });
      expect(ending(() => uffd.zeropageSync(range))).toEqual({ code: 'EFAULT', progress: -14 });
      expect(ending(() => uffd.poisonSync(range))).toEqual({ code: 'EFAULT', progress: -14 });
      expect(before - machine.freePages).toBeLessThanOrEqual(3); // page tables at most
      const across = () => uffd.copySync({ dst: at(0), src: page(1, 4) });
      expect(ending(across)).toEqual({ code: 'EAGAIN', progress: 2 * PAGE });
    },
  );

  test('beyond the end of a shared file is ENOMEM in 7.3, of a private one EFAULT [9.43]', () => {
    const beyond = (kind: 'shared' | 'private') => {
      const { uffd, at } = machineWith({ kernel: '7.3', kind, filePages: 2 });
      return [
        errno(() => uffd.copySync({ dst: at(2), src: page(1) })),
        errno(() => uffd.zeropageSync(pagesAt(at(2)))),
        errno(() => uffd.poisonSync(pagesAt(at(2)))),
      ];
    };
    expect(beyond('shared')).toEqual(['ENOMEM', 'ENOMEM', 'EFAULT']);
    expect(beyond('private')).toEqual(['EFAULT', 'EFAULT', 'EFAULT']);
  });

  test('a page that a size in the middle covers is not beyond the end', () => {
    const { uffd, main, fd, at } = machineWith({ kind: 'shared', filePages: 1 });
    main.ftruncateSync({ fd, length: PAGE + 1 });
    expect(uffd.copySync({ dst: at(1), src: page(7) })).toBe(PAGE);
    expect(errno(() => uffd.copySync({ dst: at(2), src: page(7) }))).toBe('EFAULT');
  });

  test('a page filled through one mapping is seen through another without a fault', () => {
    const { uffd, main, t0, fd, at } = machineWith({ kind: 'shared' });
    mapAt(main, at(8), 4, { kind: 'shared', fd });
    uffd.copySync({ dst: at(1), src: page(7) });
    expect(t0.load8Sync(at(9))).toBe(7);
    expect(drain(uffd, BASE)).toEqual([]);
  });

  test('MODE_WP protects a page of the file in this mapping alone', () => {
    const { uffd, main, proc, t0, fd, at } = machineWith({ kind: 'shared', modes: M | W });
    mapAt(main, at(8), 4, { kind: 'shared', fd });
    uffd.copySync({ dst: at(1), src: page(7), mode: MODE_WP });
    expect(pages(proc, BASE, 2)).toBe('- Fw');
    t0.store8Sync(at(9), 8);
    expect(t0.load8Sync(at(1))).toBe(8);
    void t0.store8(at(1), 9);
    expect(drain(uffd, BASE)).toEqual(['fault 3 @1']);
  });
});
