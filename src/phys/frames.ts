/**
 * Physical memory: page frames with their bytes, reference counts, map counts and owner.
 * One ArrayBuffer that grows by doubling up to the machine's memory; a frame keeps its number.
 * Freed frames are filled with a pattern, so that a use after free shows in what is read.
 * Whoever changes bytes says so before: versions keep a frame, and what is known of it, apart.
 * Never knows page tables: who maps a frame counts itself here.
 */

import { assert } from '../base/assert.js';
import type { Pfn } from '../base/brand.js';
import type { Copier } from '../base/graph.js';
import { PAGE_SIZE } from '../base/page.js';
import { type Parts, Versions } from '../base/versions.js';
import {
  FLAGS_OF_PAGE,
  FRAME_DIRTY,
  FRAME_HUGETLB,
  FRAME_HWPOISON,
  FRAME_LARGE,
  FRAME_READAHEAD,
  HUGE_FRAMES,
  NO_FRAME,
  POISON_BYTE,
  ZERO_PFN,
} from './frame-flags.js';
import type { FrameOwner, FramePool } from './frame-owner.js';
import { FrameTable } from './frame-table.js';
import { FreeFrames } from './free-frames.js';
import { LentFrames } from './lent-frames.js';
import { SparseNumbers } from './sparse.js';

export * from './frame-flags.js';
export type { FrameOwner, FramePool, MappingSite, UnmapScope } from './frame-owner.js';

const FIRST_FREE = 2;
const FIRST_FRAMES = 30;
const POISONED = new Uint8Array(PAGE_SIZE).fill(POISON_BYTE);

/** Page frames of one machine. */
export class Frames {
  bytes: Uint8Array;
  words: Int32Array;
  /** Called with every new pair of views, before anybody can use the old ones. */
  onGrow: (() => void) | undefined;
  readonly #table: FrameTable;
  readonly #pins = new SparseNumbers();
  readonly #free: FreeFrames;
  /** What a fork has not fetched. */
  #lent: LentFrames | undefined = undefined;
  readonly #pools: FramePool[] = [];
  /** Memory nodes of frames that are not on node 0. */
  readonly #nodes = new SparseNumbers();
  #next = FIRST_FREE;
  /** Frames from here on were never handed out: they are zeros. */
  #untouched = FIRST_FREE;
  #charged = 0;

  /** @param total - Frames of the machine, those for page tables included. */
  constructor(
    readonly total: number,
    readonly versions = new Versions(),
  ) {
    const first = FIRST_FREE + Math.min(total, FIRST_FRAMES);
    this.bytes = new Uint8Array(first * PAGE_SIZE);
    this.words = new Int32Array(this.bytes.buffer);
    this.#table = new FrameTable(first, versions);
    this.#free = new FreeFrames(this.#table);
  }

  /** Frames that could still be allocated. */
  get available(): number {
    return this.total - this.inUse - this.#charged;
  }

  /** Frames that hold data now. */
  get inUse(): number {
    return this.#next - FIRST_FREE - this.#free.size;
  }

  /** Takes one page of memory for something that lives elsewhere: a page table. */
  charge(): boolean {
    if (this.available <= 0) return false;
    this.#charged++;
    return true;
  }

  uncharge(): void {
    assert(this.#charged > 0, 'more page tables given back than taken');
    this.#charged--;
  }

  /** Sets frames aside that the pool will take later, run by run; false without enough. */
  addPool(pool: FramePool, count: number): boolean {
    if (this.available < count) return false;
    this.#charged += count;
    this.#pools.push(pool);
    return true;
  }

  /** The first of `count` consecutive frames that were set aside; they stay with their pool. */
  takeRun(count: number): Pfn {
    this.#charged -= count;
    const first = this.#next as Pfn;
    this.#growTo(first + count);
    for (let i = 0; i < count; i++) this.setFlag(this.#fresh(), FRAME_HUGETLB);
    return first;
  }

  /** Gives a frame of a pool to a user: one reference. */
  lend(first: Pfn): void {
    assert(this.refs(first) === 0, `frame ${first} is lent twice`);
    this.#handOut(first);
  }

  /** A frame of undefined content with one reference, or {@link NO_FRAME}. */
  alloc(): Pfn {
    if (this.available <= 0) return NO_FRAME;
    const pfn = this.#free.pop() ?? this.#fresh();
    this.#handOut(pfn);
    return pfn;
  }

  /** A frame of zeros with one reference, or {@link NO_FRAME}. */
  allocZeroed(): Pfn {
    const untouched = this.#untouched;
    const pfn = this.alloc();
    if (pfn < untouched && pfn !== NO_FRAME)
      this.bytes.fill(0, pfn * PAGE_SIZE, (pfn + 1) * PAGE_SIZE);
    return pfn;
  }

  /**
   * The first of 512 consecutive frames of zeros with one reference each, or {@link NO_FRAME}
   * when no such run is free.
   */
  allocHuge(): Pfn {
    if (this.available < HUGE_FRAMES) return NO_FRAME;
    const untouched = this.#untouched;
    const head = this.#free.takeRun() ?? this.#freshRun();
    if (head === NO_FRAME) return NO_FRAME;
    for (let i = 0; i < HUGE_FRAMES; i++) {
      this.#handOut((head + i) as Pfn);
      this.#table.flags[head + i] = FRAME_LARGE;
    }
    if (head < untouched) this.bytes.fill(0, head * PAGE_SIZE, (head + HUGE_FRAMES) * PAGE_SIZE);
    return head;
  }

  get(pfn: Pfn): void {
    this.#table.keep(pfn);
    this.#table.refs[pfn] = this.refs(pfn) + 1;
  }

  /** Drops a reference; the last one frees the frame. */
  put(pfn: Pfn): void {
    const left = this.refs(pfn) - 1;
    assert(left >= 0 && pfn >= FIRST_FREE, `frame ${pfn} has no reference to drop`);
    this.#table.keep(pfn);
    if (left === 0) this.willChange(pfn); // while it still says that the bytes mean something
    this.#table.refs[pfn] = left;
    if (left === 0) this.#release(pfn);
  }

  refs(pfn: Pfn): number {
    return this.#table.refs[pfn] ?? 0;
  }

  /** Number of page table entries that map the frame. */
  maps(pfn: Pfn): number {
    return this.#table.maps[pfn] ?? 0;
  }

  /** Counts one more mapping, which holds a reference. */
  addMap(pfn: Pfn): void {
    this.#table.keep(pfn);
    this.#table.maps[pfn] = this.maps(pfn) + 1;
    this.get(pfn);
  }

  /** Counts a mapping off and drops its reference. */
  removeMap(pfn: Pfn): void {
    assert(this.maps(pfn) > 0, `frame ${pfn} is not mapped`);
    this.#table.keep(pfn);
    this.#table.maps[pfn] = this.maps(pfn) - 1;
    this.put(pfn);
  }

  /** Keeps a frame as it is for a copy that comes later; fork gives a child its own meanwhile. */
  pin(pfn: Pfn): void {
    if (pfn === ZERO_PFN) return;
    this.#pins.set(pfn, this.pins(pfn) + 1);
    this.get(pfn);
  }

  unpin(pfn: Pfn): void {
    if (pfn === ZERO_PFN) return;
    this.#pins.set(pfn, this.pins(pfn) - 1);
    this.put(pfn);
  }

  pins(pfn: Pfn): number {
    return this.#pins.get(pfn);
  }

  has(pfn: Pfn, flag: number): boolean {
    return ((this.#table.flags[pfn] ?? 0) & flag) !== 0;
  }

  setFlag(pfn: Pfn, flag: number): void {
    this.#table.keep(pfn);
    this.#table.flags[pfn] = (this.#table.flags[pfn] ?? 0) | flag;
  }

  /** A store through a mapping was seen. */
  markDirty(pfn: Pfn): void {
    this.setFlag(pfn, FRAME_DIRTY);
    this.clearFlag(pfn, FRAME_READAHEAD);
  }

  clearFlag(pfn: Pfn, flag: number): void {
    this.#table.keep(pfn);
    this.#table.flags[pfn] = (this.#table.flags[pfn] ?? 0) & ~flag;
  }

  /** Says whose page it is and at which page index of its owner. */
  setOwner(pfn: Pfn, owner: FrameOwner, index: number): void {
    this.#table.keep(pfn);
    this.#table.owners[pfn] = owner;
    this.#table.index[pfn] = index;
  }

  /** Takes a frame out of use: whoever has it keeps it, nobody gets it again. */
  retire(pfn: Pfn): void {
    this.setFlag(pfn, FRAME_HWPOISON);
    this.get(pfn);
  }

  /** Memory node of a frame; fresh ones are on node 0. */
  node(pfn: Pfn): number {
    return this.#nodes.get(pfn);
  }

  setNode(pfn: Pfn, node: number): void {
    this.#nodes.set(pfn, node);
  }

  /** Makes a frame hold the page of another: content, flags, owner. Who maps it does not change. */
  takePage(from: Pfn, to: Pfn): void {
    this.copy(from, to);
    this.#table.keep(to);
    this.#table.flags[to] = (this.#table.flags[from] ?? 0) & FLAGS_OF_PAGE;
    const owner = this.owner(from);
    if (owner === undefined) return;
    this.setOwner(to, owner, this.ownerIndex(from));
    owner.moved?.(this.ownerIndex(from), from, to);
  }

  owner(pfn: Pfn): FrameOwner | undefined {
    return this.#table.owners[pfn];
  }

  ownerIndex(pfn: Pfn): number {
    return this.#table.index[pfn] ?? 0;
  }

  /** Has the bytes of a frame here: before they are read without {@link Frames.pageBytes}. */
  fetch(pfn: Pfn): void {
    const bytes = this.#lent?.fetch(pfn);
    if (bytes !== undefined) this.bytes.set(bytes, pfn * PAGE_SIZE);
  }

  /** Says that bytes of a frame are about to change; before every such change. */
  willChange(pfn: Pfn): void {
    this.fetch(pfn);
    this.versions.keep(this.#contents, pfn);
  }

  /** Whether bytes of a frame may change without a word: nothing has to be kept any more. */
  mayChange(pfn: Pfn): boolean {
    return this.versions.isFree(this.#contents, pfn);
  }

  /** Changes bytes of a frame. */
  write(pfn: Pfn, bytes: Uint8Array, offset = 0): void {
    this.willChange(pfn);
    this.bytes.set(bytes, pfn * PAGE_SIZE + offset);
  }

  /** Fills bytes `[from, to)` of a frame. */
  fill(pfn: Pfn, byte: number, from = 0, to = PAGE_SIZE): void {
    this.willChange(pfn);
    this.bytes.fill(byte, pfn * PAGE_SIZE + from, pfn * PAGE_SIZE + to);
  }

  /** The 4096 bytes of a frame for reading, as a view that the next growth makes stale. */
  pageBytes(pfn: Pfn): Uint8Array {
    this.fetch(pfn);
    return this.bytes.subarray(pfn * PAGE_SIZE, (pfn + 1) * PAGE_SIZE);
  }

  /** Copies a whole page. */
  copy(from: Pfn, to: Pfn): void {
    this.fetch(from);
    this.willChange(to);
    this.bytes.copyWithin(to * PAGE_SIZE, from * PAGE_SIZE, (from + 1) * PAGE_SIZE);
  }

  /** Every frame with a reference. */
  *allocated(): Generator<Pfn> {
    for (let pfn = FIRST_FREE as Pfn; pfn < this.#next; pfn++) if (this.refs(pfn) > 0) yield pfn;
  }

  /** Takes down what is not in the versions. */
  saveState(): () => void {
    const [next, charged] = [this.#next, this.#charged];
    const undo = [this.#free, this.#pins, this.#nodes].map((part) => part.saveState());
    return () => {
      for (const putBack of undo) putBack();
      this.#next = next;
      this.#charged = charged;
    };
  }

  /** Becomes what the frames of another machine are; bytes stay there until they are wanted. */
  become(other: Frames, copier: Copier): void {
    this.#growTo(other.#next);
    this.#pools.push(...other.#pools.map((pool) => copier.copy(pool)));
    const end = other.#next;
    const version = other.versions.mark();
    this.#lent = new LentFrames((pfn) => other.versions.read(version, other.#contents, pfn), end);
    this.#table.become(other.#table, end, copier);
    this.#pins.become(other.#pins);
    this.#nodes.become(other.#nodes);
    this.#free.become(other.#free);
    [this.#next, this.#untouched] = [end, end];
    this.#charged = other.#charged;
  }

  /** Bytes of a frame; those of a free one mean nothing. */
  readonly #contents: Parts<Uint8Array | undefined> = {
    take: (pfn) => (this.#isFree(pfn as Pfn) ? undefined : this.pageBytes(pfn as Pfn).slice()),
    give: (pfn, bytes) => this.pageBytes(pfn as Pfn).set(bytes ?? POISONED),
  };

  /** Of the frames of a hugetlb page only the first one is counted. */
  #isFree(pfn: Pfn): boolean {
    return this.refs(pfn) === 0 && !this.has(pfn, FRAME_HUGETLB);
  }

  /** Gives a free frame its first reference. */
  #handOut(pfn: Pfn): void {
    this.#lent?.forget(pfn);
    this.#table.keep(pfn);
    this.versions.keep(this.#contents, pfn); // while it is free: there is nothing to keep
    this.#table.refs[pfn] = 1;
  }

  #release(pfn: Pfn): void {
    assert(this.maps(pfn) === 0, `frame ${pfn} is freed while mapped`);
    const pool = this.has(pfn, FRAME_HUGETLB) ? this.#pools.find((p) => p.owns(pfn)) : undefined;
    this.#table.flags[pfn] = pool === undefined ? 0 : FRAME_HUGETLB;
    this.#table.owners[pfn] = undefined;
    this.#nodes.set(pfn, 0);
    if (pool !== undefined) {
      pool.release(pfn);
      return;
    }
    this.pageBytes(pfn).fill(POISON_BYTE);
    this.#free.push(pfn);
  }

  /** A run that was never used; the frames before it stay free one by one. */
  #freshRun(): Pfn {
    const head = Math.ceil(this.#next / HUGE_FRAMES) * HUGE_FRAMES;
    if (head + HUGE_FRAMES > this.total + FIRST_FREE) return NO_FRAME;
    while (this.#next < head) this.#free.push(this.#fresh());
    for (let i = 0; i < HUGE_FRAMES; i++) this.#fresh();
    return head as Pfn;
  }

  #fresh(): Pfn {
    this.#growTo(this.#next + 1);
    const pfn = this.#next++ as Pfn;
    this.#untouched = Math.max(this.#untouched, this.#next);
    return pfn;
  }

  /** Makes room for frames below `end`, with room for as many again as far as the machine goes. */
  #growTo(end: number): void {
    if (end <= this.#table.size) return;
    const doubled = Math.min(this.#table.size * 2, this.total + FIRST_FREE);
    const frames = Math.max(doubled, end);
    const bytes = new Uint8Array(frames * PAGE_SIZE);
    bytes.set(this.bytes.subarray(0, this.#next * PAGE_SIZE)); // the rest was never used
    this.bytes = bytes;
    this.words = new Int32Array(bytes.buffer);
    this.#table.grow(frames);
    this.onGrow?.();
  }
}
