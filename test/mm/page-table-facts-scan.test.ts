/** Facts about one page, part 6: PAGEMAP_SCAN. */
import {
  MADV_DONTNEED,
  PAGE_IS_PRESENT,
  PAGE_IS_WRITTEN,
  PM_SCAN_CHECK_WPASYNC,
  PM_SCAN_WP_MATCHING,
  type ScanRequest,
  UFFD_FEATURE_WP_ASYNC,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { pagemapScan, type ScanArgs } from '../../src/observe/pagemap-scan.js';
import { PAGE, pagesAt, W } from '../support/guest.js';
import { errno } from '../support/observe.js';
import { ASYNC, facts, type PageFacts } from './page-facts.js';

/** Scans pages `[0, count)`; regions as `first-end`, and the page where it stopped. */
function scan({ guest }: PageFacts, count: number, request: Partial<ScanRequest> = {}) {
  const { proc, at } = guest;
  const result = proc.pagemapScan({ start: at(0), end: at(count), ...request });
  const page = (addr: number) => (addr - at(0)) / PAGE;
  const regions = result.regions.map(({ start, end }) => `${page(start)}-${page(end)}`);
  return [...regions, `stops at ${page(result.walkEnd)}`];
}

const WRITTEN = { mask: PAGE_IS_WRITTEN, returned: PAGE_IS_WRITTEN };
const MARKS = { flags: PM_SCAN_WP_MATCHING };

describe('PAGEMAP_SCAN', () => {
  test('of unregistered memory: every page of an existing table is WRITTEN [60]', () => {
    const it = facts({ modes: 0 });
    expect(scan(it, 4, WRITTEN)).toEqual(['stops at 4']);
    it.guest.main.store8Sync(it.guest.at(1), 1);
    expect(scan(it, 4, WRITTEN)).toEqual(['0-4', 'stops at 4']);
  });

  test('with CHECK_WPASYNC is EPERM at a normal area; the part before is protected [61]', () => {
    const it = facts({ features: UFFD_FEATURE_WP_ASYNC, modes: 0 });
    const { uffd, main, at } = it.guest;
    uffd.registerSync({ ...pagesAt(at(0), 2), mode: W });
    main.writeSync(at(0), new Uint8Array(4 * PAGE).fill(1));
    const flags = PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC;
    expect(errno(() => scan(it, 4, { ...WRITTEN, flags }))).toBe('EPERM');
    expect(it.states()).toBe('PWX PWX PX PX');
  });

  test('without a vector answers nothing and protects everything [62]', () => {
    const it = facts(ASYNC);
    it.guest.main.store8Sync(it.guest.at(1), 1);
    expect(scan(it, 4, { ...MARKS, ...WRITTEN, maxRegions: 0 })).toEqual(['stops at 4']);
    expect(it.states()).toBe('Kw PWX Kw Kw');
  });

  test.each(['poison', 'guard'] as const)(
    'marks a %s as protected without changing what it does [64]',
    (marker) => {
      const it = facts(ASYNC);
      it[marker](1);
      const [before, end] = [it.word(1), it.loads(1)];
      scan(it, 4, MARKS);
      expect(it.word(1)).toBe(before | (1n << 57n));
      expect(it.loads(1)).toEqual(end);
    },
  );

  test('so that MADV_DONTNEED of such poison leaves a marker in shmem [65]', () => {
    const it = facts({ ...ASYNC, kind: 'shared' });
    it.poison(1);
    scan(it, 4, MARKS);
    it.advise(MADV_DONTNEED, 1);
    expect(it.state(1)).toBe('Kw');
  });

  test('stops behind max_pages matching pages [66]', () => {
    const it = facts({ modes: 0, pages: 8 });
    for (const n of [0, 1, 3, 4, 6]) it.guest.main.store8Sync(it.guest.at(n), 1);
    const present = { mask: PAGE_IS_PRESENT, returned: PAGE_IS_PRESENT, maxPages: 3 };
    expect(scan(it, 8, present)).toEqual(['0-2', '3-4', 'stops at 4']);
  });

  test('refuses a wrong size, flags, categories, bounds and vectors [67]', () => {
    const { proc, at } = facts({ modes: 0 }).guest;
    const none = { inverted: 0, mask: 0, anyof: 0, returned: 0, maxPages: 0, flags: 0 };
    const good = { ...none, size: 96, start: at(0), end: at(4), vec: at(0), vecLen: 1 };
    const end = (wrong: Partial<ScanArgs>) =>
      pagemapScan(proc.state.mm, { ...good, ...wrong }).failure?.code;
    expect(end({})).toBeUndefined();
    expect(end({ size: 88 })).toBe('EINVAL');
    expect(end({ flags: 4 })).toBe('EINVAL');
    expect(end({ mask: 0x200 })).toBe('EINVAL');
    expect(end({ start: at(0) + 1 })).toBe('EINVAL');
    expect(end({ vec: 0 })).toBe('EINVAL');
    expect(end({ end: at(0) - PAGE })).toBe('EFAULT');
    expect(end({ start: 2 ** 63, end: 2 ** 63 + PAGE })).toBe('EFAULT');
    expect(end({ vec: 2 ** 63 })).toBe('EFAULT');
  });
});

test('WP_ASYNC: a write to a marker costs two faults, one to a page one, no message [59]', () => {
  const it = facts(ASYNC);
  it.guest.main.store8Sync(it.guest.at(1), 1);
  it.protect(0, 4);
  expect(it.states()).toBe('Kw PWX Kw Kw');
  expect([it.faultsOfWrite(0), it.faultsOfWrite(1)]).toEqual([2, 1]);
  expect([...it.onWrite(0), ...it.onWrite(1), ...it.onRead(2)]).toEqual([]);
  expect(it.states()).toBe('PX PX PW Kw');
});
