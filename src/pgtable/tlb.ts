/**
 * The translation cache of one address space: direct-mapped, tags as numbers.
 * A tag is the address of its page, or -1; a flush fills (docs/decisions/004 says why).
 * A write tag exists only where a store needs nothing from the kernel: writable and already dirty.
 * Holds the views of physical memory too, so that a hit touches one object.
 */

import type { Pfn } from '../base/brand.js';
import { PAGE_SIZE } from '../base/page.js';
import { type Pte, pteIsDirty, pteIsReadable, pteIsWritable, ptePfnAt } from './pte.js';

const ENTRIES = 4096;
/** Tag of an entry that is empty: no page has this address. */
const NO_PAGE = -1;

/** Pages that are forgotten one by one; a larger range costs less as a whole. */
const SINGLY_MAX = 512;

/** Index of the entry that an address may occupy; `low` is `addr | 0`. */
export const tlbIndex = (low: number): number => (low >>> 12) & (ENTRIES - 1);

/** Bytes of physical memory as the access paths see them. */
export interface MemoryViews {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
}

/** Translation cache of one address space. */
export class Tlb {
  readonly readTags: Float64Array;
  readonly writeTags: Float64Array;
  /** Index of the first 32-bit word of the frame. */
  readonly frameWords: Int32Array;
  bytes: Uint8Array;
  words: Int32Array;

  constructor(memory: MemoryViews) {
    this.readTags = new Float64Array(ENTRIES).fill(NO_PAGE);
    this.writeTags = new Float64Array(ENTRIES).fill(NO_PAGE);
    this.frameWords = new Int32Array(ENTRIES);
    this.bytes = memory.bytes;
    this.words = memory.words;
  }

  /** Remembers what a present entry allows. */
  fill(page: number, pte: Pte): void {
    const i = tlbIndex(page | 0);
    this.readTags[i] = pteIsReadable(pte) ? page : NO_PAGE;
    this.writeTags[i] = pteIsWritable(pte) && pteIsDirty(pte) ? page : NO_PAGE;
    this.frameWords[i] = frameWord(ptePfnAt(pte, page));
  }

  /** Forgets one page. */
  flushPage(page: number): void {
    const i = tlbIndex(page | 0);
    this.readTags[i] = NO_PAGE;
    this.writeTags[i] = NO_PAGE;
  }

  /** Lets the next store to a page be seen; loads go on to hit. */
  forgetWrite(page: number): void {
    this.writeTags[tlbIndex(page | 0)] = NO_PAGE;
  }

  /** Lets the next store to every page be seen. */
  forgetWrites(): void {
    this.writeTags.fill(NO_PAGE);
  }

  /** A cache of another machine: empty until it is shown its memory. */
  copyWith(): Tlb {
    return new Tlb({ bytes: new Uint8Array(0), words: new Int32Array(0) });
  }

  /** Forgets `[start, end)`: page by page when short, everything otherwise. */
  flushRange(start: number, end: number): void {
    if (end - start > SINGLY_MAX * PAGE_SIZE) this.flushAll();
    else for (let page = start; page < end; page += PAGE_SIZE) this.flushPage(page);
  }

  /** Forgets everything. */
  flushAll(): void {
    this.readTags.fill(NO_PAGE);
    this.writeTags.fill(NO_PAGE);
  }

  /** What is remembered for a page: for the invariant checker. */
  cached(page: number): { pfn: Pfn; read: boolean; write: boolean } {
    const i = tlbIndex(page | 0);
    return {
      pfn: ((this.frameWords[i] ?? 0) / (PAGE_SIZE / 4)) as Pfn,
      read: this.readTags[i] === page,
      write: this.writeTags[i] === page,
    };
  }

  /** Pages with a valid tag. */
  *pages(): Generator<number> {
    for (let i = 0; i < ENTRIES; i++) {
      for (const tag of [this.readTags[i] ?? 0, this.writeTags[i] ?? 0]) {
        if (tag !== NO_PAGE) yield tag;
      }
    }
  }
}

/** Index of the first 32-bit word of a frame. */
export const frameWord = (pfn: Pfn): number => pfn * (PAGE_SIZE / 4);
