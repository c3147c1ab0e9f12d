/** The arena of page tables: growth keeps what is there, a table that comes back is empty. */
import { describe, expect, test } from 'vitest';
import type { Pfn } from '../../src/base/brand.js';
import {
  ENTRIES,
  NO_SLOT,
  NO_TABLE,
  slotAfter,
  slotAt,
  TableArena,
  type TableId,
} from '../../src/pgtable/arena.js';
import { PTE_NONE, pteMake } from '../../src/pgtable/pte.js';

const take = (arena: TableArena, count: number): TableId[] =>
  Array.from({ length: count }, () => arena.alloc());

describe('TableArena', () => {
  test('hands out tables that are never number 0, each once', () => {
    const arena = new TableArena(100);
    const tables = take(arena, 100);
    expect(new Set(tables).size).toBe(100);
    expect(tables).not.toContain(NO_TABLE);
    expect(arena.used).toBe(100);
  });

  test('answers NO_TABLE at its bound, and a table again once one was given back', () => {
    const arena = new TableArena(3);
    const [first] = take(arena, 3);
    expect(arena.alloc()).toBe(NO_TABLE);
    expect(arena.used).toBe(3);
    arena.free(first as TableId);
    expect(arena.alloc()).toBe(first);
    expect(arena.alloc()).toBe(NO_TABLE);
  });

  test('keeps every entry when it grows', () => {
    const arena = new TableArena(1000);
    const tables = take(arena, 1000);
    tables.forEach((table, i) => {
      arena.store(slotAt(table, i % ENTRIES), pteMake((i + 1) as Pfn));
    });
    const before = tables.map((table, i) => arena.load(slotAt(table, i % ENTRIES)));
    expect(before).toEqual(tables.map((_, i) => pteMake((i + 1) as Pfn)));
    const full = tables.reduce((sum, table) => sum + entriesOf(arena, table), 0);
    expect(full).toBe(1000);
  });

  test('gives a table back empty', () => {
    const arena = new TableArena(2);
    const table = arena.alloc();
    for (let i = 0; i < ENTRIES; i++) arena.store(slotAt(table, i), pteMake((i + 1) as Pfn));
    arena.free(table);
    expect(arena.alloc()).toBe(table);
    expect(entriesOf(arena, table)).toBe(0);
  });

  test('counts the tables in use', () => {
    const arena = new TableArena(10);
    const tables = take(arena, 4);
    for (const table of tables.slice(1)) arena.free(table);
    expect(arena.used).toBe(1);
  });

  test('refuses to free table 0', () => {
    expect(() => new TableArena(1).free(NO_TABLE)).toThrow('table 0');
  });
});

describe('slots', () => {
  test('of a table are 512 in a row, the first at a multiple of 512', () => {
    const table = 7 as TableId;
    expect(slotAt(table, 0)).toBe(7 * ENTRIES);
    expect(slotAfter(slotAt(table, 0), 511)).toBe(slotAt(table, 511));
  });

  test('of table 0 are not slots: NO_SLOT is among them', () => {
    expect(slotAt(NO_TABLE, 0)).toBe(NO_SLOT);
  });
});

function entriesOf(arena: TableArena, table: TableId): number {
  let count = 0;
  for (let i = 0; i < ENTRIES; i++) if (arena.load(slotAt(table, i)) !== PTE_NONE) count++;
  return count;
}

test('a table that is split or given back is no longer one huge entry', () => {
  const arena = new TableArena(10);
  const [split, freed] = take(arena, 2) as [TableId, TableId];
  for (const table of [split, freed]) {
    expect(arena.isHuge(table)).toBe(false);
    arena.setHuge(table);
    expect(arena.isHuge(table)).toBe(true);
  }
  arena.clearHuge(split);
  arena.free(freed);
  expect(arena.alloc()).toBe(freed);
  expect([split, freed].some((table) => arena.isHuge(table))).toBe(false);
});
