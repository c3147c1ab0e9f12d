/**
 * The translation cache of one address space: direct-mapped, tags as numbers.
 * A tag is page address + generation, so a flush of everything is one increment.
 * A write tag exists only where a store needs nothing from the kernel: writable and already dirty.
 * Holds the views of physical memory too, so that a hit touches one object.
 */

import type { Pfn } from '../base/brand.js';
import { PAGE_SIZE } from '../base/page.js';
import { type Pte, pteIsDirty, pteIsReadable, pteIsWritable, ptePfn } from './pte.js';

const ENTRIES = 4096;
const GENERATIONS = PAGE_SIZE - 1;

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
  /** Low bits of every valid tag, 1 to 4095; zero is never valid. */
  generation = 1;
  bytes: Uint8Array;
  words: Int32Array;

  constructor(memory: MemoryViews, entries = ENTRIES) {
    this.readTags = new Float64Array(entries);
    this.writeTags = new Float64Array(entries);
    this.frameWords = new Int32Array(entries);
    this.bytes = memory.bytes;
    this.words = memory.words;
  }

  /** Remembers what a present entry allows. */
  fill(page: number, pte: Pte): void {
    const i = tlbIndex(page | 0);
    const tag = page + this.generation;
    this.readTags[i] = pteIsReadable(pte) ? tag : 0;
    this.writeTags[i] = pteIsWritable(pte) && pteIsDirty(pte) ? tag : 0;
    this.frameWords[i] = frameWord(ptePfn(pte));
  }

  /** Forgets one page. */
  flushPage(page: number): void {
    const i = tlbIndex(page | 0);
    this.readTags[i] = 0;
    this.writeTags[i] = 0;
  }

  /** Forgets `[start, end)`: page by page when short, everything otherwise. */
  flushRange(start: number, end: number): void {
    if (end - start > 64 * PAGE_SIZE) this.flushAll();
    else for (let page = start; page < end; page += PAGE_SIZE) this.flushPage(page);
  }

  /** Forgets everything. */
  flushAll(): void {
    if (++this.generation <= GENERATIONS) return;
    this.readTags.fill(0);
    this.writeTags.fill(0);
    this.generation = 1;
  }

  /** What is remembered for a page: for the invariant checker. */
  cached(page: number): { pfn: Pfn; read: boolean; write: boolean } {
    const i = tlbIndex(page | 0);
    const tag = page + this.generation;
    return {
      pfn: ((this.frameWords[i] ?? 0) / (PAGE_SIZE / 4)) as Pfn,
      read: this.readTags[i] === tag,
      write: this.writeTags[i] === tag,
    };
  }

  /** Pages with a valid tag. */
  *pages(): Generator<number> {
    for (let i = 0; i < this.readTags.length; i++) {
      for (const tag of [this.readTags[i] ?? 0, this.writeTags[i] ?? 0]) {
        if (tag !== 0 && tag % PAGE_SIZE === this.generation) yield tag - this.generation;
      }
    }
  }
}

/** Index of the first 32-bit word of a frame. */
export const frameWord = (pfn: Pfn): number => pfn * (PAGE_SIZE / 4);
