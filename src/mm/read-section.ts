/**
 * Work on many pages under the mmap lock, held for reading: accesses of other threads come between
 * two pages, a change of the areas does not. There is no lock here: whoever changes areas first
 * has the work done that is under way, as if it had waited for it.
 * Answers to: mmap_read_lock().
 */

import { assert } from '../base/assert.js';
import { type Op, Point } from '../base/op.js';

/** Work that stops between two pages. */
export class ReadSection<T> {
  private last: IteratorResult<undefined, T> | undefined;
  private isInPage = false;

  constructor(private readonly pages: Iterator<undefined, T>) {}

  /** Goes on up to the next gap; whether that was the end. */
  advance(): boolean {
    if (this.last?.done === true) return true;
    this.isInPage = true;
    this.last = this.pages.next();
    this.isInPage = false;
    return this.last.done === true;
  }

  /** Does all that is left; nothing while a page is being changed, as when memory is short. */
  finish(): void {
    if (this.isInPage) return;
    while (!this.advance());
  }

  /** What came of it, once it is over. */
  get result(): T {
    assert(this.last?.done === true, 'the work is not over');
    return this.last.value;
  }
}

/** Does work page by page, with a place to switch in each gap. */
export function* reading<T>(
  sections: Set<ReadSection<unknown>>,
  pages: Iterator<undefined, T>,
  point: string,
): Op<T> {
  const section = new ReadSection(pages);
  if (section.advance()) return section.result;
  sections.add(section);
  try {
    do yield new Point(point);
    while (!section.advance());
    return section.result;
  } finally {
    sections.delete(section);
    section.finish(); // a thread that is killed here finishes first
  }
}

/** Gaps that one call has at most; with more pages some lie closer together. */
const GAPS_MAX = 64;

/** Bytes between two gaps of a call on so many bytes, a multiple of the size of a page. */
export const gapBytes = (lenBytes: number, pageSize: number): number =>
  Math.ceil(lenBytes / GAPS_MAX / pageSize) * pageSize;
