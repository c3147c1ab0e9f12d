/**
 * What a private hugetlb area was promised when it was mapped: each of its huge pages, once.
 * Belongs to the address space that mapped it; a child has none. Counts by index in the file.
 * Answers to: HPAGE_RESV_OWNER.
 */

import type { HugePool } from '../phys/huge-pool.js';

/** Promise of huge pages to a private area. */
export class HugePromise {
  private readonly taken = new Set<number>();

  constructor(readonly pool: HugePool) {}

  /** Whether the page of an index can still be had. */
  holds(index: number): boolean {
    return !this.taken.has(index);
  }

  /** The page was had: the promise is kept. */
  take(index: number): void {
    this.taken.add(index);
  }

  /** The page is about to go back to the pool: it is promised again. */
  renew(index: number): void {
    this.taken.delete(index);
  }

  /** Pages of `[first, end)` that can still be had. */
  outstanding(first: number, end: number): number {
    let pages = 0;
    for (let index = first; index < end; index += this.pool.pageFrames) {
      if (this.holds(index)) pages++;
    }
    return pages;
  }

  /** The area `[first, end)` is gone. */
  drop(first: number, end: number): void {
    this.pool.unreserve(this.outstanding(first, end));
  }
}
