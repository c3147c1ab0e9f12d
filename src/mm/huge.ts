/**
 * Transparent huge pages in page tables: 512 entries that stand for one entry of the level above.
 * Such a table maps 512 consecutive frames, or the zero page, alike; whoever changes a part of it
 * splits it first, after which its entries are ordinary ones.
 * Answers to: __split_huge_pmd().
 */

import { PMD_PAGES, PMD_SIZE, pmdDown } from '../base/page.js';
import { type Slot, slotAfter, slotAt, tableOf } from '../pgtable/arena.js';
import {
  type Pte,
  pteIsAccessed,
  pteIsDirty,
  pteIsSpecial,
  pteMakeAccessed,
  pteMakeDirty,
} from '../pgtable/pte.js';
import type { Mm } from './mm.js';
import type { Vma } from './vma.js';
import { VM_HUGEPAGE, VM_NOHUGEPAGE } from './vma-flags.js';

/** Whether one huge entry maps the 2 MiB around `addr`. */
export const isHuge = (mm: Mm, addr: number): boolean => mm.memory.tables.isHuge(mm.leaf(addr));

/** Whether an entry is a part of a huge one. */
export const isHugeSlot = (mm: Mm, slot: Slot): boolean => mm.memory.tables.isHuge(tableOf(slot));

/** Whether one huge entry maps zeros that nobody wrote. */
export const isHugeZero = (mm: Mm, addr: number): boolean =>
  isHuge(mm, addr) && pteIsSpecial(mm.pte(addr));

/** Whether faults in an area may bring huge pages. */
export function allowsHuge({ memory }: Mm, vma: Vma): boolean {
  if (!vma.isAnonymous || vma.has(VM_NOHUGEPAGE)) return false;
  if (memory.transparentHugepage === 'always') return true;
  return memory.transparentHugepage === 'madvise' && vma.has(VM_HUGEPAGE);
}

/** Whether the 2 MiB around `addr` lie in the area as a whole. */
export const hasRoomForHuge = (vma: Vma, addr: number): boolean =>
  pmdDown(addr) >= vma.start && pmdDown(addr) + PMD_SIZE <= vma.end;

/** Changes the 512 entries of a huge one alike. */
export function changeHuge(mm: Mm, addr: number, change: (pte: Pte) => Pte): void {
  const { tables } = mm.memory;
  const first = slotAt(mm.leaf(addr), 0);
  for (let i = 0; i < PMD_PAGES; i++) {
    const slot = slotAfter(first, i);
    tables.store(slot, change(tables.load(slot)));
  }
  const start = pmdDown(addr);
  mm.tlb.flushRange(start, start + PMD_SIZE);
}

/** From now on each page around `addr` has an entry of its own; nothing else changes. */
export function splitHuge(mm: Mm, addr: number): void {
  const { tables } = mm.memory;
  const table = mm.leaf(addr);
  if (!tables.isHuge(table)) return;
  tables.clearHuge(table);
  shareUse(mm, slotAt(table, 0));
}

/** Hardware kept one accessed and one dirty bit for all: now each page has them. */
function shareUse({ memory: { tables } }: Mm, first: Slot): void {
  let accessed = false;
  let dirty = false;
  for (let i = 0; i < PMD_PAGES; i++) {
    const pte = tables.load(slotAfter(first, i));
    accessed ||= pteIsAccessed(pte);
    dirty ||= pteIsDirty(pte);
  }
  for (let i = 0; i < PMD_PAGES; i++) {
    const slot = slotAfter(first, i);
    const pte = tables.load(slot);
    const used = accessed ? pteMakeAccessed(pte) : pte;
    tables.store(slot, dirty ? pteMakeDirty(used) : used);
  }
}

/** Splits the huge entries that `[start, end)` covers only in part. */
export function splitEnds(mm: Mm, start: number, end: number): void {
  if (start !== pmdDown(start)) splitHuge(mm, start);
  if (end !== pmdDown(end)) splitHuge(mm, end);
}

/** Whether a whole aligned 2 MiB of `[start, end)` begins at `addr`. */
export const coversHuge = (addr: number, end: number): boolean =>
  addr === pmdDown(addr) && addr + PMD_SIZE <= end;
