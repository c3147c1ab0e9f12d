/**
 * Emptying a swap area: every entry gets its page back, or says for good that it is lost.
 * Pages come back read-only and old; protection comes back, write permission does not.
 * Answers to: try_to_unuse(), unuse_pte().
 */

import type { Pfn, SwapSlot } from '../base/brand.js';
import { PAGE_SIZE } from '../base/page.js';
import { type Slot, slotAfter } from '../pgtable/arena.js';
import {
  MARKER_POISONED,
  PTE_SWAPIN_ERROR,
  type Pte,
  pteClearAccessed,
  pteIsSoftDirty,
  pteIsSwap,
  pteIsSwpExclusive,
  pteIsUffdWp,
  pteMakeHwpoison,
  pteMakeSoftDirty,
  pteMakeUffdWp,
  pteSwapSlot,
} from '../pgtable/pte.js';
import {
  FRAME_ANON,
  FRAME_EXCLUSIVE,
  FRAME_HWPOISON,
  NO_FRAME,
  POISON_BYTE,
} from '../phys/frames.js';
import type { SwapArea } from '../phys/swap.js';
import { entryFor } from './install.js';
import { installMarker } from './marker.js';
import type { Mm } from './mm.js';
import { prepareAnonVma } from './rmap.js';
import type { Vma } from './vma.js';

/** Brings the pages of an area back into one address space; false when memory is full. */
export function unuse(mm: Mm, area: SwapArea): boolean {
  let enough = true;
  for (const vma of mm.vmas) {
    mm.visit(vma.start, vma.end, (first, start, count) => {
      for (let i = 0; i < count && enough; i++) {
        const slot = slotAfter(first, i);
        const pte = mm.load(slot);
        if (!pteIsSwap(pte) || mm.memory.swap.areaOf(pteSwapSlot(pte)) !== area) continue;
        enough = unuseSlot(mm, vma, slot, start + i * PAGE_SIZE);
      }
    });
  }
  return enough;
}

function unuseSlot(mm: Mm, vma: Vma, slot: Slot, addr: number): boolean {
  const { swap, frames } = mm.memory;
  const entry = mm.load(slot);
  const swapSlot = pteSwapSlot(entry);
  if (swap.cached(swapSlot) === NO_FRAME && swap.isBroken(swapSlot) && remembersLoss(mm)) {
    storeLoss(mm, slot, addr);
    swap.release(swapSlot);
    return true;
  }
  const pfn = pageOf(mm, vma, addr, swapSlot);
  if (pfn === NO_FRAME) return false;
  if (frames.has(pfn, FRAME_HWPOISON)) mm.store(slot, addr, pteMakeHwpoison(pfn));
  else map(mm, vma, { slot, addr, entry }, pfn);
  swap.release(swapSlot);
  return true;
}

function map(
  mm: Mm,
  vma: Vma,
  { slot, addr, entry }: { slot: Slot; addr: number; entry: Pte },
  pfn: Pfn,
): void {
  const { frames } = mm.memory;
  if (pteIsSwpExclusive(entry)) frames.setFlag(pfn, FRAME_EXCLUSIVE);
  frames.addMap(pfn);
  mm.store(slot, addr, rebuilt(mm, vma, entry, pfn));
}

/** Before 5.19 nobody looked whether the page could be read. */
const remembersLoss = ({ memory: { profile } }: Mm): boolean =>
  profile.has('swapinErrorMarker') || profile.has('swapinErrorEntry');

/** Leaves in the slot that its page is lost: an access gets SIGBUS instead of other data. */
function storeLoss(mm: Mm, slot: Slot, addr: number): void {
  if (mm.memory.profile.has('swapinErrorMarker')) installMarker(mm, slot, addr, MARKER_POISONED);
  else mm.store(slot, addr, PTE_SWAPIN_ERROR);
}

/** The page of a slot, in the swap cache from now on so that its other users share it. */
function pageOf(mm: Mm, vma: Vma, addr: number, swapSlot: SwapSlot): Pfn {
  const { swap, frames } = mm.memory;
  const cached = swap.cached(swapSlot);
  if (cached !== NO_FRAME) return cached;
  const pfn = frames.alloc();
  if (pfn === NO_FRAME) return NO_FRAME;
  if (!swap.load(swapSlot, pfn)) frames.fill(pfn, POISON_BYTE); // what was there before
  frames.setFlag(pfn, FRAME_ANON);
  const own = prepareAnonVma(mm, vma);
  const owner = swap.count(swapSlot) === 1 ? own : (vma.anonChain[0] ?? own);
  frames.setOwner(pfn, owner, vma.indexOf(addr));
  swap.cache(swapSlot, pfn);
  frames.put(pfn);
  return pfn;
}

function rebuilt(mm: Mm, vma: Vma, entry: Pte, pfn: Pfn): Pte {
  const old = pteClearAccessed(entryFor(mm, vma, pfn));
  const pte = pteIsSoftDirty(entry) ? pteMakeSoftDirty(old) : old;
  return pteIsUffdWp(entry) ? pteMakeUffdWp(pte) : pte;
}
