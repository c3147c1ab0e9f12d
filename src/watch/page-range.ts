/**
 * The pages that somebody watches or asks about: whole pages of one process, low one first.
 * Checks what users give and knows no page's state.
 */

import { unsigned } from '../base/args.js';
import { isPageAligned, PAGE_SIZE } from '../base/page.js';
import type { AddressRange } from '../machine/memory-calls.js';

/** Whole pages, `[start, end)`. */
export interface PageSpan {
  readonly start: number;
  readonly end: number;
}

/** The pages of a range; `RangeError` when it is not made of whole ones. */
export function spanOf(range: AddressRange): PageSpan {
  const start = unsigned('addr', range.addr);
  const length = unsigned('length', range.length);
  if (!isPageAligned(start)) throw new RangeError(`addr: ${start} is not page aligned`);
  if (!isPageAligned(length) || length === 0) {
    throw new RangeError(`length: ${length} is no number of pages`);
  }
  return { start, end: start + length };
}

/** Whether a page lies in a span. */
export const covers = ({ start, end }: PageSpan, page: number): boolean =>
  page >= start && page < end;

/** The pages of `[from, to)` that lie in a span. */
export function* pagesWithin({ start, end }: PageSpan, from: number, to: number) {
  const first = Math.max(start, from - (from % PAGE_SIZE));
  for (let page = first; page < Math.min(end, to); page += PAGE_SIZE) yield page;
}

/** An address as messages show it. */
export const hex = (addr: number): string => `0x${addr.toString(16)}`;
