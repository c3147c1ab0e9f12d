/**
 * Installing huge pages: fills a new page table with 512 entries that are one huge entry.
 * Whether the area allows it, and whether the place is free, the caller knows.
 * Answers to: map_anon_folio_pmd(), set_huge_zero_folio().
 */

import type { Pfn } from '../base/brand.js';
import { PAGE_SIZE, PMD_PAGES, PMD_SIZE, pmdDown } from '../base/page.js';
import { NO_SLOT, slotAfter, tableOf } from '../pgtable/arena.js';
import type { Pte } from '../pgtable/pte.js';
import { ZERO_PFN } from '../phys/frames.js';
import { adoptAnon, entryFor, maybeWritable } from './install.js';
import type { Mm } from './mm.js';
import { written } from './soft-dirty.js';
import type { Vma } from './vma.js';

/** Maps a huge page, exclusive and dirty, where no page table is; false when memory is full. */
export function installHuge(mm: Mm, vma: Vma, addr: number, head: Pfn): boolean {
  return install(mm, addr, (page, index) => {
    const pfn = (head + index) as Pfn;
    adoptAnon(mm, vma, page, pfn);
    mm.memory.frames.addMap(pfn);
    return maybeWritable(vma, written(mm, entryFor(mm, vma, pfn)));
  });
}

/** Maps 2 MiB of zeros, read-only, where no page table is; false when memory is full. */
export function installHugeZero(mm: Mm, vma: Vma, addr: number): boolean {
  return install(mm, addr, () => entryFor(mm, vma, ZERO_PFN));
}

function install(mm: Mm, addr: number, entryOf: (page: number, index: number) => Pte): boolean {
  const start = pmdDown(addr);
  const first = mm.slotOrCreate(start);
  if (first === NO_SLOT) return false;
  mm.memory.onPage?.({ kind: 'huge', mm, addr: start });
  for (let i = 0; i < PMD_PAGES; i++) {
    mm.memory.tables.store(slotAfter(first, i), entryOf(start + i * PAGE_SIZE, i));
  }
  mm.memory.tables.setHuge(tableOf(first));
  mm.tlb.flushRange(start, start + PMD_SIZE);
  return true;
}
