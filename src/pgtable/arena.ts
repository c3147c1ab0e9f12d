/**
 * All page tables of a machine: tables of 512 words in one Int32Array, known by number.
 * A slot is the index of one word. Grows by doubling up to a bound; numbers stay valid.
 * Knows nothing of addresses, VMAs or what a word means.
 */

import { assert } from '../base/assert.js';
import { type Parts, Versions } from '../base/versions.js';
import type { Pte } from './pte.js';

declare const brand: unique symbol;

/** Number of a page table. */
export type TableId = number & { readonly [brand]: 'table' };

/** Index of one entry in the arena. */
export type Slot = number & { readonly [brand]: 'slot' };

/** Entries in a table, at every level. */
export const ENTRIES = 512;
const ENTRIES_SHIFT = 9;

/** No such table, and where an upper entry points when it is empty. */
export const NO_TABLE = 0 as TableId;

/** No such slot: a table on the way is missing. Slots of table 0 are never used. */
export const NO_SLOT = 0 as Slot;

/** The table that a slot lies in. */
export const tableOf = (slot: Slot): TableId => (slot >>> 9) as TableId;

/** Slot of the entry `index` of a table. */
export const slotAt = (table: TableId, index: number): Slot => (table * ENTRIES + index) as Slot;

/** The slot `count` entries further in the same table. */
export const slotAfter = (slot: Slot, count: number): Slot => (slot + count) as Slot;

const FIRST_TABLES = 16;

/** The page tables of a machine. */
export class TableArena {
  /** One word for each entry; replaced when the arena grows, so never kept across a call. */
  words = new Int32Array(FIRST_TABLES * ENTRIES);
  /** Hears of each entry before it changes; nobody does unless somebody traces. */
  onStore: ((slot: Slot, before: Pte, after: Pte) => void) | undefined = undefined;
  #highest = 0;
  /** Tables whose 512 entries stand for one entry of the level above. */
  #huge = new Set<TableId>();
  #free: TableId[] = [];
  /** A table as a part of a version. */
  readonly #contents: Parts<Int32Array> = {
    take: (table) => this.#tableWords(table).slice(),
    give: (table, words) => this.#tableWords(table).set(words),
  };

  constructor(
    readonly tablesMax: number,
    readonly versions = new Versions(),
  ) {}

  /** A table of empty entries, or {@link NO_TABLE} when the bound is reached. */
  alloc(): TableId {
    const reused = this.#free.pop();
    if (reused !== undefined) return reused;
    if (this.#highest === this.tablesMax) return NO_TABLE;
    this.#highest++;
    if ((this.#highest + 1) * ENTRIES > this.words.length) this.#grow();
    return this.#highest as TableId;
  }

  /** Gives a table back, emptied. */
  free(table: TableId): void {
    assert(table !== NO_TABLE, 'table 0 is never handed out');
    this.versions.keep(this.#contents, table);
    this.#tableWords(table).fill(0);
    this.#huge.delete(table);
    this.#free.push(table);
  }

  load(slot: Slot): Pte {
    return (this.words[slot] ?? 0) as Pte;
  }

  store(slot: Slot, pte: Pte): void {
    if (this.onStore !== undefined) this.onStore(slot, this.load(slot), pte);
    this.versions.keep(this.#contents, slot >>> ENTRIES_SHIFT);
    this.words[slot] = pte;
  }

  /** Whether the entries of a table are one huge entry, which changes as a whole or is split. */
  isHuge(table: TableId): boolean {
    return this.#huge.has(table);
  }

  /** Declares the entries of a table, which map 512 consecutive pages alike, one huge entry. */
  setHuge(table: TableId): void {
    assert(table !== NO_TABLE, 'table 0 maps nothing');
    this.#huge.add(table);
  }

  /** From now on each entry stands for itself. */
  clearHuge(table: TableId): void {
    this.#huge.delete(table);
  }

  /** Takes down what is not in the versions. */
  saveState(): () => void {
    const highest = this.#highest;
    const free = [...this.#free];
    const huge = [...this.#huge];
    return () => {
      this.#highest = highest;
      this.#free = [...free];
      this.#huge = new Set(huge);
    };
  }

  /** Becomes what the page tables of another machine are. */
  become(other: TableArena): void {
    while ((other.#highest + 1) * ENTRIES > this.words.length) this.#grow();
    this.words.set(other.words.subarray(0, (other.#highest + 1) * ENTRIES));
    this.#highest = other.#highest;
    this.#free = [...other.#free];
    this.#huge = new Set(other.#huge);
  }

  /** Tables handed out and not given back. */
  get used(): number {
    return this.#highest - this.#free.length;
  }

  #tableWords(table: number): Int32Array {
    return this.words.subarray(table * ENTRIES, (table + 1) * ENTRIES);
  }

  #grow(): void {
    const words = new Int32Array(this.words.length * 2);
    words.set(this.words);
    this.words = words;
  }
}
