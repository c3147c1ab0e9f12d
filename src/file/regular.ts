/**
 * A regular file: what the disk has, and in front of it the page cache with what was read or
 * written. Dirty pages stay in the cache until somebody writes them back.
 * Answers to: ext4 on blocks of a page, filemap_fault().
 */

import type { Pfn } from '../base/brand.js';
import { PAGE_SIZE, pageOffset } from '../base/page.js';
import { VersionedMap } from '../base/versioned-map.js';
import {
  FRAME_DIRTY,
  FRAME_NOT_UPTODATE,
  FRAME_READAHEAD,
  type Frames,
  NO_FRAME,
  type UnmapScope,
} from '../phys/frames.js';
import type { SwapSpace } from '../phys/swap.js';
import { Inode } from './inode.js';
import { type FaultRead, MappedFile, type ReadPattern } from './mapped-file.js';
import { ReadAhead } from './readahead.js';

/** Largest size of a file on blocks of a page, in bytes. */
const DISK_BYTES_MAX = (2 ** 32 - 1) * PAGE_SIZE;

/** Whether a range holds a part of a folio, and not all of it. */
function isCut(folio: readonly number[], first: number, end: number): boolean {
  const inside = folio.filter((index) => index >= first && index < end).length;
  return inside > 0 && inside < folio.length;
}

/** A file with content on a disk. */
export class RegularInode extends Inode {
  override readonly backing = 'disk';
  override readonly bytesMax = DISK_BYTES_MAX;
  /** Content on the disk by page index; an index without an entry is a hole. */
  private readonly blocks: VersionedMap<number, Uint8Array>;
  /** Whether it still has a name. */
  isLinked = true;

  constructor(
    name: string,
    memory: { readonly frames: Frames; readonly swap: SwapSpace },
    ino: number,
    /** Every file of the file system that somebody holds, this one among them. */
    private readonly siblings: Set<RegularInode>,
  ) {
    super(name, memory.frames, memory.swap, 0, ino);
    this.blocks = new VersionedMap(memory.frames.versions);
    siblings.add(this);
  }

  /** The disk has an answer for every page: a hole reads as zeros. */
  override holds(): boolean {
    return true;
  }

  /** The frame of an index, read from the disk if need be; {@link NO_FRAME} without memory. */
  override settled(index: number): Pfn {
    const cached = this.lookup(index);
    if (cached !== NO_FRAME) {
      this.frames.clearFlag(cached, FRAME_NOT_UPTODATE);
      return cached;
    }
    const pfn = this.addZeroed(index);
    const block = this.blocks.get(index);
    if (pfn !== NO_FRAME && block !== undefined) this.frames.write(pfn, block);
    return pfn;
  }

  override readable(index: number): Pfn {
    return this.settled(index);
  }

  /** A dirty page stays in the cache: only writeback, which nobody waits for, could let it go. */
  override pageOut(index: number, isDirty: boolean): boolean {
    const pfn = this.lookup(index);
    if (pfn === NO_FRAME || this.frames.maps(pfn) > 0) return false;
    if (isDirty || this.frames.has(pfn, FRAME_DIRTY)) this.frames.setFlag(pfn, FRAME_READAHEAD);
    else this.drop(index);
    return true;
  }

  /** Writes a page to the disk if it is dirty; its mappings notice the next store. */
  writeBack(index: number): void {
    for (const site of this.sites) site.clean(index, index + 1);
    const pfn = this.lookup(index);
    if (pfn === NO_FRAME || !this.frames.has(pfn, FRAME_DIRTY)) return;
    this.blocks.set(index, this.frames.pageBytes(pfn).slice());
    this.frames.clearFlag(pfn, FRAME_DIRTY);
  }

  /** Writes back the dirty pages of `[first, end)`. */
  writeBackRange(first: number, end: number): void {
    for (const [index] of this.entries()) {
      if (index >= first && index < end) this.writeBack(index);
    }
  }

  /** Takes a clean page that nobody maps out of the cache; the disk keeps its content. */
  drop(index: number): void {
    for (const page of this.folios.get(index) ?? []) this.folios.delete(page);
    super.remove(index);
  }

  /** Drops up to `pagesMax` clean pages that nobody maps or pins; answers how many went. */
  shrink(pagesMax: number): number {
    let gone = 0;
    for (const [index, pfn] of this.entries()) {
      if (gone >= pagesMax) break;
      if (this.frames.refs(pfn) > 1) continue; // mapped, pinned, or on its way to another frame
      this.writeBack(index);
      this.drop(index);
      gone++;
    }
    return gone;
  }

  /** A folio that loses only a part is split, which unmaps all of it. */
  override evict(first: number, end: number, scope: UnmapScope): void {
    for (const folio of new Set(this.folios.values())) {
      const [from = 0] = folio;
      if (!isCut(folio, first, end)) continue;
      for (const site of this.sites) site.unmap(from, from + folio.length, 'not-cows');
    }
    super.evict(first, end, scope);
  }

  override remove(index: number): void {
    this.blocks.delete(index);
    this.drop(index);
  }

  /**
   * Moves the content from page `from` on by `pages`, which may be negative. The cache behind
   * `from` is dropped, in mappings too; what is moved over is gone.
   */
  shift(from: number, pages: number): void {
    const first = Math.min(from, from + pages);
    this.writeBackRange(first, Number.POSITIVE_INFINITY);
    for (const site of this.sites) site.unmap(first, Number.POSITIVE_INFINITY, 'even-cows');
    for (const [index] of this.entries()) if (index >= first) this.drop(index);
    const moving = this.blocks.entries().filter(([index]) => index >= from);
    for (const index of this.blocks.keys()) if (index >= first) this.blocks.delete(index);
    for (const [index, bytes] of moving) this.blocks.set(index + pages, bytes);
  }

  /** Reads pages `[first, end)` into the cache, as far as memory goes; cached ones stay. */
  override readAllBack(first: number, end: number): void {
    for (let index = first; index < Math.min(end, this.sizePages); index++) {
      if (this.settled(index) === NO_FRAME) return;
    }
  }

  override resize(sizeBytes: number): void {
    this.growsTo(sizeBytes);
    super.resize(sizeBytes);
  }

  /** Zeroes what mappings stored behind the old end. */
  override growsTo(sizeBytes: number): void {
    if (sizeBytes <= this.sizeBytes) return;
    this.zero(this.sizePages - 1, pageOffset(this.sizeBytes), PAGE_SIZE);
  }

  /** A part of a hole is zeros already: its page comes into the cache, but is not read. */
  override zeroInside(index: number, from: number, to: number): void {
    if (this.lookup(index) === NO_FRAME && !this.blocks.has(index)) {
      const pfn = this.addZeroed(index);
      if (pfn !== NO_FRAME) this.frames.setFlag(pfn, FRAME_NOT_UPTODATE);
      return;
    }
    if (!this.blocks.has(index) && !this.frames.has(this.lookup(index), FRAME_DIRTY)) return;
    super.zeroInside(index, from, to);
    const pfn = this.lookup(index);
    if (pfn !== NO_FRAME) this.frames.setFlag(pfn, FRAME_DIRTY);
  }

  protected override release(): void {
    super.release();
    this.siblings.delete(this);
  }

  protected override indexes(): number[] {
    return [...new Set([...super.indexes(), ...this.blocks.keys()])];
  }
}

/** An open regular file; takes over the caller's reference to the inode. */
export class RegularFile extends MappedFile {
  private readonly readAhead: ReadAhead;

  constructor(
    override readonly inode: RegularInode,
    statusFlags: number,
    /** Pages that one piece of read-ahead has at most. */
    readonly readAheadPages: number,
  ) {
    super(inode, statusFlags);
    this.readAhead = new ReadAhead(inode, readAheadPages);
  }

  get link(): string {
    return this.inode.isLinked ? this.inode.name : `${this.inode.name} (deleted)`;
  }

  reopen(statusFlags: number): RegularFile {
    return new RegularFile(this.inode.get(), statusFlags, this.readAheadPages);
  }

  override readForFault(index: number, pattern: ReadPattern): FaultRead {
    if (this.inode.lookup(index) !== NO_FRAME) {
      if (pattern !== 'random') this.readAhead.used(index, this.readAheadPages);
      return 'cached';
    }
    this.readAhead.missedByFault(index, pattern);
    return this.inode.settled(index) === NO_FRAME ? 'oom' : 'read';
  }

  override readForCall(first: number, end: number): void {
    this.readAhead.call(first, end);
  }
}
