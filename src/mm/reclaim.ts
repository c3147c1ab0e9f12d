/**
 * Reclaim: takes pages out of memory, on demand (MADV_PAGEOUT) and under pressure.
 * Only pages that one entry maps. Protection goes into the swap entry, or a marker for file pages.
 * Answers to: shrink_folio_list(), try_to_unmap_one().
 */

import type { Pfn, SwapSlot } from '../base/brand.js';
import { PAGE_SIZE } from '../base/page.js';
import { type Slot, slotAfter } from '../pgtable/arena.js';
import {
  MARKER_NONE,
  MARKER_UFFD_WP,
  PTE_NONE,
  type Pte,
  pteIsDirty,
  pteIsPresent,
  pteIsSoftDirty,
  pteIsSpecial,
  pteIsUffdWp,
  pteMakeSoftDirty,
  pteMakeSwap,
  pteMakeSwpExclusive,
  pteMakeSwpUffdWp,
  ptePfn,
} from '../pgtable/pte.js';
import { FRAME_ANON, FRAME_EXCLUSIVE, FRAME_LAZYFREE, FRAME_MLOCKED } from '../phys/frames.js';
import { NO_SWAP } from '../phys/swap.js';
import { isHugeSlot, splitHuge } from './huge.js';
import { installMarker } from './marker.js';
import type { Mm } from './mm.js';
import { isPartOf, splitParts } from './split-parts.js';
import type { Vma } from './vma.js';
import { VM_LOCKED, VM_UFFD_WP } from './vma-flags.js';

/** Takes out what can go of `[start, end)`, at most `pagesMax`; answers how many went. */
export function pageOut(
  mm: Mm,
  vma: Vma,
  { start, end }: { start: number; end: number },
  pagesMax = Number.POSITIVE_INFINITY,
): number {
  let gone = 0;
  const shared = splitParts(mm, { start, end }, pagesMax);
  mm.visit(start, end, (first, addr, count) => {
    if (isHugeSlot(mm, first)) {
      const head = mm.load(first);
      if (pteIsSpecial(head) || isPartOf(shared, head)) return;
      splitHuge(mm, addr);
    }
    for (let i = 0; i < count && gone < pagesMax; i++) {
      if (isPartOf(shared, mm.load(slotAfter(first, i)))) continue;
      if (pageOutSlot(mm, vma, slotAfter(first, i), addr + i * PAGE_SIZE)) gone++;
    }
  });
  return gone;
}

/** Takes out up to `pages` pages of an address space, in order of address. */
export function reclaimFrom(mm: Mm, pages: number): number {
  let gone = 0;
  for (const vma of mm.vmas) {
    if (gone >= pages) break;
    if (!vma.has(VM_LOCKED)) gone += pageOut(mm, vma, vma, pages - gone);
  }
  return gone;
}

function pageOutSlot(mm: Mm, vma: Vma, slot: Slot, addr: number): boolean {
  const pte = mm.load(slot);
  if (!pteIsPresent(pte) || pteIsSpecial(pte)) return false;
  const { frames } = mm.memory;
  const pfn = ptePfn(pte);
  if (frames.maps(pfn) !== 1 || frames.has(pfn, FRAME_MLOCKED)) return false;
  return frames.has(pfn, FRAME_ANON)
    ? anonOut(mm, slot, addr, pte)
    : fileOut(mm, vma, slot, addr, pte);
}

function anonOut(mm: Mm, slot: Slot, addr: number, pte: Pte): boolean {
  const { frames } = mm.memory;
  const pfn = ptePfn(pte);
  if (frames.pins(pfn) > 0) return false;
  if (frames.has(pfn, FRAME_LAZYFREE) && !pteIsDirty(pte)) {
    mm.store(slot, addr, PTE_NONE);
    frames.removeMap(pfn);
    return true;
  }
  const swapSlot = slotFor(mm, pfn);
  if (swapSlot === NO_SWAP) return false;
  mm.store(slot, addr, swapEntry(mm, pte, swapSlot));
  frames.removeMap(pfn);
  mm.memory.swap.uncache(swapSlot);
  return true;
}

/** Where the page goes: the slot that the swap cache has for it, or a new one. */
function slotFor({ memory: { swap } }: Mm, pfn: Pfn): SwapSlot {
  const known = swap.slotOf(pfn);
  if (known === NO_SWAP) return swap.store(pfn);
  swap.share(known);
  return known;
}

function swapEntry({ memory: { frames } }: Mm, pte: Pte, slot: SwapSlot): Pte {
  let entry = pteMakeSwap(slot);
  if (frames.has(ptePfn(pte), FRAME_EXCLUSIVE)) entry = pteMakeSwpExclusive(entry);
  if (pteIsSoftDirty(pte)) entry = pteMakeSoftDirty(entry);
  return pteIsUffdWp(pte) ? pteMakeSwpUffdWp(entry) : entry;
}

/** A file's page leaves the entry and then the cache; its protection stays as a marker. */
function fileOut(mm: Mm, vma: Vma, slot: Slot, addr: number, pte: Pte): boolean {
  const { frames } = mm.memory;
  const pfn = ptePfn(pte);
  const keeps = pteIsUffdWp(pte) && vma.has(VM_UFFD_WP);
  if (pteIsDirty(pte)) frames.markDirty(pfn);
  frames.removeMap(pfn); // the cache still holds it
  const inode = vma.file?.inode;
  // A pinned page only leaves the mapping: the cache keeps it for whoever pinned it.
  const gone = frames.pins(pfn) > 0 || inode?.pageOut(vma.indexOf(addr), pteIsDirty(pte)) === true;
  if (gone) installMarker(mm, slot, addr, keeps ? MARKER_UFFD_WP : MARKER_NONE);
  else frames.addMap(pfn);
  return gone;
}
