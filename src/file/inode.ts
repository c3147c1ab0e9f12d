/**
 * A file's content as the page cache holds it: page index to frame. Shmem keeps everything here.
 * Holds one frame reference for each cached page. Never knows who maps it: mm asks and tells.
 */

import type { Pfn, SwapSlot } from '../base/brand.js';
import { PAGE_SIZE, pageOffset, pageUp } from '../base/page.js';
import { VersionedMap } from '../base/versioned-map.js';
import {
  FRAME_DIRTY,
  FRAME_HWPOISON,
  FRAME_NOT_UPTODATE,
  type FrameOwner,
  type Frames,
  type MappingSite,
  NO_FRAME,
  type UnmapScope,
} from '../phys/frames.js';
import { NO_SWAP, type SwapArea, type SwapSpace } from '../phys/swap.js';

/** Largest size of a shmem file in bytes: the number below 2^63. */
const SHMEM_BYTES_MAX = 2 ** 63 - 1024;

/** Backing of a mapping: shmem (memfd, MAP_SHARED|MAP_ANONYMOUS), regular file or hugetlb. */
export class Inode implements FrameOwner {
  readonly kind = 'file';
  /** What the file lies on: memory, a disk that dirty pages are written to, or huge pages. */
  readonly backing: 'shmem' | 'disk' | 'hugetlb' = 'shmem';
  /** Largest size in bytes. */
  readonly bytesMax: number = SHMEM_BYTES_MAX;
  readonly sites = new Set<MappingSite>();
  /** Pages that are one in the page cache and are mapped together, by each of their indexes. */
  readonly folios = new Map<number, readonly number[]>();
  private readonly pages: VersionedMap<number, Pfn>;
  private readonly slots: VersionedMap<number, SwapSlot>;
  /** Pages whose content was lost to a swap error: an access gets SIGBUS. */
  private readonly lost = new Set<number>();
  private refs = 1;

  constructor(
    readonly name: string,
    readonly frames: Frames,
    readonly swap: SwapSpace,
    public sizeBytes: number,
    /** Number that fdinfo and maps would show. */
    readonly ino: number,
  ) {
    this.pages = new VersionedMap(frames.versions);
    this.slots = new VersionedMap(frames.versions);
  }

  /** Bytes of what is mapped and filled at once. */
  get pageSize(): number {
    return PAGE_SIZE;
  }

  /** Pages that the size covers. */
  get sizePages(): number {
    return pageUp(this.sizeBytes) / PAGE_SIZE;
  }

  /** Cached frame at a page index, or {@link NO_FRAME} for a hole. */
  lookup(index: number): Pfn {
    return this.pages.get(index) ?? NO_FRAME;
  }

  /** Whether the file has content at an index, in memory or in swap. */
  holds(index: number): boolean {
    return this.pages.has(index) || this.slots.has(index) || this.lost.has(index);
  }

  /** Whether the content at an index is or would be lost: swap cannot read it back. */
  isUnreadable(index: number): boolean {
    const slot = this.slots.get(index);
    return this.lost.has(index) || (slot !== undefined && this.swap.isBroken(slot));
  }

  /** Whether the content at an index was lost to a swap error. */
  isLost(index: number): boolean {
    return this.lost.has(index);
  }

  /**
   * The frame of an index with its content settled: preallocated pages become zeros, swapped ones
   * are read back. {@link NO_FRAME} for a hole, for lost content, and when memory is full.
   */
  settled(index: number): Pfn {
    const slot = this.slots.get(index);
    if (slot !== undefined) return this.readBack(index, slot);
    const pfn = this.lookup(index);
    if (pfn !== NO_FRAME) this.frames.clearFlag(pfn, FRAME_NOT_UPTODATE);
    return pfn;
  }

  /** The frame of an index for reading the file: swapped content comes back, nothing settles. */
  readable(index: number): Pfn {
    return this.slots.has(index) ? this.settled(index) : this.lookup(index);
  }

  private readBack(index: number, slot: SwapSlot): Pfn {
    if (this.lost.has(index)) return NO_FRAME;
    const pfn = this.frames.alloc();
    if (pfn === NO_FRAME) return NO_FRAME;
    const readable = this.swap.load(slot, pfn);
    if (readable) this.returnTo(index, slot, pfn);
    else this.lost.add(index);
    this.frames.put(pfn);
    return readable ? pfn : NO_FRAME;
  }

  private returnTo(index: number, slot: SwapSlot, pfn: Pfn): void {
    this.slots.delete(index);
    this.swap.release(slot);
    this.add(index, pfn);
    this.frames.setFlag(pfn, FRAME_DIRTY);
  }

  /** Brings the swapped pages of `[first, end)` back, as far as memory goes. */
  readAllBack(first: number, end: number): void {
    for (const index of [...this.slots.keys()]) {
      if (index >= first && index < end) this.settled(index);
    }
  }

  /** Moves an unmapped page to swap, or drops it if nothing was ever written; false if it stays. */
  pageOut(index: number, isDirty: boolean): boolean {
    const pfn = this.lookup(index);
    if (pfn === NO_FRAME || this.frames.maps(pfn) > 0) return false;
    if (isDirty || this.frames.has(pfn, FRAME_DIRTY)) {
      const slot = this.swap.store(pfn);
      if (slot === NO_SWAP) return false;
      this.slots.set(index, slot);
    }
    this.pages.delete(index);
    this.frames.put(pfn);
    return true;
  }

  /** Reads everything back that lies in a swap area; lost content stays lost. */
  leaveSwap(area: SwapArea): boolean {
    for (const [index, slot] of this.slots.entries()) {
      if (this.swap.areaOf(slot) !== area) continue;
      if (this.settled(index) !== NO_FRAME) continue;
      if (!this.lost.has(index)) return false;
      this.slots.delete(index);
      this.swap.release(slot);
    }
    return true;
  }

  /** Pages in swap with their slots. */
  swapped(): [number, SwapSlot][] {
    return this.slots.entries();
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
    this.pages.set(index, pfn);
  }

  /** Whether the page of an index was lost to a hardware error; it stays until it is cut out. */
  isBroken(index: number): boolean {
    return this.frames.has(this.lookup(index), FRAME_HWPOISON);
  }

  /** The page of an index is in another frame now; nothing if it left the file meanwhile. */
  moved(index: number, from: Pfn, to: Pfn): void {
    if (this.pages.get(index) !== from) return;
    this.frames.get(to);
    this.pages.set(index, to);
    this.frames.put(from);
  }

  /** Takes a page out of the file; what was there is a hole afterwards. */
  remove(index: number): void {
    const slot = this.slots.get(index);
    if (slot !== undefined) this.swap.release(slot);
    this.slots.delete(index);
    this.lost.delete(index);
    const pfn = this.pages.get(index);
    if (pfn === undefined) return;
    this.pages.delete(index);
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

  /** Sets the size; what lies beyond goes from the file and from every mapping. */
  resize(sizeBytes: number): void {
    const grows = sizeBytes > this.sizeBytes;
    this.sizeBytes = sizeBytes;
    if (grows) return;
    this.zero(this.sizePages - 1, pageOffset(sizeBytes), PAGE_SIZE);
    this.evict(this.sizePages, Number.POSITIVE_INFINITY, 'even-cows');
  }

  /** The size is going to be at least this many bytes. */
  growsTo(_sizeBytes: number): void {}

  /** Zeroes bytes `[from, to)` of one page; nothing when `from` is the start of a page. */
  zero(index: number, from: number, to: number): void {
    if (from > 0) this.zeroInside(index, from, to);
  }

  /** Zeroes bytes `[from, to)` of one page, if it has content. */
  zeroInside(index: number, from: number, to: number): void {
    const pfn = this.readable(index);
    if (pfn !== NO_FRAME) this.frames.fill(pfn, 0, from, to);
  }

  /**
   * Unmaps everything from a page on; the content stays. A hole that ends inside the first page
   * does so: the kernel's last byte to unmap wraps around.
   */
  unmapFrom(first: number): void {
    for (const site of this.sites) site.unmap(first, Number.POSITIVE_INFINITY, 'not-cows');
  }

  /** Drops the pages of `[first, end)` from every mapping and from the cache. */
  evict(first: number, end: number, scope: UnmapScope): void {
    for (const site of this.sites) site.unmap(first, end, scope);
    for (const index of this.indexes()) {
      if (index >= first && index < end) this.remove(index);
    }
  }

  /** Cached pages with their frames. */
  entries(): [number, Pfn][] {
    return this.pages.entries();
  }

  get(): this {
    this.refs++;
    return this;
  }

  /** Drops a reference; the last one, of files and mappings, frees the content. */
  put(): void {
    if (--this.refs === 0) this.release();
  }

  /** Runs once, when nobody holds the inode any more. */
  protected release(): void {
    for (const index of this.indexes()) this.remove(index);
  }

  /** Page indexes that have content somewhere. */
  protected indexes(): number[] {
    return [...this.pages.keys(), ...this.slots.keys(), ...this.lost];
  }
}
