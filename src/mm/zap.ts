/**
 * Zapping: clears a range of entries and drops the pages behind them.
 * What stays behind of a write protection, and which markers survive, is decided here alone.
 * Answers to: zap_page_range_single(), unmap_mapping_range().
 */

import { type Slot, slotAfter } from '../pgtable/arena.js';
import {
  MARKER_GUARD,
  MARKER_POISONED,
  MARKER_UFFD_WP,
  markerHas,
  PTE_NONE,
  type Pte,
  pteIsDirty,
  pteIsPresent,
  pteIsSpecial,
  pteIsSwap,
  pteIsSwapinError,
  pteIsWpInAnyForm,
  pteMakeMarker,
  pteMarkerBits,
  ptePfn,
  pteSwapSlot,
} from '../pgtable/pte.js';
import { FRAME_ANON } from '../phys/frames.js';
import { isHugeSlot, splitEnds } from './huge.js';
import type { Mm } from './mm.js';
import type { Vma } from './vma.js';
import { VM_UFFD_WP } from './vma-flags.js';

/** How thorough a zap is. */
export interface ZapKind {
  /** Markers go too: the area itself goes. */
  readonly dropsMarkers: boolean;
  /** Private copies and poison go too, not only pages of the file. */
  readonly evenCows: boolean;
}

/** The area goes: munmap, exec, exit. */
export const ZAP_TEARDOWN: ZapKind = { dropsMarkers: true, evenCows: true };
/** The content goes: MADV_DONTNEED, truncation. */
export const ZAP_CONTENT: ZapKind = { dropsMarkers: false, evenCows: true };
/** The file's content goes: a punched hole. */
export const ZAP_HOLE: ZapKind = { dropsMarkers: false, evenCows: false };

/** Zaps `[start, end)` of an area and forgets its translations. */
export function zapRange(mm: Mm, vma: Vma, start: number, end: number, kind: ZapKind): void {
  splitEnds(mm, start, end);
  mm.visit(start, end, (first, addr, count) => {
    const huge = isHugeSlot(mm, first);
    for (let i = 0; i < count; i++) zapSlot(mm, vma, slotAfter(first, i), kind);
    if (huge) mm.freeLeafTable(addr); // nothing is left where the huge entry was
  });
  mm.tlb.flushRange(start, end);
}

function zapSlot(mm: Mm, vma: Vma, slot: Slot, kind: ZapKind): void {
  const pte = mm.load(slot);
  if (pte === PTE_NONE) return;
  if (pteIsPresent(pte)) {
    if (!goesWith(mm, vma, pte, kind)) return;
    if (!pteIsSpecial(pte)) dropPage(mm, pte);
  } else {
    if (entryStays(vma, pte, kind)) return;
    if (pteIsSwap(pte)) mm.memory.swap.release(pteSwapSlot(pte));
  }
  mm.memory.tables.store(slot, remainder(vma, pte, kind));
}

/** Drops a mapping; what was written through it is remembered by a file's page. */
function dropPage({ memory: { frames } }: Mm, pte: Pte): void {
  const pfn = ptePfn(pte);
  if (pteIsDirty(pte) && !frames.has(pfn, FRAME_ANON)) frames.markDirty(pfn);
  frames.removeMap(pfn);
}

/** Whether a present entry is in the scope of the zap. */
function goesWith(mm: Mm, vma: Vma, pte: Pte, kind: ZapKind): boolean {
  if (kind.evenCows || vma.isAnonymous || pteIsSpecial(pte)) return true;
  return !mm.memory.frames.has(ptePfn(pte), FRAME_ANON);
}

/** Whether an entry without a page survives the zap. */
function entryStays(vma: Vma, pte: Pte, kind: ZapKind): boolean {
  if (kind.dropsMarkers) return false;
  if (pteIsSwap(pte)) return !kind.evenCows && !vma.isAnonymous;
  if (pteIsSwapinError(pte)) return !kind.evenCows;
  const bits = pteMarkerBits(pte);
  if (markerHas(bits, MARKER_POISONED)) return !kind.evenCows;
  return markerHas(bits, MARKER_GUARD) || !vma.isAnonymous;
}

/** What an emptied slot keeps: the protection of a file page that may come back. */
function remainder(vma: Vma, pte: Pte, kind: ZapKind): Pte {
  const keeps = !kind.dropsMarkers && !vma.isAnonymous && vma.has(VM_UFFD_WP);
  return keeps && pteIsWpInAnyForm(pte) ? pteMakeMarker(MARKER_UFFD_WP) : PTE_NONE;
}
