/**
 * Physical memory: page frames with their bytes, reference counts, map counts and owner.
 * One ArrayBuffer that grows by doubling up to the machine's memory; a frame keeps its number.
 * Freed frames are filled with a pattern, so that a use after free shows in what is read.
 * Never knows page tables: who maps a frame counts itself here.
 */

import { assert } from '../base/assert.js';
import type { Pfn } from '../base/brand.js';
import { PAGE_SIZE } from '../base/page.js';

/** Byte that fills a freed frame. */
export const POISON_BYTE = 0x6b;

/** No frame: memory is full. Frame 0 is never handed out. */
export const NO_FRAME = 0 as Pfn;

/** The shared zero page. Always there, never counted. */
export const ZERO_PFN = 1 as Pfn;

const FIRST_FREE = 2;
const FIRST_FRAMES = 256;
const WORDS_PER_PAGE = PAGE_SIZE / 4;

/** Page flags, as the kernel keeps them for a page and not for one of its mappings. */
export const FRAME_ANON = 1;
/** Anonymous and known to be reachable from one address space only. */
export const FRAME_EXCLUSIVE = 2;
/** MADV_FREE was called on it: clean content may be dropped. */
export const FRAME_LAZYFREE = 4;

/** Allocated for a file ahead of its use: counts as there, but not as readable content. */
export const FRAME_NOT_UPTODATE = 8;

/** Content that a file would have to write before it is dropped. */
export const FRAME_DIRTY = 16;

/** Its use starts the next piece of read-ahead; also a dirty page that reclaim had to leave. */
export const FRAME_READAHEAD = 128;

/** One of the 512 frames of a huge page; stays when single entries map it, until it is split. */
export const FRAME_LARGE = 32;

/** Frames of a huge page; the first has a number that is a multiple of it. */
export const HUGE_FRAMES = 512;

/** Number of the first frame of the huge page that a frame belongs to, if it does. */
export const headOf = (pfn: Pfn): Pfn => (pfn - (pfn % HUGE_FRAMES)) as Pfn;

/** Which of an owner's mappings of a page go: all of them, or not the private copies. */
export type UnmapScope = 'even-cows' | 'not-cows';

/** A place that may map pages of an owner, such as an area of an address space; mm provides it. */
export interface MappingSite {
  /** Removes mappings of the page indexes `[first, end)`. */
  unmap(first: number, end: number, scope: UnmapScope): void;
  /** Makes mappings of the page indexes `[first, end)` clean and read-only, as writeback does. */
  clean(first: number, end: number): void;
}

/** What a frame belongs to: the anonymous memory of some areas, or a file. */
export interface FrameOwner {
  readonly kind: 'anon' | 'file';
  /** Where its pages may be mapped: the start of every reverse walk. */
  readonly sites: Set<MappingSite>;
}

/** Page frames of one machine. */
export class Frames {
  bytes: Uint8Array;
  words: Int32Array;
  /** Called with every new pair of views, before anybody can use the old ones. */
  onGrow: (() => void) | undefined;
  #refs: Int32Array;
  #maps: Int32Array;
  #flags: Uint8Array;
  #index: Float64Array;
  readonly #owners: (FrameOwner | undefined)[] = [];
  readonly #free: Pfn[] = [];
  readonly #pins = new Map<Pfn, number>();
  #next = FIRST_FREE;
  #charged = 0;

  /** @param total - Frames of the machine, those for page tables included. */
  constructor(readonly total: number) {
    const first = FIRST_FREE + Math.min(total, FIRST_FRAMES);
    this.bytes = new Uint8Array(first * PAGE_SIZE);
    this.words = new Int32Array(this.bytes.buffer);
    this.#refs = new Int32Array(first);
    this.#maps = new Int32Array(first);
    this.#flags = new Uint8Array(first);
    this.#index = new Float64Array(first);
  }

  /** Frames that could still be allocated. */
  get available(): number {
    return this.total - this.inUse - this.#charged;
  }

  /** Frames that hold data now. */
  get inUse(): number {
    return this.#next - FIRST_FREE - this.#free.length;
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

  /** A frame of undefined content with one reference, or {@link NO_FRAME}. */
  alloc(): Pfn {
    if (this.available <= 0) return NO_FRAME;
    const pfn = this.#free.pop() ?? this.#fresh();
    this.#refs[pfn] = 1;
    return pfn;
  }

  /** A frame of zeros with one reference, or {@link NO_FRAME}. */
  allocZeroed(): Pfn {
    const fresh = this.#free.length === 0;
    const pfn = this.alloc();
    if (!fresh && pfn !== NO_FRAME) this.pageWords(pfn).fill(0);
    return pfn;
  }

  /**
   * The first of 512 consecutive frames of zeros with one reference each, or {@link NO_FRAME}
   * when no such run is free.
   */
  allocHuge(): Pfn {
    if (this.available < HUGE_FRAMES) return NO_FRAME;
    const head = this.#freeRun() ?? this.#freshRun();
    if (head === NO_FRAME) return NO_FRAME;
    for (let i = 0; i < HUGE_FRAMES; i++) {
      this.#refs[head + i] = 1;
      this.#flags[head + i] = FRAME_LARGE;
    }
    this.words.fill(0, head * WORDS_PER_PAGE, (head + HUGE_FRAMES) * WORDS_PER_PAGE);
    return head;
  }

  get(pfn: Pfn): void {
    this.#refs[pfn] = this.refs(pfn) + 1;
  }

  /** Drops a reference; the last one frees the frame. */
  put(pfn: Pfn): void {
    const left = this.refs(pfn) - 1;
    assert(left >= 0 && pfn >= FIRST_FREE, `frame ${pfn} has no reference to drop`);
    this.#refs[pfn] = left;
    if (left === 0) this.#release(pfn);
  }

  refs(pfn: Pfn): number {
    return this.#refs[pfn] ?? 0;
  }

  /** Number of page table entries that map the frame. */
  maps(pfn: Pfn): number {
    return this.#maps[pfn] ?? 0;
  }

  /** Counts one more mapping, which holds a reference. */
  addMap(pfn: Pfn): void {
    this.#maps[pfn] = this.maps(pfn) + 1;
    this.get(pfn);
  }

  /** Counts a mapping off and drops its reference. */
  removeMap(pfn: Pfn): void {
    assert(this.maps(pfn) > 0, `frame ${pfn} is not mapped`);
    this.#maps[pfn] = this.maps(pfn) - 1;
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
    const left = this.pins(pfn) - 1;
    if (left > 0) this.#pins.set(pfn, left);
    else this.#pins.delete(pfn);
    this.put(pfn);
  }

  pins(pfn: Pfn): number {
    return this.#pins.get(pfn) ?? 0;
  }

  has(pfn: Pfn, flag: number): boolean {
    return ((this.#flags[pfn] ?? 0) & flag) !== 0;
  }

  setFlag(pfn: Pfn, flag: number): void {
    this.#flags[pfn] = (this.#flags[pfn] ?? 0) | flag;
  }

  /** A store through a mapping was seen. */
  markDirty(pfn: Pfn): void {
    this.setFlag(pfn, FRAME_DIRTY);
    this.clearFlag(pfn, FRAME_READAHEAD);
  }

  clearFlag(pfn: Pfn, flag: number): void {
    this.#flags[pfn] = (this.#flags[pfn] ?? 0) & ~flag;
  }

  /** Says whose page it is and at which page index of its owner. */
  setOwner(pfn: Pfn, owner: FrameOwner, index: number): void {
    this.#owners[pfn] = owner;
    this.#index[pfn] = index;
  }

  owner(pfn: Pfn): FrameOwner | undefined {
    return this.#owners[pfn];
  }

  ownerIndex(pfn: Pfn): number {
    return this.#index[pfn] ?? 0;
  }

  /** The 4096 bytes of a frame, as a view that the next growth makes stale. */
  pageBytes(pfn: Pfn): Uint8Array {
    return this.bytes.subarray(pfn * PAGE_SIZE, (pfn + 1) * PAGE_SIZE);
  }

  /** Copies a whole page. */
  copy(from: Pfn, to: Pfn): void {
    this.words.copyWithin(to * WORDS_PER_PAGE, from * WORDS_PER_PAGE, (from + 1) * WORDS_PER_PAGE);
  }

  /** Every frame with a reference. */
  *allocated(): Generator<Pfn> {
    for (let pfn = FIRST_FREE as Pfn; pfn < this.#next; pfn++) {
      if (this.refs(pfn) > 0) yield pfn;
    }
  }

  private pageWords(pfn: Pfn): Int32Array {
    return this.words.subarray(pfn * WORDS_PER_PAGE, (pfn + 1) * WORDS_PER_PAGE);
  }

  #release(pfn: Pfn): void {
    assert(this.maps(pfn) === 0, `frame ${pfn} is freed while mapped`);
    this.#flags[pfn] = 0;
    this.#owners[pfn] = undefined;
    this.pageBytes(pfn).fill(POISON_BYTE);
    this.#free.push(pfn);
  }

  /** A run that was given back, taken off the free frames. */
  #freeRun(): Pfn | undefined {
    if (this.#free.length < HUGE_FRAMES) return undefined;
    const counts = new Map<Pfn, number>();
    let found: Pfn | undefined;
    for (const pfn of this.#free) {
      const head = headOf(pfn);
      const count = (counts.get(head) ?? 0) + 1;
      counts.set(head, count);
      if (count === HUGE_FRAMES) found = head;
    }
    if (found === undefined) return undefined;
    const kept = this.#free.filter((pfn) => headOf(pfn) !== found);
    this.#free.length = 0;
    for (const pfn of kept) this.#free.push(pfn);
    return found;
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
    if (this.#next === this.#refs.length) this.#grow();
    return this.#next++ as Pfn;
  }

  #grow(): void {
    const frames = Math.min(this.#refs.length * 2, this.total + FIRST_FREE);
    const bytes = new Uint8Array(frames * PAGE_SIZE);
    bytes.set(this.bytes);
    this.bytes = bytes;
    this.words = new Int32Array(bytes.buffer);
    this.#refs = grown(this.#refs, new Int32Array(frames));
    this.#maps = grown(this.#maps, new Int32Array(frames));
    this.#flags = grown(this.#flags, new Uint8Array(frames));
    this.#index = grown(this.#index, new Float64Array(frames));
    this.onGrow?.();
  }
}

function grown<A extends Int32Array | Uint8Array | Float64Array>(old: A, larger: A): A {
  larger.set(old);
  return larger;
}
