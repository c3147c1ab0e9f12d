/**
 * The hugetlb pages of one size: how many there are, who has them, how many are promised.
 * Pages are set aside when the machine starts; frames get names, and bytes, at their first use.
 * Knows nothing of files and areas: those count what was promised to them themselves.
 */

import { assert } from '../base/assert.js';
import type { Pfn } from '../base/brand.js';
import { PAGE_SIZE, pageDown, pageOffset } from '../base/page.js';
import { type FramePool, type Frames, NO_FRAME, POISON_BYTE } from './frames.js';

/** Whether a page comes out of what is promised to somebody, or out of what nobody is promised. */
export type PageSource = 'promised' | 'spare';

/** Pool of hugetlb pages of one size. */
export class HugePool implements FramePool {
  /** Pages that have frames, by the first one. */
  private readonly pages = new Set<Pfn>();
  /** Pages that were used before and are free now. */
  private readonly used: Pfn[] = [];
  /** Pages that are zeros still: nobody had them before. */
  private readonly clean = new Set<Pfn>();
  /** Pages that were never used and have no frames yet. */
  private unused: number;
  /** Pages whose promise holds again once they are free. */
  private readonly renewing = new Set<Pfn>();
  /** Free pages that somebody is promised: HugePages_Rsvd. */
  reserved = 0;

  constructor(
    readonly frames: Frames,
    /** Bytes of a page. */
    readonly pageSize: number,
    /** Pages of the pool: nr_hugepages. */
    readonly total: number,
  ) {
    this.unused = total;
  }

  /** Frames of a page. */
  get pageFrames(): number {
    return this.pageSize / PAGE_SIZE;
  }

  /** Pages that nobody has: HugePages_Free. */
  get free(): number {
    return this.used.length + this.unused;
  }

  /** Free pages that nobody is promised. */
  get spare(): number {
    return this.free - this.reserved;
  }

  /** Promises pages; false, and nothing is promised, when there are not enough. */
  reserve(pages: number): boolean {
    if (pages > this.spare) return false;
    this.reserved += pages;
    return true;
  }

  /** Takes a promise of pages back. */
  unreserve(pages: number): void {
    assert(pages <= this.reserved, 'more huge pages are taken back than were promised');
    this.reserved -= pages;
  }

  /** First frame of a page of undefined content with one reference, or {@link NO_FRAME}. */
  alloc(source: PageSource): Pfn {
    if (source === 'spare' && this.spare <= 0) return NO_FRAME;
    assert(this.free > 0, 'a promised huge page is not there');
    if (source === 'promised') this.unreserve(1);
    const pfn = this.used.pop() ?? this.firstUse();
    this.frames.lend(pfn);
    return pfn;
  }

  private firstUse(): Pfn {
    this.unused--;
    const first = this.frames.takeRun(this.pageFrames);
    this.pages.add(first);
    this.clean.add(first);
    return first;
  }

  /** Whether a page, by its first frame, belongs to the pool. */
  owns(first: Pfn): boolean {
    return this.pages.has(first);
  }

  /** Says that a page which is about to be free was promised to somebody. */
  renew(pfn: Pfn): void {
    this.renewing.add(pfn);
  }

  release(pfn: Pfn): void {
    this.clean.delete(pfn);
    this.fill(pfn, POISON_BYTE);
    this.used.push(pfn);
    if (this.renewing.delete(pfn)) this.reserved++;
  }

  /** Makes a page that was just allocated one of zeros. */
  zero(pfn: Pfn): void {
    if (!this.clean.delete(pfn)) this.fill(pfn, 0);
  }

  /** Fills bytes `[from, to)` of a page. */
  fill(pfn: Pfn, byte: number, from = 0, to = this.pageSize): void {
    for (let at = from; at < to; at = pageDown(at) + PAGE_SIZE) {
      const end = Math.min(to - pageDown(at), PAGE_SIZE);
      this.frames.fill(frameAt(pfn, at), byte, pageOffset(at), end);
    }
  }

  /** Changes the bytes of a page, from its start on. */
  write(pfn: Pfn, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += PAGE_SIZE) {
      this.frames.write(frameAt(pfn, at), bytes.subarray(at, at + PAGE_SIZE));
    }
  }

  /** Copies a whole page. */
  copy(from: Pfn, to: Pfn): void {
    for (let at = 0; at < this.pageSize; at += PAGE_SIZE) {
      this.frames.copy(frameAt(from, at), frameAt(to, at));
    }
  }
}

/** Frame of the byte at an offset of a page. */
const frameAt = (first: Pfn, offset: number): Pfn =>
  (first + Math.floor(offset / PAGE_SIZE)) as Pfn;
