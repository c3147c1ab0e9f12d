/**
 * The 4-level walk: an address leads to the slot of its entry, and all else is built on that.
 * Upper entries hold table numbers and are known here alone; absence is a named value.
 * `walk` only reads; `walkOrCreate` is its own function, not a flag.
 */

import { PAGE_SIZE, PMD_SIZE, pmdDown } from '../base/page.js';
import {
  ENTRIES,
  NO_SLOT,
  NO_TABLE,
  type Slot,
  slotAt,
  type TableArena,
  type TableId,
} from './arena.js';

// 47....39 38....30 29....21 20....12 11.....0
// [ pgd  ] [ pud  ] [ pmd  ] [ pte  ] [offset]
// The halves of the address are taken as int32: `addr | 0` holds bits 0..31, q bits 21..47.
const upper = (addr: number): number => (addr * 2 ** -21) | 0;
const pgdIndex = (q: number): number => q >>> 18;
const pudIndex = (q: number): number => (q >>> 9) & (ENTRIES - 1);
const pmdIndex = (q: number): number => q & (ENTRIES - 1);
const pteIndex = (addr: number): number => ((addr | 0) >>> 12) & (ENTRIES - 1);

const child = (tables: TableArena, table: TableId, index: number): TableId =>
  (tables.words[slotAt(table, index)] ?? 0) as TableId;

/** The page table that maps the 2 MiB around `addr`, or {@link NO_TABLE}. */
export function leafTable(tables: TableArena, root: TableId, addr: number): TableId {
  const q = upper(addr);
  const pud = child(tables, root, pgdIndex(q));
  if (pud === NO_TABLE) return NO_TABLE;
  const pmd = child(tables, pud, pudIndex(q));
  if (pmd === NO_TABLE) return NO_TABLE;
  return child(tables, pmd, pmdIndex(q));
}

/** Slot of the entry for `addr`, or {@link NO_SLOT} when its page table does not exist. */
export function walk(tables: TableArena, root: TableId, addr: number): Slot {
  const table = leafTable(tables, root, addr);
  return table === NO_TABLE ? NO_SLOT : slotAt(table, pteIndex(addr));
}

/** As {@link walk}, making the tables that are missing; {@link NO_SLOT} when memory is short. */
export function walkOrCreate(
  tables: TableArena,
  root: TableId,
  addr: number,
  allocTable: () => TableId,
): Slot {
  const q = upper(addr);
  let table = root;
  for (const index of [pgdIndex(q), pudIndex(q), pmdIndex(q)]) {
    const slot = slotAt(table, index);
    let next = child(tables, table, index);
    if (next === NO_TABLE) {
      next = allocTable();
      if (next === NO_TABLE) return NO_SLOT;
      tables.link(slot, next);
    }
    table = next;
  }
  return slotAt(table, pteIndex(addr));
}

/** Sees a run of `count` consecutive entries of one page table; `addr` belongs to the first. */
export type RunVisitor = (slot: Slot, addr: number, count: number) => void;

/**
 * Visits the existing entries of `[start, end)`, one run for each page table.
 * The ends are page aligned. Parts without a page table are left out.
 */
export function visitRange(
  tables: TableArena,
  root: TableId,
  start: number,
  end: number,
  visit: RunVisitor,
): void {
  for (let addr = start; addr < end; ) {
    const next = Math.min(nextTable(tables, root, addr), end);
    const slot = walk(tables, root, addr);
    if (slot !== NO_SLOT) visit(slot, addr, (next - addr) / PAGE_SIZE);
    addr = next;
  }
}

const PUD_SIZE = ENTRIES * PMD_SIZE;
const PGD_SIZE = ENTRIES * PUD_SIZE;

/** Where the next page table may begin: skips whole missing upper tables, so 1 TiB is cheap. */
function nextTable(tables: TableArena, root: TableId, addr: number): number {
  const q = upper(addr);
  const pud = child(tables, root, pgdIndex(q));
  if (pud === NO_TABLE) return addr - (addr % PGD_SIZE) + PGD_SIZE;
  if (child(tables, pud, pudIndex(q)) === NO_TABLE) return addr - (addr % PUD_SIZE) + PUD_SIZE;
  return pmdDown(addr) + PMD_SIZE;
}

/** Cuts the page table around `addr` out of the tree and gives it back by number. */
export function detachLeafTable(tables: TableArena, root: TableId, addr: number): TableId {
  const q = upper(addr);
  const pud = child(tables, root, pgdIndex(q));
  const pmd = pud === NO_TABLE ? NO_TABLE : child(tables, pud, pudIndex(q));
  if (pmd === NO_TABLE) return NO_TABLE;
  const leaf = child(tables, pmd, pmdIndex(q));
  tables.link(slotAt(pmd, pmdIndex(q)), NO_TABLE);
  return leaf;
}

/** Every page table of a tree with the first address that it maps. */
export function* tablesOf(tables: TableArena, root: TableId): Generator<[TableId, number]> {
  for (const [pud, pudBase] of childrenOf(tables, root, 0, PGD_SIZE)) {
    for (const [pmd, pmdBase] of childrenOf(tables, pud, pudBase, PUD_SIZE)) {
      yield* childrenOf(tables, pmd, pmdBase, PMD_SIZE);
    }
  }
}

function* childrenOf(
  tables: TableArena,
  table: TableId,
  base: number,
  size: number,
): Generator<[TableId, number]> {
  for (let index = 0; index < ENTRIES; index++) {
    const next = child(tables, table, index);
    if (next !== NO_TABLE) yield [next, base + index * size];
  }
}

/** Every table below and including `root`, children first. Their slots must be empty of pages. */
export function collectTables(tables: TableArena, root: TableId, level = 4): TableId[] {
  const found: TableId[] = [];
  if (level > 1) {
    for (let index = 0; index < ENTRIES; index++) {
      const next = child(tables, root, index);
      if (next !== NO_TABLE) found.push(...collectTables(tables, next, level - 1));
    }
  }
  found.push(root);
  return found;
}

/** Names of the levels of the tables, from the root. */
export const LEVELS = ['PGD', 'PUD', 'PMD', 'PTE'] as const;

/** One level of a walk: the table, and which of its entries leads on. */
export interface Step {
  readonly level: (typeof LEVELS)[number];
  readonly table: TableId;
  readonly index: number;
}

/** The way to the entry of `addr`, as far as there are tables. */
export function stepsTo(tables: TableArena, root: TableId, addr: number): Step[] {
  const q = upper(addr);
  const indexes = [pgdIndex(q), pudIndex(q), pmdIndex(q), pteIndex(addr)];
  const steps: Step[] = [];
  let table = root;
  for (const [depth, level] of LEVELS.entries()) {
    if (table === NO_TABLE) break;
    const index = indexes[depth] ?? 0;
    steps.push({ level, table, index });
    table = child(tables, table, index);
  }
  return steps;
}
