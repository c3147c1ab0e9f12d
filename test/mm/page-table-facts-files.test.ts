/** Facts about one page, part 2: page cache, holes, the end of the file, fault-around, other views. */
import { MADV_DONTNEED, MAP_FIXED, MAP_SHARED, PROT_READ, type Thread } from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { anotherUffd, M, mapAt, N, PAGE, page, pagesAt, RW, W } from '../support/guest.js';
import { errno } from '../support/observe.js';
import { facts, PRIVATE, SHARED } from './page-facts.js';
import { statesOf } from './page-state.js';

describe('a hole punched into a file', () => {
  test.each([false, true])(
    'leaves a private copy alone, protected (%s) or not [10]',
    (isProtected) => {
      const it = facts({ ...PRIVATE, cached: [5] });
      it.guest.main.store8Sync(it.guest.at(0), 42);
      if (isProtected) it.protect(0);
      it.punch(0);
      expect(it.state(0)).toBe(isProtected ? 'PWX' : 'PX');
      expect(it.loads(0)).toEqual({ value: 42 });
    },
  );

  test('keeps poison; truncation and MADV_DONTNEED remove it [12]', () => {
    const left = (how: (it: ReturnType<typeof facts>) => void) => {
      const it = facts(SHARED);
      it.poison(1);
      how(it);
      return it.state(1);
    };
    expect(left((it) => it.punch(1))).toBe('Kp');
    expect(left((it) => it.truncate(1))).toBe('-');
    expect(left((it) => it.advise(MADV_DONTNEED, 1))).toBe('-');
  });
});

test('truncation of a protected private copy leaves a marker, and a read finds zeros [11]', () => {
  const it = facts({ ...PRIVATE, cached: [5, 6] });
  it.dirtyAndProtect(1, 42);
  it.truncate(1);
  expect(it.state(1)).toBe('Kw');
  expect(it.loads(1)).toEqual({ value: 0 });
});

test('COPY to a private mapping of a cached page installs a page of its own [22]', () => {
  const it = facts({ ...PRIVATE, cached: [5] });
  it.copy(0, 7);
  expect(it.state(0)).toBe('PX');
  expect(it.loads(0)).toEqual({ value: 7 });
});

test('CONTINUE over a marker keeps protection with MODE_WP only [23]', () => {
  const it = facts({ ...SHARED, cached: [1, 2] });
  it.protect(0, 2);
  it.guest.uffd.continueSync(pagesAt(it.guest.at(0)));
  it.guest.uffd.continueSync({ ...pagesAt(it.guest.at(1)), mode: 2 });
  expect(it.states(2)).toBe('PFX PFWX');
});

describe('fault-around', () => {
  const CACHED = Array.from({ length: 64 }, (_, i) => i);
  const mapped = (modes: number) => {
    const it = facts({ kind: 'shared', modes, pages: 64, cached: CACHED });
    it.loads(20);
    const states = statesOf(it.guest.proc, it.guest.at(0), 64);
    return states.flatMap((state, n) => (state === '-' ? [] : [n]));
  };

  test('maps 16 pages under MISSING, one under WP and MINOR [52]', () => {
    expect(mapped(M)).toEqual(Array.from({ length: 16 }, (_, i) => 16 + i));
    expect(mapped(W)).toEqual([20]);
    const it = facts({ kind: 'shared', modes: N, pages: 64, cached: CACHED });
    expect(it.onRead(20)).toEqual(['fault 4 @20']);
    it.guest.uffd.continueSync(pagesAt(it.guest.at(20)));
    expect(statesOf(it.guest.proc, it.guest.at(16), 16).filter((s) => s !== '-')).toHaveLength(1);
  });

  test('goes around guards and poison [53]', () => {
    const it = facts({ kind: 'shared', modes: M, pages: 16, cached: CACHED.slice(0, 16) });
    it.guard(3);
    it.poison(5);
    it.loads(4);
    expect(it.states(7)).toBe('PFX PFX PFX Kg PFX Kp PFX');
  });
});

describe('beyond the end of the file', () => {
  test('an access is SIGBUS without a message, fills are EFAULT, WP leaves a marker [54]', () => {
    const it = facts({ kind: 'shared', modes: M | W, filePages: 2 });
    const { uffd, at } = it.guest;
    expect(it.loads(2)).toMatchObject({ signal: 'SIGBUS', code: 'BUS_ADRERR' });
    expect(errno(() => it.guest.t0.store8Sync(at(2), 1))).toBe('SIGBUS');
    expect(it.messages()).toEqual([]);
    expect(errno(() => it.copy(2, 7))).toBe('EFAULT');
    expect(errno(() => uffd.zeropageSync(pagesAt(at(2))))).toBe('EFAULT');
    expect(errno(() => it.poison(2))).toBe('EFAULT');
    it.protect(2);
    expect(it.state(2)).toBe('Kw');
  });
});

test('protection is of one mapping: another one and pwrite(2) go past it [75]', () => {
  const it = facts({ ...SHARED, cached: [1] });
  const { main, fd, at } = it.guest;
  mapAt(main, at(16), 4, { kind: 'shared', fd });
  it.loads(0);
  it.protect(0);
  main.store8Sync(at(16), 2);
  main.pwriteSync({ fd, bytes: page(3).slice(1), offset: 1 });
  expect(it.messages()).toEqual([]);
  expect(it.guest.t2.readSync(at(0), 2)).toEqual(Uint8Array.of(2, 3));
  expect(it.state(0)).toBe('PFW');
});

describe('registration', () => {
  const lines = (second: number) => {
    const it = facts({ modes: 0 });
    const { uffd, at, proc } = it.guest;
    uffd.registerSync({ ...pagesAt(at(0), 2), mode: M });
    uffd.registerSync({ ...pagesAt(at(2), 2), mode: second });
    const apart = proc.maps().length;
    uffd.unregisterSync(pagesAt(at(0), 4));
    return [apart, proc.maps().length];
  };

  test('of neighbours in one mode is one line of maps, in two modes two [76]', () => {
    expect(lines(M)).toEqual([1, 1]);
    expect(lines(W)).toEqual([2, 1]);
  });

  const readOnlyShared = (main: Thread, addr: number) => {
    const fd = main.memfdCreateSync('ro');
    main.ftruncateSync({ fd, length: PAGE });
    const ro = main.reopenReadOnlySync(fd);
    const flags = MAP_SHARED | MAP_FIXED;
    main.mmapSync({ addr, length: PAGE, prot: PROT_READ, flags, fd: ro });
  };

  test("of another's area is EBUSY, of a shared read-only file EPERM [77]", () => {
    const { main, uffd, at } = facts().guest;
    const other = anotherUffd(main);
    expect(errno(() => other.registerSync({ ...pagesAt(at(0)), mode: M }))).toBe('EBUSY');
    readOnlyShared(main, at(8));
    expect(errno(() => uffd.registerSync({ ...pagesAt(at(8)), mode: M }))).toBe('EPERM');
  });

  test('without WP leaves stale bits that stop nobody [78]', () => {
    const it = facts({ modes: W });
    const { uffd, at } = it.guest;
    it.dirtyAndProtect(0);
    uffd.registerSync({ ...pagesAt(at(0), 4), mode: M });
    expect(it.onWrite(0)).toEqual([]);
    expect(it.state(0)).toBe('PWX');
  });
});

test('WP off: ENOENT at the first area without WP, holes do not matter [79]', () => {
  const it = facts({ modes: 0 });
  const { uffd, main, at } = it.guest;
  uffd.registerSync({ ...pagesAt(at(0), 2), mode: W });
  it.dirtyAndProtect(0);
  expect(errno(() => it.unprotect(0, 4))).toBe('ENOENT');
  expect(it.state(0)).toBe('PX');
  main.munmapSync({ addr: at(2), length: 2 * PAGE });
  mapAt(main, at(3), 1, { prot: RW });
  uffd.registerSync({ ...pagesAt(at(3)), mode: W });
  expect(errno(() => it.unprotect(0, 4))).toBe('ok');
  expect(errno(() => it.unprotect(20, 4))).toBe('ENOENT');
});
