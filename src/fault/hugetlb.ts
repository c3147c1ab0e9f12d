/**
 * Faults on huge pages: a missing one comes from the file or the pool, a private one is copied on
 * write. A pool that is empty is SIGBUS, unless the pages of children can be taken back.
 * Answers to: hugetlb_fault(), hugetlb_no_page().
 */

import type { Pfn } from '../base/brand.js';
import { KernelHangError } from '../base/kernel-hang.js';
import { adoptHugetlb, allocHugetlb, allocHugetlbZeroed, installHugetlb } from '../mm/hugetlb.js';
import { hugeSize, hugetlbInode } from '../mm/hugetlb-area.js';
import { takeBack } from '../mm/hugetlb-steal.js';
import type { Place, Protection } from '../mm/install.js';
import type { Mm } from '../mm/mm.js';
import type { Vma } from '../mm/vma.js';
import { VM_SHARED, VM_UFFD_MINOR, VM_UFFD_WP } from '../mm/vma-flags.js';
import { NO_SLOT } from '../pgtable/arena.js';
import {
  MARKER_POISONED,
  MARKER_UFFD_WP,
  markerHas,
  pteClearUffdWp,
  pteClearWritable,
  pteIsPresent,
  pteIsUffdWp,
  pteIsWritable,
  pteMakeDirty,
  pteMakeUffdWp,
  pteMakeWritable,
  pteMarkerBits,
  ptePfn,
} from '../pgtable/pte.js';
import { FRAME_ANON, FRAME_EXCLUSIVE, NO_FRAME } from '../phys/frames.js';
import type { FaultOutcome } from './outcome.js';

/** Makes one attempt to satisfy an access to a hugetlb area. */
export function hugetlbFault(mm: Mm, vma: Vma, addr: number, write: boolean): FaultOutcome {
  const page = vma.pageStart(addr);
  const slot = mm.hugeSlotOrCreate(page, hugeSize(vma));
  if (slot === NO_SLOT) return 'oom';
  const place: Place = { mm, vma, slot, addr: page };
  const pte = mm.load(slot);
  if (pteIsPresent(pte)) return write ? writeFault(place) : 'mapped';
  const bits = pteMarkerBits(pte);
  if (markerHas(bits, MARKER_POISONED)) return 'hwpoison';
  return missing(place, markerHas(bits, MARKER_UFFD_WP) ? 'uffd-wp' : 'plain', write);
}

function missing(place: Place, protection: Protection, write: boolean): FaultOutcome {
  const { vma, addr } = place;
  if (vma.lostPages) return 'sigbus';
  const inode = hugetlbInode(vma);
  const index = vma.indexOf(addr);
  const cached = inode.lookup(index);
  if (cached !== NO_FRAME) {
    if (vma.has(VM_UFFD_MINOR)) return 'minor';
    installHugetlb(place, cached, { access: vma.isShared ? 'write' : 'read', protection });
  } else {
    if (index >= inode.sizePages) return 'sigbus';
    if (vma.catchesMissing) return 'missing';
    const made = vma.isShared ? makeShared(place, protection) : makePrivate(place, protection);
    if (!made) return 'sigbus';
  }
  const copies = write && !vma.has(VM_SHARED) && protection === 'plain';
  return copies ? ownHugetlb(place, 'write') : 'mapped';
}

function makeShared(place: Place, protection: Protection): boolean {
  const pfn = hugetlbInode(place.vma).addZeroed(place.vma.indexOf(place.addr));
  if (pfn === NO_FRAME) return false;
  installHugetlb(place, pfn, { access: 'write', protection });
  return true;
}

function makePrivate(place: Place, protection: Protection): boolean {
  const { mm, vma, addr } = place;
  const pfn = allocHugetlbZeroed(vma, vma.indexOf(addr));
  if (pfn === NO_FRAME) return false;
  adoptHugetlb(place, pfn);
  installHugetlb(place, pfn, { access: 'read', protection });
  mm.memory.frames.put(pfn);
  return true;
}

/** A write to a page that is there: the userfaultfd first, then a copy or write permission. */
function writeFault(place: Place): FaultOutcome {
  const { mm, vma, slot, addr } = place;
  const pte = mm.load(slot);
  if (pteIsWritable(pte)) return 'mapped';
  if (pteIsUffdWp(pte)) {
    if (!vma.has(VM_UFFD_WP)) throw staleProtection();
    if (vma.uffd?.wpAsync !== true) return 'wp';
    mm.storeHuge(slot, addr, pteClearUffdWp(pte), hugeSize(vma));
  }
  return vma.isShared ? grantWrite(place) : ownHugetlb(place, 'write');
}

const staleProtection = (): KernelHangError =>
  new KernelHangError(
    'a write to a huge page that was protected before its area lost MODE_WP',
    'the fault neither tells anybody nor grants the write, and is tried again',
  );

function grantWrite({ mm, vma, slot, addr }: Place): FaultOutcome {
  const pte = pteMakeDirty(pteMakeWritable(mm.load(slot)));
  mm.storeHuge(slot, addr, pte, hugeSize(vma));
  return 'mapped';
}

/** What a private area wants its own page for: `pin` keeps it read-only, and its protection. */
type Want = 'write' | 'pin';

/** Makes the present page of a private area its own: the last who has it keeps it. */
export function ownHugetlb(place: Place, want: Want): FaultOutcome {
  const { mm, vma, slot } = place;
  const { frames } = mm.memory;
  const from = ptePfn(mm.load(slot));
  const anon = frames.has(from, FRAME_ANON);
  if (anon && frames.maps(from) === 1) return reuse(place, want);
  const cowFromOwner = anon && vma.promise !== undefined;
  const pfn = allocHugetlb(vma, vma.indexOf(place.addr), cowFromOwner ? 'replacement' : 'first');
  if (pfn !== NO_FRAME) {
    copyTo(place, pfn, want);
    return 'mapped';
  }
  return cowFromOwner && takeBack(vma, place.addr, from) ? reuse(place, want) : 'sigbus';
}

function reuse(place: Place, want: Want): FaultOutcome {
  const { mm, slot } = place;
  mm.memory.frames.setFlag(ptePfn(mm.load(slot)), FRAME_EXCLUSIVE);
  return want === 'write' ? grantWrite(place) : 'mapped';
}

function copyTo(place: Place, pfn: Pfn, want: Want): void {
  const { mm, vma, slot, addr } = place;
  const { frames } = mm.memory;
  const old = mm.load(slot);
  hugetlbInode(vma).pool.copy(ptePfn(old), pfn);
  frames.removeMap(ptePfn(old));
  adoptHugetlb(place, pfn);
  installHugetlb(place, pfn, { access: 'write', protection: 'plain' });
  frames.put(pfn);
  if (want === 'write') return;
  const copy = pteClearWritable(mm.load(slot));
  const kept = pteIsUffdWp(old) ? pteMakeUffdWp(copy) : copy;
  mm.storeHuge(slot, addr, kept, hugeSize(vma));
}
