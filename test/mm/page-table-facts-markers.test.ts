/** Facts about one page, part 1: protection of pages that are not there, and the other markers. */
import {
  MADV_DONTNEED,
  MADV_FREE,
  MADV_PAGEOUT,
  UFFD_FEATURE_WP_UNPOPULATED,
  UFFDIO_COPY_MODE_WP,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { M, mapAt, PAGE, page, pagesAt, W } from '../support/guest.js';
import { errno } from '../support/observe.js';
import { facts, PRIVATE, SHARED, UNPOPULATED, WORD_KW } from './page-facts.js';

const BOTH = { features: UFFD_FEATURE_WP_UNPOPULATED, modes: M | W };
const BUS = (code: string, addr: number) => ({ value: { signal: 'SIGBUS', code, addr } }).value;

describe('write protection of an empty page', () => {
  test('of anonymous memory leaves nothing, and its write raises nothing [1]', () => {
    const it = facts();
    it.protect(0);
    expect(it.word(0) & ~(1n << 55n)).toBe(0n);
    expect(it.onWrite(0)).toEqual([]);
  });

  test('of anonymous memory is a marker with WP_UNPOPULATED [2]', () => {
    const it = facts({ ...UNPOPULATED, config: { softDirty: false } });
    it.protect(0);
    expect(it.word(0)).toBe(WORD_KW);
  });

  test('becomes the protected zero page by a read; a write is one WP fault [3]', () => {
    const it = facts(UNPOPULATED);
    it.protect(0);
    expect(it.onRead(0)).toEqual([]);
    expect(it.state(0)).toBe('PW');
    expect(it.onWrite(0)).toEqual(['fault 3 @0']);
  });

  test('is a missing fault without the WP flag; COPY mode 0 leaves it unprotected [4]', () => {
    const it = facts(BOTH);
    it.protect(0);
    expect(it.onRead(0)).toEqual(['fault 0 @0']);
    it.copy(0, 7);
    expect(it.state(0)).toBe('PX');
    expect(it.onWrite(0)).toEqual([]);
  });

  test('filled with COPY MODE_WP stays protected [5]', () => {
    const it = facts(BOTH);
    it.protect(0);
    it.onRead(0);
    it.copy(0, 7, UFFDIO_COPY_MODE_WP);
    expect(it.state(0)).toBe('PWX');
    expect(it.onWrite(0)).toEqual(['fault 3 @0']);
  });

  test('of shmem is a marker without any feature [6]', () => {
    const it = facts(SHARED);
    it.protect(0);
    expect(it.state(0)).toBe('Kw');
  });
});

describe('MADV_DONTNEED of a protected page', () => {
  test('of shmem leaves a marker; content and protection come back with a read [7]', () => {
    const it = facts(SHARED);
    it.dirtyAndProtect(0, 42);
    it.advise(MADV_DONTNEED, 0);
    expect(it.state(0)).toBe('Kw');
    expect(it.loads(0)).toEqual({ value: 42 });
    expect(it.state(0)).toBe('PFWX');
  });

  test('of anonymous memory leaves nothing; the next write raises no WP fault [8]', () => {
    const it = facts();
    it.dirtyAndProtect(0);
    it.advise(MADV_DONTNEED, 0);
    expect(it.state(0)).toBe('-');
    expect(it.onWrite(0)).toEqual([]);
  });

  test('of a private copy leaves a marker, and a read finds the file [9]', () => {
    const it = facts({ ...PRIVATE, cached: [5] });
    it.dirtyAndProtect(0, 42);
    it.advise(MADV_DONTNEED, 0);
    expect(it.state(0)).toBe('Kw');
    expect(it.loads(0)).toEqual({ value: 5 });
    expect(it.state(0)).toBe('PFWX');
  });
});

describe('a guard', () => {
  test.each(['anon', 'shared', 'private'] as const)(
    'of %s memory survives everything but MADV_GUARD_REMOVE and munmap [13]',
    (kind) => {
      const it = facts({ kind });
      it.guard(1);
      it.advise(MADV_DONTNEED, 0, 4);
      if (kind === 'anon') it.advise(MADV_FREE, 0, 4);
      else {
        it.punch(1);
        it.truncate(1);
      }
      it.advise(MADV_PAGEOUT, 0, 4);
      expect(it.state(1)).toBe('Kg');
      it.protect(1);
      expect(it.state(1)).toBe('Kg');
      it.unprotect(1);
      it.guest.uffd.unregisterSync(pagesAt(it.guest.at(0), 4));
      it.guest.uffd.close();
      expect(it.state(1)).toBe('Kg');
    },
  );

  test('is SIGSEGV SEGV_MAPERR without a message, registered for MISSING or not [14]', () => {
    const it = facts({ modes: M });
    it.guard(1);
    const addr = it.guest.at(1);
    expect(it.loads(1)).toEqual({ signal: 'SIGSEGV', code: 'SEGV_MAPERR', addr });
    expect(it.messages()).toEqual([]);
  });

  test('is replaced by UFFDIO_COPY up to 6.18 and EEXIST in 7.3 [19]', () => {
    const ends = (['6.18', '7.3'] as const).map((kernel) => {
      const it = facts({ kernel, modes: M });
      it.guard(1);
      return errno(() => it.copy(1, 7));
    });
    expect(ends).toEqual(['ok', 'EEXIST']);
  });
});

describe('a poisoned page', () => {
  test('is BUS_ADRERR without CONFIG_MEMORY_FAILURE, BUS_MCEERR_AR with it [15]', () => {
    const codes = [false, true].map((memoryFailure) => {
      const it = facts({ config: { memoryFailure } });
      it.poison(1);
      return it.loads(1);
    });
    const addr = facts().guest.at(1);
    expect(codes).toEqual([BUS('BUS_ADRERR', addr), BUS('BUS_MCEERR_AR', addr)]);
  });

  test('is not cured by UNREGISTER or close [16]', () => {
    const it = facts();
    it.poison(1);
    it.guest.uffd.unregisterSync(pagesAt(it.guest.at(0), 4));
    it.guest.uffd.close();
    expect(it.state(1)).toBe('Kp');
    expect(it.loads(1)).toMatchObject({ signal: 'SIGBUS' });
  });

  test('is cured by MADV_FREE, which leaves a protection marker alone [17]', () => {
    const it = facts(UNPOPULATED);
    it.poison(1);
    it.protect(2);
    it.advise(MADV_FREE, 0, 4);
    expect(it.states()).toBe('- - Kw -');
  });

  test('is replaced by COPY; ZEROPAGE replaces it in shared shmem only [18]', () => {
    const ends = (['anon', 'private', 'shared'] as const).map((kind) => {
      const it = facts({ kind });
      it.poison(0);
      it.poison(1);
      const zero = errno(() => it.guest.uffd.zeropageSync(pagesAt(it.guest.at(1))));
      return [errno(() => it.copy(0, 7)), zero];
    });
    expect(ends).toEqual([
      ['ok', 'EEXIST'],
      ['ok', 'EEXIST'],
      ['ok', 'ok'],
    ]);
  });

  test('cannot be made of a marker, nor a page be moved onto one [20]', () => {
    const it = facts(BOTH);
    it.protect(0);
    mapAt(it.guest.main, it.guest.at(8), 1);
    it.guest.main.store8Sync(it.guest.at(8), 1);
    const { uffd, at } = it.guest;
    expect(errno(() => it.poison(0))).toBe('EEXIST');
    expect(errno(() => uffd.moveSync({ dst: at(0), src: at(8), len: PAGE }))).toBe('EEXIST');
    expect(it.state(0)).toBe('Kw');
  });
});

describe('UFFDIO_MOVE', () => {
  const moving = (prepare: (it: ReturnType<typeof facts>) => void) => {
    const it = facts(UNPOPULATED);
    const { main, uffd, at } = it.guest;
    mapAt(main, at(8), 1);
    uffd.registerSync({ ...pagesAt(at(8)), mode: M });
    prepare(it);
    const end = errno(() => uffd.moveSync({ dst: at(8), src: at(1), len: PAGE }));
    return end === 'ok' ? it.state(8) : end;
  };

  test('drops the bit of a page, keeps that of a swap entry, refuses markers [74]', () => {
    expect(moving((it) => it.dirtyAndProtect(1))).toBe('PX');
    const swapped = moving((it) => {
      it.dirtyAndProtect(1);
      it.swapOut(1);
    });
    expect(swapped).toBe('Sw');
    expect(moving((it) => it.poison(1))).toBe('EFAULT');
    expect(moving((it) => it.guard(1))).toBe('EFAULT');
    expect(moving((it) => it.protect(1))).toBe('EFAULT');
    expect(moving(() => {})).toBe('ENOENT');
  });
});

test('a page of the cache: COPY is EEXIST, CONTINUE maps it, POISON succeeds [21]', () => {
  const it = facts({ ...SHARED, cached: [1, 2, 3] });
  const { uffd, at } = it.guest;
  expect(errno(() => uffd.copySync({ dst: at(0), src: page(7) }))).toBe('EEXIST');
  expect(errno(() => uffd.continueSync(pagesAt(at(1))))).toBe('ok');
  expect(errno(() => it.poison(2))).toBe('ok');
  expect(it.states()).toBe('- PFX Kp -');
});
