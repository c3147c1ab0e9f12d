/**
 * Where the huge pages of a hugetlb area are: its file, the size of a page, the slots of entries.
 * One entry of an upper table stands for the whole page, so nobody ever meets a part of one.
 * Answers to: hugetlb_walk().
 */

import { assert } from '../base/assert.js';
import { PMD_SIZE, PUD_SIZE } from '../base/page.js';
import { HugetlbInode } from '../file/hugetlb.js';
import { NO_SLOT, type Slot } from '../pgtable/arena.js';
import { PTE_NONE, type Pte } from '../pgtable/pte.js';
import type { HugeSize } from '../pgtable/walk.js';
import type { Mm } from './mm.js';
import type { Vma } from './vma.js';

/** The file behind a hugetlb area. */
export function hugetlbInode(vma: Vma): HugetlbInode {
  const inode = vma.file?.inode;
  assert(inode instanceof HugetlbInode, 'a hugetlb area has no hugetlb file');
  return inode;
}

/** Size of the pages of a hugetlb area. */
export function hugeSize(vma: Vma): HugeSize {
  const { pageSize } = vma;
  assert(pageSize === PMD_SIZE || pageSize === PUD_SIZE, `no huge page has ${pageSize} bytes`);
  return pageSize;
}

/** Visits the huge pages of `[start, end)`, which is aligned, where there is a table for them. */
export function visitHugetlb(
  mm: Mm,
  vma: Vma,
  { start, end }: { start: number; end: number },
  visit: (slot: Slot, addr: number) => void,
): void {
  const size = hugeSize(vma);
  for (let addr = start; addr < end; addr += size) {
    const slot = mm.hugeSlot(addr, size);
    if (slot !== NO_SLOT) visit(slot, addr);
  }
}

/** Changes the entries of huge pages that are not none. */
export function changeHugetlb(
  mm: Mm,
  vma: Vma,
  range: { start: number; end: number },
  change: (pte: Pte) => Pte,
): void {
  const size = hugeSize(vma);
  visitHugetlb(mm, vma, range, (slot, addr) => {
    const pte = mm.load(slot);
    if (pte !== PTE_NONE) mm.storeHuge(slot, addr, change(pte), size);
  });
}
