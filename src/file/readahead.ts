/**
 * Read-ahead of one open file: which pages come into the cache beside the one that is wanted.
 * Owns the window; knows nothing of who reads. Visible through mincore and fault-around.
 * Answers to: page_cache_sync_ra(), page_cache_async_ra(), do_sync_mmap_readahead().
 */

import type { Pfn } from '../base/brand.js';
import { FRAME_READAHEAD, type Frames, NO_FRAME } from '../phys/frames.js';
import type { ReadPattern } from './mapped-file.js';

/** A file with a page cache that pages are read into. */
export interface CachedFile {
  readonly sizePages: number;
  readonly frames: Frames;
  /** Pages that were read as one, by each of their indexes: they are marked and used together. */
  readonly folios: Map<number, readonly number[]>;
  /** The cached frame of a page, or {@link NO_FRAME}. */
  lookup(index: number): Pfn;
  /** The frame of a page, read if need be; {@link NO_FRAME} without memory. */
  settled(index: number): Pfn;
}

/** The window that was read last. */
interface Window {
  readonly start: number;
  readonly pages: number;
  /** Pages at its end whose use starts the next window. */
  readonly ahead: number;
}

/** How much larger the pages become that are read as one. */
const FASTER = 2;
const ORDER_MAX = 9;

const NOTHING: Window = { start: 0, pages: 0, ahead: 0 };

/** Read-ahead state of an open file (struct file_ra_state). */
export class ReadAhead {
  private window = NOTHING;
  /** Log2 of the pages that are read as one, larger with each window that is used up. */
  private order = 0;
  /** Page of the last byte that read(2) took. */
  private previous = Number.NEGATIVE_INFINITY;

  constructor(
    readonly inode: CachedFile,
    readonly pagesMax: number,
  ) {}

  /** A fault found no page: reads around it, or what the advice makes of it. */
  missedByFault(index: number, pattern: ReadPattern): void {
    if (pattern === 'random' || this.pagesMax === 0) return;
    if (pattern === 'sequential') {
      this.missed(index, this.pagesMax);
      return;
    }
    const start = Math.max(0, index - Math.floor(this.pagesMax / 2));
    this.order = 0;
    this.read({ start, pages: this.pagesMax, ahead: Math.floor(this.pagesMax / 4) });
  }

  /** A cached page is used, and `wanted` pages from it on: a marked one starts the next window. */
  used(index: number, wanted: number): void {
    const pfn = this.inode.lookup(index);
    if (this.pagesMax === 0 || !this.inode.frames.has(pfn, FRAME_READAHEAD)) return;
    for (const page of this.inode.folios.get(index) ?? [index]) this.unmark(page);
    const { start, pages, ahead } = this.window;
    this.order += FASTER;
    if (index === start + pages - ahead) {
      const next = this.next(pages);
      this.read({ start: start + pages, pages: next, ahead: next });
      return;
    }
    const hole = this.holeBehind(index);
    if (hole === undefined) return;
    const grown = this.next(hole - index + wanted);
    this.read({ start: hole, pages: grown, ahead: grown });
  }

  /** read(2) takes pages `[first, end)`. */
  call(first: number, end: number): void {
    for (let index = first; index < Math.min(end, this.inode.sizePages); index++) {
      if (this.inode.lookup(index) === NO_FRAME) this.missed(index, end - index);
      else this.used(index, end - index);
      this.previous = index;
    }
  }

  private missed(index: number, wanted: number): void {
    if (this.pagesMax === 0) return;
    this.order = 0;
    const pages = this.first(wanted);
    const step = index - this.previous;
    const isSequential = index === 0 || step === 0 || step === 1 || wanted > this.pagesMax;
    if (isSequential) {
      const ahead = pages > wanted ? pages - wanted : Math.floor(pages / 2);
      this.read({ start: index, pages, ahead });
      return;
    }
    const before = this.cachedBefore(index);
    if (before <= wanted) {
      this.fill(index, wanted, 0);
      return;
    }
    const total = before === index ? before * 2 : before;
    this.read({ start: index, pages: Math.min(total + wanted, this.pagesMax), ahead: 1 });
  }

  /** Cached pages that end right before an index. */
  private cachedBefore(index: number): number {
    let count = 0;
    while (count < this.pagesMax && this.inode.lookup(index - 1 - count) !== NO_FRAME) count++;
    return count;
  }

  private holeBehind(index: number): number | undefined {
    for (let at = index + 1; at <= index + this.pagesMax; at++) {
      if (this.inode.lookup(at) === NO_FRAME) return at;
    }
    return undefined;
  }

  /** Size of a first window for a request. */
  private first(wanted: number): number {
    const rounded = 2 ** Math.ceil(Math.log2(wanted));
    if (rounded <= this.pagesMax / 32) return rounded * 4;
    return rounded <= this.pagesMax / 4 ? rounded * 2 : this.pagesMax;
  }

  /** Size of the window behind one of `pages`. */
  private next(pages: number): number {
    if (pages < this.pagesMax / 16) return pages * 4;
    return pages <= this.pagesMax / 2 ? pages * 2 : this.pagesMax;
  }

  /** Reads a window up to the first page that is there already, then the rest as a plain run. */
  private read(window: Window): void {
    this.window = window;
    const { start, pages, ahead } = window;
    const end = Math.min(start + pages, this.inode.sizePages);
    if (pages === 0) return; // nothing is known of a stream whose first page somebody else marked
    this.order = Math.min(this.order, ORDER_MAX, Math.floor(Math.log2(pages)));
    for (let index = start; index < end; ) {
      const folio = this.folioAt(index, end);
      if (folio.some((page) => this.inode.lookup(page) !== NO_FRAME)) {
        this.fill(index, start + pages - index, ahead);
        return;
      }
      const mark = start + pages - ahead;
      const isMarked = index === mark - (mark % folio.length);
      for (const page of folio) if (!this.add(page, isMarked ? page : -1)) return;
      index += folio.length;
    }
  }

  /** The pages that are read as one at an index: aligned, and not beyond an end. */
  private folioAt(index: number, end: number): number[] {
    let pages = 2 ** this.order;
    while (pages > 1 && (index % pages !== 0 || index + pages > end)) pages /= 2;
    const folio = Array.from({ length: pages }, (_, i) => index + i);
    if (pages > 1) for (const page of folio) this.inode.folios.set(page, folio);
    return folio;
  }

  private unmark(index: number): void {
    const pfn = this.inode.lookup(index);
    if (pfn !== NO_FRAME) this.inode.frames.clearFlag(pfn, FRAME_READAHEAD);
  }

  /** Reads a run of pages; the mark counts from where the file ends. */
  private fill(start: number, wanted: number, ahead: number): void {
    const pages = Math.min(wanted, this.inode.sizePages - start);
    const mark = ahead <= pages ? start + pages - ahead : -1;
    for (let index = start; index < start + pages; index++) {
      if (this.inode.lookup(index) === NO_FRAME && !this.add(index, mark)) return;
    }
  }

  private add(index: number, mark: number): boolean {
    if (this.inode.settled(index) === NO_FRAME) return false;
    if (index === mark) this.inode.frames.setFlag(this.inode.lookup(index), FRAME_READAHEAD);
    return true;
  }
}
