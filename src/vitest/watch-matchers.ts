/**
 * Matchers about what a watch saw: a tracker's pages against those that were really written, fills
 * that came too late, pages that came without one.
 */

import { PAGE_SIZE, pageDown } from '../base/page.js';
import type { ScanResult } from '../machine/scan.js';
import { hex } from '../watch/page-range.js';
import { PageWatch } from '../watch/page-watch.js';
import { WriteWatch } from '../watch/write-watch.js';
import { aboutPages, countOf } from './explain.js';
import { Region } from './region.js';
import { type Verdict, verdict, wrongSubject } from './verdict.js';

/** Pages that a tracker found: addresses, or what PAGEMAP_SCAN answered. */
export type TrackedPages = Iterable<number> | ScanResult;

function writesOf(matcher: string, value: unknown): WriteWatch {
  if (value instanceof WriteWatch) return value;
  throw wrongSubject(matcher, 'a WriteWatch (watchWrites)', value);
}

function watchOf(matcher: string, value: unknown): PageWatch {
  if (value instanceof PageWatch) return value;
  if (value instanceof Region) return value.watch;
  throw wrongSubject(matcher, 'a PageWatch (watchPages) or a region', value);
}

function trackedOf(value: unknown): Set<number> {
  if (typeof value === 'object' && value !== null) {
    if (Symbol.iterator in value) return new Set([...(value as Iterable<number>)].map(pageDown));
    if ('regions' in value) return new Set(scanned(value as ScanResult));
  }
  throw wrongSubject('toCoverWrites', 'addresses of pages or the result of a scan', value);
}

function* scanned({ regions }: ScanResult): Generator<number> {
  for (const { start, end } of regions) {
    for (let page = start; page < end; page += PAGE_SIZE) yield page;
  }
}

/** The tracker's pages hold every page that was written; it may have more. */
function toCoverWrites(got: unknown, watch: unknown): Verdict {
  const tracked = trackedOf(got);
  const writes = writesOf('toCoverWrites', watch);
  const lost = writes.writes().filter(({ page }) => !tracked.has(page));
  const ways = lost.map(({ page, ways: by }) => `  ${hex(page)} was written by ${by.join(', ')}`);
  return verdict(
    lost.length === 0,
    () =>
      `expected the pages to cover what was written, but ${countOf(lost)} of ` +
      `${writes.written().length} are not among them:\n${ways.join('\n')}\n` +
      aboutPages(
        { process: writes.process, watch: undefined },
        lost.map(({ page }) => page),
      ),
    () => 'expected the pages not to cover what was written, but they do',
  );
}

/** Exactly these pages were written. */
function toHaveDirtyPages(got: unknown, expected: Iterable<number>): Verdict {
  const watch = writesOf('toHaveDirtyPages', got);
  const wanted = new Set([...expected].map(pageDown));
  const written = watch.written();
  const missing = [...wanted].filter((page) => !written.includes(page));
  const extra = written.filter((page) => !wanted.has(page));
  const about = (pages: readonly number[], what: string): string[] =>
    pages.length === 0
      ? []
      : [
          `${countOf(pages)} ${what}:`,
          aboutPages({ process: watch.process, watch: undefined }, pages),
        ];
  return verdict(
    missing.length + extra.length === 0,
    () =>
      [
        'expected exactly these pages to be written, but',
        ...about(missing, 'not written'),
        ...about(extra, 'written besides'),
      ].join('\n'),
    () => `expected not exactly these pages to be written: ${written.map(hex).join(', ')}`,
  );
}

function noneOf(watch: PageWatch, pages: readonly number[], what: string): Verdict {
  return verdict(
    pages.length === 0,
    () =>
      `expected no ${what}, but there are ${countOf(pages)}:\n` +
      aboutPages({ process: watch.process, watch }, pages),
    () => `expected ${what}, but there are none`,
  );
}

/** Matchers of watches. */
export const watchMatchers = {
  toCoverWrites,
  toHaveDirtyPages,
  toHaveNoStalePages(got: unknown): Verdict {
    const watch = watchOf('toHaveNoStalePages', got);
    const pages = watch.stalePages().map(({ page }) => page);
    return noneOf(watch, pages, 'pages filled in answer to a fault before their removal');
  },
  toHaveNoSilentPages(got: unknown): Verdict {
    const watch = watchOf('toHaveNoSilentPages', got);
    const pages = watch.silentPages().map(({ page }) => page);
    return noneOf(watch, pages, 'pages that came without a fill');
  },
  toHaveNoPagesZeroedByClose(got: unknown): Verdict {
    const watch = watchOf('toHaveNoPagesZeroedByClose', got);
    return noneOf(watch, watch.zeroedByClose(), 'pages zeroed because of a close');
  },
};
