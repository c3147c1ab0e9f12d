/**
 * The texts of matchers: which pages are not as they were said to be, what is there, and how it
 * came to that. A message names a few pages and counts the rest.
 */

import { PAGE_SIZE } from '../base/page.js';
import type { Process } from '../machine/process.js';
import { type PageSpan, spanOf } from '../watch/page-range.js';
import { describePage } from '../watch/page-state.js';
import type { PageWatch } from '../watch/page-watch.js';
import type { PageRange } from './region.js';

/** Pages that a message shows. */
const SHOWN = 4;

/** Pages of a process, and who knows their past. */
export interface Pages {
  readonly process: Process;
  readonly span: PageSpan;
  readonly watch: PageWatch | undefined;
}

/** The pages of a range that a matcher was given. */
export function pagesOf(range: PageRange): Pages {
  return { process: range.process, span: spanOf(range), watch: range.watch };
}

/** Addresses of pages, the low one first. */
export const addressesOf = ({ span }: Pages): number[] =>
  Array.from({ length: (span.end - span.start) / PAGE_SIZE }, (_, i) => span.start + i * PAGE_SIZE);

/** A paragraph about some pages: state and history of the first of them. */
export function aboutPages(
  { process, watch }: Omit<Pages, 'span'>,
  pages: readonly number[],
): string {
  const shown = pages
    .slice(0, SHOWN)
    .flatMap((page) => [
      `  ${describePage(process, page)}`,
      ...(watch?.historyOf(page) ?? []).map((line) => `    ${line}`),
    ]);
  const more = pages.length - SHOWN;
  return [...shown, ...(more > 0 ? [`  and ${more} more`] : [])].join('\n');
}

/** `1 page`, `3 pages`. */
export const countOf = (pages: readonly unknown[], noun = 'page'): string =>
  `${pages.length} ${noun}${pages.length === 1 ? '' : 's'}`;
