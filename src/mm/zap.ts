/**
 * Zapping: clears a range of entries and drops the pages behind them.
 * What stays behind of a write protection, and which markers survive, is decided here alone.
 * Answers to: zap_page_range_single(), unmap_mapping_range().
 */

import { PAGE_SIZE } from '../base/page.js';
import { type Slot, slotAfter } from '../pgtable/arena.js';
import {
  MARKER_NONE,
  MARKER_POISONED,
  MARKER_UFFD_WP,
  type MarkerBits,
  markerWith,
  markerWithout,
  PTE_NONE,
  type Pte,
  pteIsDirty,
  pteIsHwpoison,
  pteIsMigration,
  pteIsPresent,
  pteIsSpecial,
  pteIsSwap,
  pteIsSwapinError,
  pteIsWpInAnyForm,
  pteMarkerBits,
  ptePfn,
  pteSwapSlot,
} from '../pgtable/pte.js';
import { FRAME_ANON } from '../phys/frames.js';
import { isHugeSlot, splitEnds } from './huge.js';
import { zapHugetlb } from './hugetlb-zap.js';
import { installMarker } from './marker.js';
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
  mm.memory.onPage?.({ kind: 'removal', mm, start, end });
  if (vma.isHugetlb) zapHugetlb(mm, vma, { start, end }, kind.dropsMarkers ? 'drop' : 'keep');
  else clearRange(mm, vma, { start, end }, kind);
}

/** As {@link zapRange} for pages whose content lives on in a copy. */
export function clearRange(
  mm: Mm,
  vma: Vma,
  { start, end }: { start: number; end: number },
  kind: ZapKind,
): void {
  splitEnds(mm, start, end);
  mm.visit(start, end, (first, addr, count) => {
    const huge = isHugeSlot(mm, first);
    for (let i = 0; i < count; i++) {
      zapSlot({ mm, vma, slot: slotAfter(first, i), addr: addr + i * PAGE_SIZE }, kind);
    }
    if (huge) mm.freeLeafTable(addr); // nothing is left where the huge entry was
  });
  mm.tlb.flushRange(start, end);
}

/** One entry of an area. */
interface Zapped {
  readonly mm: Mm;
  readonly vma: Vma;
  readonly slot: Slot;
  readonly addr: number;
}

function zapSlot({ mm, vma, slot, addr }: Zapped, kind: ZapKind): void {
  const pte = mm.load(slot);
  if (pte === PTE_NONE) return;
  if (pteIsPresent(pte)) {
    if (!goesWith(mm, vma, pte, kind)) return;
    if (!pteIsSpecial(pte)) dropPage(mm, pte);
  } else {
    if (entryStays(mm, vma, pte, kind)) return;
    if (pteIsSwap(pte)) mm.memory.swap.release(pteSwapSlot(pte));
  }
  const left = remainder(vma, pte, kind);
  if (left === MARKER_NONE) mm.memory.tables.store(slot, PTE_NONE);
  else installMarker(mm, slot, addr, left);
}

/** Drops a mapping; what was written through it is remembered by a file's page. */
function dropPage({ memory: { frames } }: Mm, pte: Pte): void {
  const pfn = ptePfn(pte);
  if (pteIsDirty(pte) && !frames.has(pfn, FRAME_ANON)) frames.markDirty(pfn);
  frames.removeMap(pfn);
}

/** Whether the page of an entry is in the scope of the zap. */
function goesWith(mm: Mm, vma: Vma, pte: Pte, kind: ZapKind): boolean {
  if (kind.evenCows || vma.isAnonymous || pteIsSpecial(pte)) return true;
  return !mm.memory.frames.has(ptePfn(pte), FRAME_ANON);
}

/** Whether an entry without a page survives the zap. */
function entryStays(mm: Mm, vma: Vma, pte: Pte, kind: ZapKind): boolean {
  if (kind.dropsMarkers) return false;
  if (pteIsHwpoison(pte)) return !kind.evenCows;
  if (pteIsMigration(pte)) return !goesWith(mm, vma, pte, kind);
  if (pteIsSwap(pte)) return !kind.evenCows && !vma.isAnonymous;
  if (pteIsSwapinError(pte)) return !kind.evenCows;
  const bits = pteMarkerBits(pte);
  return markerAfter(vma, bits, kind) === bits;
}

/** The bits of a marker that a zap leaves: poison goes with the content, a guard never does. */
function markerAfter(vma: Vma, bits: MarkerBits, kind: ZapKind): MarkerBits {
  const left = kind.evenCows ? markerWithout(bits, MARKER_POISONED) : bits;
  return vma.isAnonymous ? markerWithout(left, MARKER_UFFD_WP) : left;
}

/** What an emptied slot keeps: the protection of a file page that may come back. */
function remainder(vma: Vma, pte: Pte, kind: ZapKind): MarkerBits {
  if (kind.dropsMarkers) return MARKER_NONE;
  const left = markerAfter(vma, pteMarkerBits(pte), kind);
  const keeps = !vma.isAnonymous && vma.has(VM_UFFD_WP) && pteIsWpInAnyForm(pte);
  return keeps ? markerWith(left, MARKER_UFFD_WP) : left;
}
