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
  #pagesLeft: number;

  constructor(readonly limits: OutputLimits) {
    this.#pagesLeft = limits.maxPages === 0 ? Number.POSITIVE_INFINITY : limits.maxPages;
  }

  /** Adds `[start, end)`; answers where the accepted part ends. */
  push(category: number, start: number, end: number): number {
    if (this.limits.vecLen === 0) return end; // nothing is output, nothing is too much
    const pages = Math.min((end - start) / PAGE_SIZE, this.#pagesLeft);
    const accepted = start + pages * PAGE_SIZE;
    const fits = pages > 0 && this.#append(category & this.limits.returned, start, accepted);
    if (fits) this.#pagesLeft -= pages;
    const done = fits ? accepted : start;
    if (done < end) this.stoppedAt = done;
    return done;
  }

  #append(categories: number, start: number, end: number): boolean {
    const last = this.regions.at(-1);
    if (last !== undefined && last.end === start && last.categories === categories) {
      this.regions[this.regions.length - 1] = { ...last, end };
      return true;
    }
    if (this.regions.length === this.limits.vecLen) return false;
    this.regions.push({ start, end, categories });
    return true;
  }
}
