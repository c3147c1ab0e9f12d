/**
 * Guard regions: pages that no access gets through, without an area of their own.
 * Installing drops what is there; removing leaves an empty slot.
 * Answers to: madvise_guard_install(), madvise_guard_remove().
 */

import { type Failure, fail } from '../base/errno.js';
import { KernelHangError } from '../base/kernel-hang.js';
import { PAGE_SIZE } from '../base/page.js';
import { NO_SLOT, slotAfter } from '../pgtable/arena.js';
import {
  MARKER_GUARD,
  markerHas,
  PTE_NONE,
  pteClearMarker,
  pteIsWpInAnyForm,
  pteMarkerBits,
} from '../pgtable/pte.js';
import { installMarker } from './marker.js';
import type { Mm } from './mm.js';
import { prepareAnonVma } from './rmap.js';
import type { Vma } from './vma.js';
import { VM_MAYBE_GUARD, VM_UFFD_WP } from './vma-flags.js';
import { ZAP_CONTENT, zapRange } from './zap.js';

/** Turns every page of `[start, end)` into a guard; what was there is lost. */
export function installGuards(mm: Mm, vma: Vma, start: number, end: number): Failure | undefined {
  refuseLivelock(mm, vma, start, end);
  const flagged = mm.memory.profile.has('guardVmFlag');
  if (flagged) vma.flags |= VM_MAYBE_GUARD;
  // An owner, or else the flag, makes fork copy the page tables of this area.
  if (!flagged || vma.isAnonymous) prepareAnonVma(mm, vma);
  zapRange(mm, vma, start, end, ZAP_CONTENT);
  for (let addr = start; addr < end; addr += PAGE_SIZE) {
    const slot = mm.slotOrCreate(addr);
    if (slot === NO_SLOT) return fail('ENOMEM', 'no memory for a page table');
    if (mm.load(slot) === PTE_NONE) installMarker(mm, slot, addr, MARKER_GUARD);
  }
  return undefined;
}

/** A protected file page leaves a marker when it goes, which is neither empty nor a guard. */
function refuseLivelock(mm: Mm, vma: Vma, start: number, end: number): void {
  if (vma.isAnonymous || !vma.has(VM_UFFD_WP)) return;
  mm.visit(start, end, (first, _addr, count) => {
    for (let i = 0; i < count; i++) {
      const pte = mm.load(slotAfter(first, i));
      if (!pteIsWpInAnyForm(pte) || markerHas(pteMarkerBits(pte), MARKER_GUARD)) continue;
      throw new KernelHangError(
        'MADV_GUARD_INSTALL over write-protected file pages',
        'each page leaves a uffd-wp marker, which is neither none nor a guard, and is tried again',
      );
    }
  });
}

/** Takes guards off `[start, end)`; everything else stays. */
export function removeGuards(mm: Mm, start: number, end: number): void {
  mm.visit(start, end, (first, addr, count) => {
    for (let i = 0; i < count; i++) {
      const slot = slotAfter(first, i);
      const pte = mm.load(slot);
      const without = pteClearMarker(pte, MARKER_GUARD);
      if (without !== pte) mm.store(slot, addr + i * PAGE_SIZE, without);
    }
  });
}
