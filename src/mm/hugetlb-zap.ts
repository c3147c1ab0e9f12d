/**
 * Zapping huge pages. A protection stays behind as a marker whatever the area is registered for;
 * private copies go with every zap; a private page that goes renews the promise of its area.
 * Answers to: __unmap_hugepage_range().
 */

import {
  MARKER_UFFD_WP,
  PTE_NONE,
  type Pte,
  pteIsPresent,
  pteIsWpInAnyForm,
  pteMakeMarker,
  ptePfn,
} from '../pgtable/pte.js';
import { FRAME_ANON } from '../phys/frames.js';
import { hugeSize, hugetlbInode, visitHugetlb } from './hugetlb-area.js';
import type { Mm } from './mm.js';
import type { Vma } from './vma.js';

/** Zaps the huge pages of `[start, end)`, which is aligned. */
export function zapHugetlb(
  mm: Mm,
  vma: Vma,
  range: { start: number; end: number },
  markers: 'drop' | 'keep',
): void {
  const size = hugeSize(vma);
  visitHugetlb(mm, vma, range, (slot, addr) => {
    const pte = mm.load(slot);
    if (pte === PTE_NONE) return;
    const keeps = markers === 'keep' && pteIsWpInAnyForm(pte);
    mm.storeHuge(slot, addr, keeps ? pteMakeMarker(MARKER_UFFD_WP) : PTE_NONE, size);
    if (pteIsPresent(pte)) dropPage(mm, vma, vma.indexOf(addr), pte);
  });
}

function dropPage({ memory: { frames } }: Mm, vma: Vma, index: number, pte: Pte): void {
  const pfn = ptePfn(pte);
  const renews = vma.promise !== undefined && frames.has(pfn, FRAME_ANON) && frames.maps(pfn) === 1;
  if (renews) {
    vma.promise?.renew(index);
    hugetlbInode(vma).pool.renew(pfn);
  }
  frames.removeMap(pfn);
}

/** The area is gone: nobody is promised its pages any more. */
export function dropPromise(vma: Vma): void {
  vma.promise?.drop(vma.pgoff, vma.indexOf(vma.end));
}
