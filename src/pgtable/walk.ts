/**
 * The 4-level walk: an address leads to the slot of its entry, and all else is built on that.
 * Upper entries hold tables and are followed here alone; absence is a named value. An upper entry
 * may also be a leaf: a huge page, which `walk` answers and visitors of base pages pass over.
 * `walk` only reads; `walkOrCreate` is its own function, not a flag.
 */

import { PAGE_SIZE, PMD_SIZE, PUD_SIZE, pmdDown } from '../base/page.js';
import {
  ENTRIES,
  NO_SLOT,
  NO_TABLE,
  type Slot,
  slotAt,
  type TableArena,
  type TableId,
} from './arena.js';
import { PTE_NONE, upperIsLeaf, upperMakeTable, upperTable } from './pte.js';

// 47....39 38....30 29....21 20....12 11.....0
// [ pgd  ] [ pud  ] [ pmd  ] [ pte  ] [offset]
// The halves of the address are taken as int32: `addr | 0` holds bits 0..31, q bits 21..47.
const upper = (addr: number): number => (addr * 2 ** -21) | 0;
const pgdIndex = (q: number): number => q >>> 18;
const pudIndex = (q: number): number => (q >>> 9) & (ENTRIES - 1);
const pmdIndex = (q: number): number => q & (ENTRIES - 1);
const pteIndex = (addr: number): number => ((addr | 0) >>> 12) & (ENTRIES - 1);

const child = (tables: TableArena, table: TableId, index: number): TableId =>
  upperTable(tables.load(slotAt(table, index))) as TableId;

/** The page table that maps the 2 MiB around `addr`, or {@link NO_TABLE}. */
export function leafTable(tables: TableArena, root: TableId, addr: number): TableId {
  const q = upper(addr);
  const pud = child(tables, root, pgdIndex(q));
  if (pud === NO_TABLE) return NO_TABLE;
  const pmd = child(tables, pud, pudIndex(q));
  if (pmd === NO_TABLE) return NO_TABLE;
  return child(tables, pmd, pmdIndex(q));
}

/**
 * Slot of the entry for `addr`, that of a huge page included; {@link NO_SLOT} when its page table
 * does not exist.
 */
export function walk(tables: TableArena, root: TableId, addr: number): Slot {
  const q = upper(addr);
  const pud = child(tables, root, pgdIndex(q));
  if (pud === NO_TABLE) return NO_SLOT;
  const pudSlot = slotAt(pud, pudIndex(q));
  const pudEntry = tables.load(pudSlot);
  if (upperIsLeaf(pudEntry)) return pudSlot;
  const pmd = upperTable(pudEntry) as TableId;
  if (pmd === NO_TABLE) return NO_SLOT;
  const pmdSlot = slotAt(pmd, pmdIndex(q));
  const pmdEntry = tables.load(pmdSlot);
  if (upperIsLeaf(pmdEntry)) return pmdSlot;
  const table = upperTable(pmdEntry) as TableId;
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
  const table = descend(tables, root, [pgdIndex(q), pudIndex(q), pmdIndex(q)], allocTable);
  return table === NO_TABLE ? NO_SLOT : slotAt(table, pteIndex(addr));
}

/** Sizes of huge pages, in bytes. */
export type HugeSize = typeof PMD_SIZE | typeof PUD_SIZE;

/** Slot of the huge page of a size around `addr`; {@link NO_SLOT} when its table does not exist. */
export function walkHuge(tables: TableArena, root: TableId, addr: number, size: HugeSize): Slot {
  const q = upper(addr);
  const pud = child(tables, root, pgdIndex(q));
  if (pud === NO_TABLE) return NO_SLOT;
  if (size === PUD_SIZE) return slotAt(pud, pudIndex(q));
  const pmd = child(tables, pud, pudIndex(q));
  return pmd === NO_TABLE ? NO_SLOT : slotAt(pmd, pmdIndex(q));
}

/** As {@link walkHuge}, making the tables that are missing. */
export function walkHugeOrCreate(
  tables: TableArena,
  root: TableId,
  addr: number,
  size: HugeSize,
  allocTable: () => TableId,
): Slot {
  const q = upper(addr);
  const path = size === PUD_SIZE ? [pgdIndex(q)] : [pgdIndex(q), pudIndex(q)];
  const table = descend(tables, root, path, allocTable);
  if (table === NO_TABLE) return NO_SLOT;
  return slotAt(table, size === PUD_SIZE ? pudIndex(q) : pmdIndex(q));
}

/** Follows a path of indexes, making what is missing; {@link NO_TABLE} when memory is short. */
function descend(
  tables: TableArena,
  root: TableId,
  path: readonly number[],
  allocTable: () => TableId,
): TableId {
  let table = root;
  for (const index of path) {
    let next = child(tables, table, index);
    if (next === NO_TABLE) {
      next = allocTable();
      if (next === NO_TABLE) return NO_TABLE;
      tables.store(slotAt(table, index), upperMakeTable(next));
    }
    table = next;
  }
  return table;
}

/** Sees a run of `count` consecutive entries of one page table; `addr` belongs to the first. */
export type RunVisitor = (slot: Slot, addr: number, count: number) => void;

/**
 * Visits the existing entries of base pages in `[start, end)`, one run for each page table.
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
    const table = leafTable(tables, root, addr);
    if (table !== NO_TABLE) visit(slotAt(table, pteIndex(addr)), addr, (next - addr) / PAGE_SIZE);
    addr = next;
  }
}

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
  if (leaf !== NO_TABLE) tables.store(slotAt(pmd, pmdIndex(q)), PTE_NONE);
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

/** As {@link detachLeafTable}, for the table above, which maps 1 GiB: only if it is empty. */
export function detachMiddleTable(tables: TableArena, root: TableId, addr: number): TableId {
  const q = upper(addr);
  const pud = child(tables, root, pgdIndex(q));
  const pmd = pud === NO_TABLE ? NO_TABLE : child(tables, pud, pudIndex(q));
  if (pmd === NO_TABLE || !isEmpty(tables, pmd)) return NO_TABLE;
  tables.store(slotAt(pud, pudIndex(q)), PTE_NONE);
  return pmd;
}

function isEmpty(tables: TableArena, table: TableId): boolean {
  for (let index = 0; index < ENTRIES; index++) {
    if (tables.load(slotAt(table, index)) !== PTE_NONE) return false;
  }
  return true;
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
