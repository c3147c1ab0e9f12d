/**
 * MADV_WILLNEED: brings what a range is going to need into memory, without mapping it.
 * Pages of anonymous memory come into the swap cache, pages of a file into its page cache.
 * Answers to: madvise_willneed().
 */

import { PAGE_SIZE } from '../base/page.js';
import type { Mm } from '../mm/mm.js';
import type { Vma } from '../mm/vma.js';
import { slotAfter } from '../pgtable/arena.js';
import { type Pte, pteIsSwap, pteSwapSlot } from '../pgtable/pte.js';
import { NO_FRAME } from '../phys/frames.js';
import { adopt } from './swap-in.js';

/** Reads ahead for `[start, end)` of an area, as far as memory goes. */
export function willNeed(mm: Mm, vma: Vma, start: number, end: number): void {
  vma.file?.readForAdvice(vma.indexOf(start), vma.indexOf(end));
  if (!vma.isAnonymous) return;
  mm.visit(start, end, (first, addr, count) => {
    for (let i = 0; i < count; i++) {
      const pte = mm.load(slotAfter(first, i));
      if (pteIsSwap(pte)) readBack(mm, vma, addr + i * PAGE_SIZE, pte);
    }
  });
}

/** Puts the page of a swap entry into the swap cache; an unreadable one stays where it is. */
function readBack(mm: Mm, vma: Vma, addr: number, pte: Pte): void {
  const { swap, frames } = mm.memory;
  const slot = pteSwapSlot(pte);
  if (swap.cached(slot) !== NO_FRAME || swap.isBroken(slot)) return;
  const pfn = frames.alloc();
  if (pfn === NO_FRAME) return;
  swap.load(slot, pfn);
  adopt(mm, vma, { addr, pfn, sharing: swap.count(slot) === 1 ? 'alone' : 'shared' });
  swap.cache(slot, pfn);
  frames.put(pfn);
}
