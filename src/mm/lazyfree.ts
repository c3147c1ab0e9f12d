/**
 * MADV_FREE: pages whose content may be dropped until they are written again.
 * A write cancels it; protection stays; poison goes.
 * Answers to: madvise_free_pte_range().
 */

import { slotAfter } from '../pgtable/arena.js';
import {
  MARKER_POISONED,
  markerHas,
  PTE_NONE,
  type Pte,
  pteClearAccessed,
  pteClearDirty,
  pteIsHwpoison,
  pteIsPresent,
  pteIsSpecial,
  pteIsSwap,
  pteIsSwapinError,
  pteMarkerBits,
  ptePfn,
  pteSwapSlot,
} from '../pgtable/pte.js';
import { FRAME_ANON, FRAME_LAZYFREE } from '../phys/frames.js';
import type { Mm } from './mm.js';
import { isPartOf, splitParts } from './split-parts.js';

/** Marks the pages of `[start, end)` as free to drop. */
export function freeLazily(mm: Mm, start: number, end: number): void {
  mm.memory.onPage?.({ kind: 'removal', mm, start, end });
  const shared = splitParts(mm, { start, end });
  mm.visit(start, end, (first, _addr, count) => {
    for (let i = 0; i < count; i++) {
      const slot = slotAfter(first, i);
      const pte = mm.load(slot);
      if (pte !== PTE_NONE && !isPartOf(shared, pte)) mm.memory.tables.store(slot, freed(mm, pte));
    }
  });
  mm.tlb.flushRange(start, end);
}

function freed(mm: Mm, pte: Pte): Pte {
  if (pteIsSwap(pte)) {
    mm.memory.swap.release(pteSwapSlot(pte));
    return PTE_NONE;
  }
  if (!pteIsPresent(pte)) return isError(pte) ? PTE_NONE : pte;
  const { frames } = mm.memory;
  const pfn = ptePfn(pte);
  if (pteIsSpecial(pte) || !frames.has(pfn, FRAME_ANON) || frames.maps(pfn) > 1) return pte;
  frames.setFlag(pfn, FRAME_LAZYFREE);
  return pteClearDirty(pteClearAccessed(pte));
}

/** A page whose content is lost for good: freeing it is a cure. */
const isError = (pte: Pte): boolean =>
  pteIsHwpoison(pte) || pteIsSwapinError(pte) || markerHas(pteMarkerBits(pte), MARKER_POISONED);
