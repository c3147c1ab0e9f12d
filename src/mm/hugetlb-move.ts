/**
 * Moving huge pages to another address for mremap: a page and its state go along.
 * Answers to: move_hugetlb_page_tables().
 */

import { type Failure, fail } from '../base/errno.js';
import { NO_SLOT } from '../pgtable/arena.js';
import { PTE_NONE } from '../pgtable/pte.js';
import { hugeSize, visitHugetlb } from './hugetlb-area.js';
import type { Mm } from './mm.js';
import { movedEntry, type TableMove } from './move.js';
import type { Vma } from './vma.js';

/** Moves the entries of a hugetlb area; on `ENOMEM` those before it have moved. */
export function moveHugetlb(mm: Mm, vma: Vma, move: TableMove): Failure | undefined {
  const { from, to, lenBytes } = move;
  const size = hugeSize(vma);
  let failure: Failure | undefined;
  visitHugetlb(mm, vma, { start: from, end: from + lenBytes }, (slot, addr) => {
    const pte = mm.load(slot);
    if (pte === PTE_NONE || failure !== undefined) return;
    const target = mm.hugeSlotOrCreate(addr - from + to, size);
    if (target === NO_SLOT) {
      failure = fail('ENOMEM', 'no memory for a page table at the new address');
      return;
    }
    mm.storeHuge(slot, addr, PTE_NONE, size);
    mm.storeHuge(target, addr - from + to, movedEntry(mm, move, pte), size);
  });
  return failure;
}
