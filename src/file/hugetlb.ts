/**
 * Files of huge pages: memfd_create(MFD_HUGETLB) and what lies behind MAP_HUGETLB.
 * Keeps the content by the index of each huge page's first base page, and what shared mappings
 * were promised. Nothing is ever swapped or partly there.
 * Answers to: hugetlbfs_inode, struct resv_map.
 */

import type { Pfn } from '../base/brand.js';
import { PAGE_SIZE } from '../base/page.js';
import { NO_FRAME, type UnmapScope } from '../phys/frames.js';
import type { HugePool } from '../phys/huge-pool.js';
import type { SwapSpace } from '../phys/swap.js';
import { Inode } from './inode.js';
import { MappedFile } from './mapped-file.js';

/** The inode of a hugetlb file. */
export class HugetlbInode extends Inode {
  override readonly backing = 'hugetlb';
  /** Huge pages that are promised to shared mappings, or that took their promise up. */
  private readonly promised = new Set<number>();

  constructor(
    name: string,
    readonly pool: HugePool,
    swap: SwapSpace,
    ino: number,
  ) {
    super(name, pool.frames, swap, 0, ino);
  }

  /** Bytes of a page. */
  override get pageSize(): number {
    return this.pool.pageSize;
  }

  /** Index of the huge page that holds a base page. */
  headOf(index: number): number {
    return index - (index % this.pool.pageFrames);
  }

  /** Promises the huge pages of `[first, end)` that are not promised yet; false if it cannot. */
  promise(first: number, end: number): boolean {
    const fresh = this.heads(first, end).filter((index) => !this.promised.has(index));
    if (!this.pool.reserve(fresh.length)) return false;
    for (const index of fresh) this.promised.add(index);
    return true;
  }

  private heads(first: number, end: number): number[] {
    const heads: number[] = [];
    // More than the pool has cannot be promised: the rest need not be looked at.
    const enough = (this.pool.total + this.promised.size + 1) * this.pool.pageFrames;
    for (let index = first; index < Math.min(end, first + enough); index += this.pool.pageFrames) {
      heads.push(index);
    }
    return heads;
  }

  /** Whether the page of an index is promised to a shared mapping, or was had by one. */
  isPromised(index: number): boolean {
    return this.promised.has(index);
  }

  /** A page for a hole of a shared mapping, of undefined content, with one reference. */
  alloc(index: number): Pfn {
    const pfn = this.pool.alloc(this.promised.has(index) ? 'promised' : 'spare');
    if (pfn !== NO_FRAME) this.promised.add(index);
    return pfn;
  }

  /** A page of zeros in the cache at a hole, or {@link NO_FRAME} when the pool is empty. */
  override addZeroed(index: number): Pfn {
    const pfn = this.alloc(index);
    if (pfn === NO_FRAME) return NO_FRAME;
    this.pool.zero(pfn);
    this.add(index, pfn);
    this.frames.put(pfn);
    return pfn;
  }

  /** Takes a page out of the file, its promise with it. */
  override remove(index: number): void {
    if (this.lookup(index) !== NO_FRAME) this.promised.delete(index);
    super.remove(index);
  }

  /** Sets the size; shrinking leaves no trace of what lay beyond, and takes promises back. */
  override resize(sizeBytes: number): void {
    const shrinks = sizeBytes < this.sizeBytes;
    this.sizeBytes = sizeBytes;
    this.evict(this.sizePages, Number.POSITIVE_INFINITY, 'every-trace');
    if (shrinks) this.forget(this.sizePages);
  }

  /** Takes promises from `first` on back. */
  private forget(first: number): void {
    for (const index of [...this.promised]) {
      if (index < first) continue;
      this.promised.delete(index);
      this.pool.unreserve(1);
    }
  }

  /** Makes a hole; pages at its ends that it covers in part are cleared there. */
  punch(start: number, end: number): void {
    const { pageSize } = this;
    const first = Math.ceil(start / pageSize) * pageSize;
    const last = Math.floor(end / pageSize) * pageSize;
    if (first > last) this.clear(start, end);
    else {
      this.clear(start, first);
      if (first < last) this.evict(first / PAGE_SIZE, last / PAGE_SIZE, 'even-cows');
      this.clear(last, end);
    }
  }

  /** Zeroes bytes `[start, end)`, which lie in one page, if it is there. */
  private clear(start: number, end: number): void {
    if (start >= Math.min(end, this.sizeBytes)) return;
    const head = this.headOf(Math.floor(start / PAGE_SIZE));
    const pfn = this.lookup(head);
    const base = head * PAGE_SIZE;
    if (pfn !== NO_FRAME) this.pool.fill(pfn, 0, start - base, end - base);
  }

  /** Frame of a base page for reading the file. */
  override readable(index: number): Pfn {
    const head = this.headOf(index);
    const pfn = this.lookup(head);
    return pfn === NO_FRAME ? NO_FRAME : ((pfn + (index - head)) as Pfn);
  }

  /** Whether the huge page around a base page is in the cache. */
  override isUptodate(index: number): boolean {
    return this.lookup(this.headOf(index)) !== NO_FRAME;
  }

  protected override release(): void {
    super.release();
    this.forget(0);
  }

  /** Promises that no page has taken up: for the invariant checker. */
  get outstanding(): number {
    return [...this.promised].filter((index) => this.lookup(index) === NO_FRAME).length;
  }

  override evict(first: number, end: number, scope: UnmapScope): void {
    super.evict(first, end, scope === 'not-cows' ? 'even-cows' : scope);
  }
}

/** An open hugetlb file; takes over the caller's reference to the inode. */
export class HugetlbFile extends MappedFile {
  constructor(
    override readonly inode: HugetlbInode,
    statusFlags: number,
  ) {
    super(inode, statusFlags);
  }

  get link(): string {
    return `/${this.inode.name} (deleted)`;
  }

  reopen(statusFlags: number): HugetlbFile {
    return new HugetlbFile(this.inode.get(), statusFlags);
  }
}

/** Name of the file behind MAP_ANONYMOUS|MAP_HUGETLB. */
export const ANON_HUGEPAGE = 'anon_hugepage';
