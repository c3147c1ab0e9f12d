/**
 * What PAGEMAP_SCAN calls a page: PAGE_IS_* bits of one entry. Read only.
 * Answers to: pagemap_page_category().
 */

import type { Mm } from '../mm/mm.js';
import type { Vma } from '../mm/vma.js';
import { VM_UFFD_RWP, VM_UFFD_WP } from '../mm/vma-flags.js';
import {
  MARKER_GUARD,
  markerHas,
  type Pte,
  pteIsMarker,
  pteIsNone,
  pteIsPresent,
  pteIsSoftDirty,
  pteIsSpecial,
  pteIsUffdWp,
  pteIsWpInAnyForm,
  pteMarkerBits,
  pteNamesFrame,
  ptePfn,
} from '../pgtable/pte.js';
import { FRAME_ANON } from '../phys/frames.js';
import {
  PAGE_IS_ACCESSED,
  PAGE_IS_FILE,
  PAGE_IS_GUARD,
  PAGE_IS_HUGE,
  PAGE_IS_PFNZERO,
  PAGE_IS_PRESENT,
  PAGE_IS_SOFT_DIRTY,
  PAGE_IS_SWAPPED,
  PAGE_IS_WRITTEN,
} from '../uapi/pagemap.js';

/** Categories of the page at `addr`, whose page table exists. */
export function pageCategory(mm: Mm, vma: Vma, addr: number): number {
  const pte = mm.pte(addr);
  const written = countsAsWritten(mm, vma) && !pteIsWpInAnyForm(pte) ? PAGE_IS_WRITTEN : 0;
  if (pteIsNone(pte)) return mm.memory.profile.has('scanNoneWritten') ? written : 0;
  const soft = mm.memory.profile.config.softDirty && pteIsSoftDirty(pte) ? PAGE_IS_SOFT_DIRTY : 0;
  const seen =
    vma.has(VM_UFFD_RWP) && !pteIsUffdWp(pte) && !pteIsMarker(pte) ? PAGE_IS_ACCESSED : 0;
  return (
    written | soft | seen | (pteIsPresent(pte) ? presentCategory(mm, pte) : markerCategory(mm, pte))
  );
}

/** Categories of the pages that one huge entry at `addr` maps. */
export const hugeCategory = (mm: Mm, vma: Vma, addr: number): number =>
  pageCategory(mm, vma, addr) | PAGE_IS_HUGE;

/** Categories of the hugetlb page at `addr`, whose table exists: an empty one is never written. */
export const hugetlbCategory = (mm: Mm, vma: Vma, addr: number): number =>
  pteIsNone(mm.pte(addr)) ? PAGE_IS_HUGE : hugeCategory(mm, vma, addr);

/** Newer kernels say "written" only where protection could tell. */
const countsAsWritten = (mm: Mm, vma: Vma): boolean =>
  !mm.memory.profile.has('scanWrittenOnlyWp') || vma.has(VM_UFFD_WP);

function presentCategory(mm: Mm, pte: Pte): number {
  if (pteIsSpecial(pte)) return PAGE_IS_PRESENT | PAGE_IS_PFNZERO;
  const anon = mm.memory.frames.has(ptePfn(pte), FRAME_ANON);
  return PAGE_IS_PRESENT | (anon ? 0 : PAGE_IS_FILE);
}

function markerCategory(mm: Mm, pte: Pte): number {
  const guard = mm.memory.profile.has('scanGuard') && markerHas(pteMarkerBits(pte), MARKER_GUARD);
  const file = pteNamesFrame(pte) && !mm.memory.frames.has(ptePfn(pte), FRAME_ANON);
  return PAGE_IS_SWAPPED | (guard ? PAGE_IS_GUARD : 0) | (file ? PAGE_IS_FILE : 0);
}

/** Categories of pages without a page table. */
export const holeCategory = (mm: Mm, vma: Vma): number =>
  vma.has(VM_UFFD_WP) && mm.memory.profile.has('scanHoleWritten') ? PAGE_IS_WRITTEN : 0;
