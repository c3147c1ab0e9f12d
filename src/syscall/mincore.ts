/**
 * mincore(2): which pages are in memory, without touching them.
 * A page that is not mapped counts when the page cache of its file has it.
 */

import { fail, type Result } from '../base/errno.js';
import { isPageAligned, PAGE_SIZE, pageUp, TASK_SIZE } from '../base/page.js';
import { hugeSize } from '../mm/hugetlb-area.js';
import type { Mm } from '../mm/mm.js';
import type { Vma } from '../mm/vma.js';
import { NO_SLOT } from '../pgtable/arena.js';
import {
  pteIsPresent,
  pteIsSwap,
  pteIsSwapinError,
  pteNamesFrame,
  pteSwapSlot,
} from '../pgtable/pte.js';
import { NO_FRAME } from '../phys/frames.js';

/** One byte for each page of `[addr, addr + length)`, 1 for a resident one. */
export function mincore(mm: Mm, args: { addr: number; length: number }): Result<Uint8Array> {
  const { addr } = args;
  const length = pageUp(args.length);
  if (!isPageAligned(addr)) return fail('EINVAL', 'addr is not page aligned');
  if (addr + length > TASK_SIZE) return fail('ENOMEM', 'the range ends beyond user space');
  for (let at = addr; at < addr + length; ) {
    const vma = mm.vmas.find(at);
    if (vma === undefined) return fail('ENOMEM', 'a part of the range is not mapped');
    at = vma.end;
  }
  const pages = new Uint8Array(length / PAGE_SIZE);
  for (const vma of mm.vmas.within(addr, addr + length)) {
    const end = Math.min(vma.end, addr + length);
    for (let page = Math.max(vma.start, addr); page < end; page += PAGE_SIZE) {
      pages[(page - addr) / PAGE_SIZE] = isResident(mm, vma, page) ? 1 : 0;
    }
  }
  return pages;
}

function isResident(mm: Mm, vma: Vma, page: number): boolean {
  if (vma.isHugetlb && mm.hugeSlot(page, hugeSize(vma)) !== NO_SLOT) {
    return pteIsPresent(mm.pte(page)); // the page cache is asked only where there is no table
  }
  const pte = mm.pte(page);
  if (pteIsPresent(pte) || pteNamesFrame(pte) || pteIsSwapinError(pte)) return true;
  if (pteIsSwap(pte)) return mm.memory.swap.cached(pteSwapSlot(pte)) !== NO_FRAME;
  return vma.file?.inode.isUptodate(vma.indexOf(page)) === true;
}
