/**
 * A file's content as the page cache holds it: page index to frame. Shmem keeps everything here.
 * Holds one frame reference for each cached page. Never knows who maps it: mm asks and tells.
 */

import type { Pfn } from '../base/brand.js';
import { PAGE_SIZE, pageUp } from '../base/page.js';
import {
  FRAME_NOT_UPTODATE,
  type FrameOwner,
  type Frames,
  type MappingSite,
  NO_FRAME,
  type UnmapScope,
} from '../phys/frames.js';

/** Backing of a mapping: shmem (memfd, MAP_SHARED|MAP_ANONYMOUS). */
export class Inode implements FrameOwner {
  readonly kind = 'file';
  readonly sites = new Set<MappingSite>();
  readonly #pages = new Map<number, Pfn>();
  #refs = 1;

  constructor(
    readonly name: string,
    readonly frames: Frames,
    public sizeBytes: number,
    /** Number that fdinfo and maps would show. */
    readonly ino: number,
  ) {}

  /** Pages that the size covers. */
  get sizePages(): number {
    return pageUp(this.sizeBytes) / PAGE_SIZE;
  }

  /** Cached frame at a page index, or {@link NO_FRAME} for a hole. */
  lookup(index: number): Pfn {
    return this.#pages.get(index) ?? NO_FRAME;
  }

  /** The cached frame of an index with its content settled: preallocated pages become zeros. */
  settled(index: number): Pfn {
    const pfn = this.lookup(index);
    if (pfn !== NO_FRAME) this.frames.clearFlag(pfn, FRAME_NOT_UPTODATE);
    return pfn;
  }

  /** Whether the page is in the cache and was ever read or written. */
  isUptodate(index: number): boolean {
    const pfn = this.lookup(index);
    return pfn !== NO_FRAME && !this.frames.has(pfn, FRAME_NOT_UPTODATE);
  }

  /** Puts a frame into the cache, which takes a reference of its own. */
  add(index: number, pfn: Pfn): void {
    this.frames.get(pfn);
    this.frames.setOwner(pfn, this, index);
    this.#pages.set(index, pfn);
  }

  /** Takes a page out of the cache; what was there is a hole afterwards. */
  remove(index: number): void {
    const pfn = this.#pages.get(index);
    if (pfn === undefined) return;
    this.#pages.delete(index);
    this.frames.put(pfn);
  }

  /** A frame of zeros in the cache at a hole, or {@link NO_FRAME} when memory is full. */
  addZeroed(index: number): Pfn {
    const pfn = this.frames.allocZeroed();
    if (pfn === NO_FRAME) return NO_FRAME;
    this.add(index, pfn);
    this.frames.put(pfn);
    return pfn;
  }

  /** Drops the pages of `[first, end)` from every mapping and from the cache. */
  evict(first: number, end: number, scope: UnmapScope): void {
    for (const site of this.sites) site.unmap(first, end, scope);
    for (const index of [...this.#pages.keys()]) {
      if (index >= first && index < end) this.remove(index);
    }
  }

  /** Cached pages with their frames. */
  entries(): IterableIterator<[number, Pfn]> {
    return this.#pages.entries();
  }

  get(): this {
    this.#refs++;
    return this;
  }

  /** Drops a reference; the last one, of files and mappings, frees the content. */
  put(): void {
    if (--this.#refs === 0) for (const index of [...this.#pages.keys()]) this.remove(index);
  }
}
