/**
 * Where PAGEMAP_SCAN puts what it finds: regions of equal pages, as many as fit.
 * Says how far a push went, so that nothing is protected that was not reported.
 * Answers to: pagemap_scan_output().
 */

import { PAGE_SIZE } from '../base/page.js';

/** Consecutive pages of the same categories: `struct page_region`. */
export interface ScanRegion {
  /** First address. */
  readonly start: number;
  /** First address behind. */
  readonly end: number;
  /** PAGE_IS_* bits, of those that were asked for. */
  readonly categories: number;
}

/** Limits of a scan's results. */
export interface OutputLimits {
  readonly vec: number;
  readonly vecLen: number;
  /** Pages; 0 for no limit. */
  readonly maxPages: number;
  /** Categories to report. */
  readonly returned: number;
}

/** The results of one scan. */
export class ScanOutput {
  /** Regions in order of address. */
  readonly regions: ScanRegion[] = [];
  /** Where the scan must end because a limit was reached. */
  stoppedAt: number | undefined;
  /** The last address that was passed over although it matched; the scan went on behind it. */
  passedAt: number | undefined;
  #pagesLeft: number;

  constructor(readonly limits: OutputLimits) {
    this.#pagesLeft = limits.maxPages === 0 ? Number.POSITIVE_INFINITY : limits.maxPages;
  }

  /** Where the accepted part of `[start, end)` would end. */
  accepts(category: number, start: number, end: number): number {
    if (this.limits.vecLen === 0) return end; // nothing is output, nothing is too much
    const pages = Math.min((end - start) / PAGE_SIZE, this.#pagesLeft);
    const fits = this.#continues(category, start) || this.regions.length < this.limits.vecLen;
    return fits ? start + pages * PAGE_SIZE : start;
  }

  /** Adds `[start, end)`; answers where the accepted part ends. */
  push(category: number, start: number, end: number): number {
    const done = this.accepts(category, start, end);
    if (done > start && this.limits.vecLen > 0) this.#append(category, start, done);
    if (done < end) this.stoppedAt = done;
    return done;
  }

  /** Takes `[start, end)`, which was added last, out again and goes on behind it. */
  takeBack(start: number, end: number): void {
    this.stoppedAt = undefined;
    this.passedAt = start;
    if (this.limits.vecLen === 0) return;
    this.#pagesLeft += (end - start) / PAGE_SIZE;
    const last = this.regions.pop();
    if (last !== undefined && last.start < start) this.regions.push({ ...last, end: start });
  }

  #continues(category: number, start: number): boolean {
    const last = this.regions.at(-1);
    return last?.end === start && last.categories === (category & this.limits.returned);
  }

  #append(category: number, start: number, end: number): void {
    this.#pagesLeft -= (end - start) / PAGE_SIZE;
    const last = this.regions.at(-1);
    if (last !== undefined && this.#continues(category, start)) {
      this.regions[this.regions.length - 1] = { ...last, end };
    } else {
      this.regions.push({ start, end, categories: category & this.limits.returned });
    }
  }
}
