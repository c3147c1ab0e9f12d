/**
 * One address space: its areas, the root of its page tables, its translation cache.
 * Gives slots for addresses and keeps the cache within the tables; what to store is others' work.
 * Answers to: struct mm_struct.
 */

import type { Pfn } from '../base/brand.js';
import { PAGE_SIZE, PMD_SIZE, PUD_SIZE, pmdDown } from '../base/page.js';
import {
  ENTRIES,
  NO_SLOT,
  NO_TABLE,
  type Slot,
  slotAfter,
  type TableId,
} from '../pgtable/arena.js';
import { PTE_NONE, type Pte, ptePfnAt } from '../pgtable/pte.js';
import { Tlb } from '../pgtable/tlb.js';
import {
  collectTables,
  detachLeafTable,
  detachMiddleTable,
  type HugeSize,
  leafTable,
  type RunVisitor,
  visitRange,
  walk,
  walkHuge,
  walkHugeOrCreate,
  walkOrCreate,
} from '../pgtable/walk.js';
import type { MachineMemory } from './memory.js';
import type { ReadSection } from './read-section.js';
import { VmaSet } from './vma-set.js';

/** Highest address that mmap hands out when it may choose: below where a stack would be. */
export const MMAP_BASE = 0x7fff_f7ff_f000;

/** An address space. */
export class Mm {
  readonly vmas = new VmaSet();
  readonly tlb: Tlb;
  readonly root: TableId;
  /** Nobody uses it any more: nothing can be mapped or registered. */
  dead = false;
  /** Its process, and calls of others that are under way in it. */
  users = 1;
  /** Other processes of the same user may look in; not after a thread changed its user. */
  dumpable = true;
  /** Work under way that no change of the areas comes into. */
  readonly reading = new Set<ReadSection<unknown>>();

  constructor(readonly memory: MachineMemory) {
    this.tlb = new Tlb(memory.frames);
    this.root = memory.allocTable();
    memory.viewers.add(this);
  }

  /** Has the work done that is under way; first thing of whoever changes areas. */
  endReading(): void {
    for (const section of this.reading) section.finish();
  }

  /** Slot of the page at `addr`, or `NO_SLOT` without a page table. */
  slot(addr: number): Slot {
    return walk(this.memory.tables, this.root, addr);
  }

  /** As {@link Mm.slot}, making page tables; `NO_SLOT` when memory is full. */
  slotOrCreate(addr: number): Slot {
    return walkOrCreate(this.memory.tables, this.root, addr, this.memory.allocTable);
  }

  /** Slot of the huge page of a size at `addr`, or `NO_SLOT` without a table for it. */
  hugeSlot(addr: number, size: HugeSize): Slot {
    return walkHuge(this.memory.tables, this.root, addr, size);
  }

  /** As {@link Mm.hugeSlot}, making tables; `NO_SLOT` when memory is full. */
  hugeSlotOrCreate(addr: number, size: HugeSize): Slot {
    return walkHugeOrCreate(this.memory.tables, this.root, addr, size, this.memory.allocTable);
  }

  /** Entry of the page at `addr`; none without a page table. */
  pte(addr: number): Pte {
    const slot = this.slot(addr);
    return slot === NO_SLOT ? PTE_NONE : this.memory.tables.load(slot);
  }

  /** The page table of the 2 MiB around `addr`, or `NO_TABLE`. */
  leaf(addr: number): TableId {
    return leafTable(this.memory.tables, this.root, addr);
  }

  /** Frame of the base page at `addr`, which is mapped. */
  frameAt(addr: number): Pfn {
    return ptePfnAt(this.pte(addr), addr);
  }

  hasTable(addr: number): boolean {
    return this.leaf(addr) !== NO_TABLE;
  }

  load(slot: Slot): Pte {
    return this.memory.tables.load(slot);
  }

  /** Stores an entry and forgets the translation that it replaces. */
  store(slot: Slot, addr: number, pte: Pte): void {
    this.memory.tables.store(slot, pte);
    this.tlb.flushPage(addr);
  }

  /** As {@link Mm.store}, for the entry of a huge page. */
  storeHuge(slot: Slot, addr: number, pte: Pte, size: HugeSize): void {
    this.memory.tables.store(slot, pte);
    this.tlb.flushRange(addr, addr + size);
  }

  /** Visits the existing entries of `[start, end)`, run by run; huge pages have none. */
  visit(start: number, end: number, visitor: RunVisitor): void {
    visitRange(this.memory.tables, this.root, start, end, visitor);
  }

  /** Gives back the page table of the 2 MiB around `addr`, whose entries are all none. */
  freeLeafTable(addr: number): void {
    const table = detachLeafTable(this.memory.tables, this.root, addr);
    if (table !== NO_TABLE) this.memory.freeTable(table);
  }

  private freeMiddleTable(addr: number): void {
    const table = detachMiddleTable(this.memory.tables, this.root, addr);
    if (table !== NO_TABLE) this.memory.freeTable(table);
  }

  /** Gives back page tables of `[start, end)` whose 2 MiB no area reaches any more. */
  freeUnusedTables(start: number, end: number): void {
    this.visit(pmdDown(start), pmdDown(end + PMD_SIZE - 1), (_slot, addr) => {
      if (this.vmas.within(addr, addr + PMD_SIZE).length === 0) this.freeLeafTable(addr);
    });
    for (let addr = start - (start % PUD_SIZE); addr < end; addr += PUD_SIZE) {
      if (this.vmas.within(addr, addr + PUD_SIZE).length === 0) this.freeMiddleTable(addr);
    }
  }

  /** Gives back page tables that `[start, end)` covers and whose entries are all none. */
  freeEmptyTables(start: number, end: number): void {
    this.visit(start, end, (first, addr, count) => {
      if (count < ENTRIES) return;
      for (let i = 0; i < ENTRIES; i++) if (this.load(slotAfter(first, i)) !== PTE_NONE) return;
      this.freeLeafTable(addr);
    });
  }

  /** Gives back every page table. The areas are gone. */
  freeAllTables(): void {
    this.memory.viewers.delete(this);
    if (this.root === NO_TABLE) return; // there never was memory for one
    for (const table of collectTables(this.memory.tables, this.root)) this.memory.freeTable(table);
  }

  /** Physical memory moved to larger buffers. */
  showMemory(): void {
    this.tlb.bytes = this.memory.frames.bytes;
    this.tlb.words = this.memory.frames.words;
  }

  /** Pages that the areas cover. */
  get mappedPages(): number {
    let pages = 0;
    for (const vma of this.vmas) pages += (vma.end - vma.start) / PAGE_SIZE;
    return pages;
  }
}
