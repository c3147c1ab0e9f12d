/**
 * Which parts of its memory the guest uses when: accesses counted by rows of pages and columns of
 * virtual time. The player counts, for the report alone; no tracker ever sees these numbers.
 * Bounded: so many rows, so many columns; when the time grows longer, columns are merged in pairs.
 */
import { type MemoryLayout, PAGE_BYTES } from '../guest/layout.js';
import type { AccessBatch } from '../trace/access.js';

/** The map has at most this many rows and columns. */
export const HEAT_ROWS_MAX = 96;
export const HEAT_COLUMNS_MAX = 512;
/** Entries of the cache from page to row; a power of two. */
const CACHE_ENTRIES = 4096;

/** Accesses `from` to `to` (excluded) of a batch, made from `atNs` on, one every `accessNs`. */
export interface PlayedRange {
  readonly from: number;
  readonly to: number;
  readonly atNs: number;
  readonly accessNs: number;
}

/** A heat map as it travels: counts by row, then by column. */
export interface HeatMapData {
  readonly binNs: number;
  readonly pagesPerRow: number;
  readonly rows: readonly (readonly number[])[];
}

/** Picks the width of a column so that a trace of this length fills about 160 of them. */
export function binNsFor(accesses: number, accessNs: number): number {
  return Math.max(1, Math.ceil((accesses * accessNs) / 160));
}

/** Counts accesses by place and time. */
export class HeatMap {
  readonly pagesPerRow: number;
  readonly rows: number;
  readonly #layout: MemoryLayout;
  readonly #counts: Uint32Array;
  readonly #cachedPage = new Float64Array(CACHE_ENTRIES).fill(-1);
  readonly #cachedRow = new Uint8Array(CACHE_ENTRIES);
  #binNs: number;
  #columns = 0;

  constructor(layout: MemoryLayout, binNs: number) {
    this.#layout = layout;
    this.#binNs = binNs;
    this.pagesPerRow = Math.max(1, Math.ceil(layout.pages / HEAT_ROWS_MAX));
    this.rows = Math.ceil(layout.pages / this.pagesPerRow);
    this.#counts = new Uint32Array(this.rows * HEAT_COLUMNS_MAX);
  }

  /** Counts accesses that the guest made. */
  count(batch: AccessBatch, { from, to, atNs, accessNs }: PlayedRange): void {
    let at = from;
    while (at < to) {
      const nowNs = atNs + (at - from) * accessNs;
      const column = this.#columnAt(nowNs);
      const inColumn = Math.ceil(((column + 1) * this.#binNs - nowNs) / accessNs);
      const end = Math.min(to, at + Math.max(1, inColumn));
      this.#countIn(column, batch.addresses, at, end);
      at = end;
    }
  }

  /** Adds what another map counted whose columns began as wide as these. */
  add({ binNs, rows }: HeatMapData): void {
    while (this.#binNs < binNs) this.#mergeColumns();
    rows.forEach((counts, row) => {
      counts.forEach((count, column) => {
        const target = this.#columnAt(column * binNs);
        if (row < this.rows) this.#counts[row * HEAT_COLUMNS_MAX + target]! += count;
      });
    });
  }

  /** The map as plain numbers. */
  toData(): HeatMapData {
    const rows = Array.from({ length: this.rows }, (_, row) => {
      const start = row * HEAT_COLUMNS_MAX;
      return [...this.#counts.subarray(start, start + this.#columns)];
    });
    return { binNs: this.#binNs, pagesPerRow: this.pagesPerRow, rows };
  }

  #countIn(column: number, addresses: Float64Array, from: number, to: number): void {
    for (let index = from; index < to; index++) {
      const page = Math.floor(addresses[index]! / PAGE_BYTES);
      const entry = page & (CACHE_ENTRIES - 1);
      if (this.#cachedPage[entry] !== page) this.#cache(page, entry);
      this.#counts[this.#cachedRow[entry]! * HEAT_COLUMNS_MAX + column]!++;
    }
  }

  #cache(page: number, entry: number): void {
    const index = this.#layout.indexOf(page * PAGE_BYTES) ?? 0;
    this.#cachedPage[entry] = page;
    this.#cachedRow[entry] = Math.floor(index / this.pagesPerRow);
  }

  #columnAt(nowNs: number): number {
    while (nowNs >= this.#binNs * HEAT_COLUMNS_MAX) this.#mergeColumns();
    const column = Math.floor(nowNs / this.#binNs);
    this.#columns = Math.max(this.#columns, column + 1);
    return column;
  }

  #mergeColumns(): void {
    this.#binNs *= 2;
    this.#columns = Math.ceil(this.#columns / 2);
    for (let row = 0; row < this.rows; row++) {
      const counts = this.#counts.subarray(row * HEAT_COLUMNS_MAX, (row + 1) * HEAT_COLUMNS_MAX);
      for (let column = 0; column < HEAT_COLUMNS_MAX / 2; column++) {
        counts[column] = counts[2 * column]! + counts[2 * column + 1]!;
      }
      counts.fill(0, HEAT_COLUMNS_MAX / 2);
    }
  }
}
