/**
 * A write to a present entry without write permission: tell, copy, or grant.
 * The userfaultfd comes first: a copy is made only of a page that nobody protects.
 * Answers to: do_wp_page().
 */

import type { Pfn } from '../base/brand.js';
import { framesOf, isOurs } from '../mm/folio.js';
import { isHuge, splitHuge } from '../mm/huge.js';
import { installAnon, type Place } from '../mm/install.js';
import { isMerged } from '../mm/ksm-page.js';
import type { Mm } from '../mm/mm.js';
import { written } from '../mm/soft-dirty.js';
import type { Vma } from '../mm/vma.js';
import { VM_UFFD_WP } from '../mm/vma-flags.js';
import {
  type Pte,
  pteClearUffdWp,
  pteClearWritable,
  pteIsSpecial,
  pteIsUffdWp,
  pteIsWritable,
  pteMakeUffdWp,
  pteMakeWritable,
  ptePfn,
} from '../pgtable/pte.js';
import { FRAME_ANON, FRAME_EXCLUSIVE, FRAME_LARGE, NO_FRAME } from '../phys/frames.js';
import { hugeWriteFault, reuseHuge } from './huge-fault.js';
import { ownHugetlb } from './hugetlb.js';
import type { FaultOutcome } from './outcome.js';

/** Resolves a write fault on a present page. */
export function writeFault(mm: Mm, vma: Vma, page: number): FaultOutcome {
  if (isHuge(mm, page)) {
    const outcome = hugeWriteFault(mm, vma, page);
    if (outcome !== 'split') return outcome;
    splitHuge(mm, page);
  }
  const slot = mm.slot(page);
  const place: Place = { mm, vma, slot, addr: page };
  let pte = mm.load(slot);
  if (pteIsWritable(pte)) return 'mapped';
  if (pteIsUffdWp(pte) && vma.has(VM_UFFD_WP)) {
    if (vma.uffd?.wpAsync !== true) return 'wp';
    pte = pteClearUffdWp(pte);
    mm.store(slot, page, pte);
  }
  if (vma.isShared || isReusable(mm, pte)) {
    grantWrite(place, pte);
    return 'mapped';
  }
  return breakCow(place, pte);
}

/** Whether the only way to the page is this entry; then it becomes exclusive again. */
function isReusable(mm: Mm, pte: Pte): boolean {
  if (pteIsSpecial(pte)) return false;
  const { frames } = mm.memory;
  const pfn = ptePfn(pte);
  if (!frames.has(pfn, FRAME_ANON) || isMerged(frames, pfn)) return false;
  if (!frames.has(pfn, FRAME_EXCLUSIVE) && !isLastUser(mm, pfn)) return false;
  frames.setFlag(pfn, FRAME_EXCLUSIVE);
  return true;
}

/** Of a huge page, older kernels count all users together. */
function isLastUser(mm: Mm, pfn: Pfn): boolean {
  const { frames, profile } = mm.memory;
  if (!frames.has(pfn, FRAME_LARGE)) return frames.refs(pfn) === 1;
  if (profile.has('hugePageReuse')) return isOurs(mm, pfn);
  return framesOf(frames, pfn).length === 1 && frames.refs(pfn) === 1;
}

function grantWrite({ mm, vma, slot, addr }: Place, pte: Pte): void {
  if (vma.tracksDirty) mm.memory.frames.markDirty(ptePfn(pte));
  mm.store(slot, addr, written(mm, pteMakeWritable(pte)));
}

function breakCow(place: Place, pte: Pte): FaultOutcome {
  const { frames } = place.mm.memory;
  const pfn = pteIsSpecial(pte) ? frames.allocZeroed() : copyOf(place.mm, ptePfn(pte));
  if (pfn === NO_FRAME) return 'oom';
  if (!pteIsSpecial(pte)) frames.removeMap(ptePfn(pte));
  installAnon(place, pfn, 'plain');
  frames.put(pfn);
  return 'mapped';
}

function copyOf(mm: Mm, from: Pfn): Pfn {
  const pfn = mm.memory.frames.alloc();
  if (pfn !== NO_FRAME) mm.memory.frames.copy(from, pfn);
  return pfn;
}

/**
 * Gives a mapping its own copy of an anonymous page that others share, without making it writable:
 * what pinning for reading asks for. Keeps a protection.
 */
export function unshare(mm: Mm, vma: Vma, page: number): FaultOutcome {
  const pte = mm.pte(page);
  if (vma.isHugetlb) return unshareHuge(mm, vma, page);
  const isAnon = !pteIsSpecial(pte) && mm.memory.frames.has(ptePfn(pte), FRAME_ANON);
  return vma.isShared || !isAnon ? 'mapped' : ownCopy(mm, vma, page);
}

function unshareHuge(mm: Mm, vma: Vma, page: number): FaultOutcome {
  const pfn = ptePfn(mm.pte(page));
  const { frames } = mm.memory;
  const isOwn = !frames.has(pfn, FRAME_ANON) || frames.has(pfn, FRAME_EXCLUSIVE);
  if (vma.isShared || isOwn) return 'mapped';
  return ownHugetlb({ mm, vma, slot: mm.slot(page), addr: vma.pageStart(page) }, 'pin');
}

/** Makes the present page of a private mapping its own, whatever it was, and read-only. */
export function ownCopy(mm: Mm, vma: Vma, page: number): FaultOutcome {
  if (isHuge(mm, page) && reuseHuge(mm, page)) return 'mapped';
  splitHuge(mm, page);
  const slot = mm.slot(page);
  const pte = mm.load(slot);
  if (isReusable(mm, pte)) return 'mapped';
  const outcome = breakCow({ mm, vma, slot, addr: page }, pte);
  if (outcome !== 'mapped') return outcome;
  const copy = pteClearWritable(mm.load(slot));
  mm.store(slot, page, pteIsUffdWp(pte) ? pteMakeUffdWp(copy) : copy);
  return 'mapped';
}
