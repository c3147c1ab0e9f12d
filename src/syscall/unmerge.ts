/**
 * Undoing KSM: a copy of its own for every entry that maps a merged page.
 * Answers to: unmerge_ksm_pages(), break_ksm().
 */

import { PAGE_SIZE } from '../base/page.js';
import { ownCopy } from '../fault/cow.js';
import { isMerged } from '../mm/ksm-page.js';
import type { Mm } from '../mm/mm.js';
import type { Vma } from '../mm/vma.js';
import { pteIsPresent, ptePfn } from '../pgtable/pte.js';

/** Copies the merged pages of a part of an area; false when memory is full. */
export function unmergeRange(
  mm: Mm,
  vma: Vma,
  { start, end }: { start: number; end: number },
): boolean {
  for (let addr = start; addr < end; addr += PAGE_SIZE) {
    const pte = mm.pte(addr);
    if (!pteIsPresent(pte) || !isMerged(mm.memory.frames, ptePfn(pte))) continue;
    if (ownCopy(mm, vma, addr) !== 'mapped') return false;
  }
  return true;
}
