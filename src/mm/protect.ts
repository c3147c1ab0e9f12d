/**
 * Changing protection in place: mprotect and userfaultfd write protection.
 * Write permission never comes back to a protected page, and elsewhere only where a store
 * would need nothing from the kernel.
 * Answers to: change_protection().
 */

import { type Failure, fail } from '../base/errno.js';
import { PAGE_SIZE } from '../base/page.js';
import { NO_SLOT, type Slot, slotAfter } from '../pgtable/arena.js';
import {
  MARKER_UFFD_WP,
  PTE_NONE,
  type Pte,
  pteClearMarker,
  pteClearProtNone,
  pteClearUffdWp,
  pteClearWritable,
  pteIsDirty,
  pteIsMarker,
  pteIsMigrationWrite,
  pteIsPresent,
  pteIsProtNone,
  pteIsSpecial,
  pteIsUffdWp,
  pteIsWritable,
  pteMakeMigrationRead,
  pteMakeProtNone,
  pteMakeSwpUffdWp,
  pteMakeUffdWp,
  pteMakeWritable,
  ptePfn,
} from '../pgtable/pte.js';
import { FRAME_ANON, FRAME_EXCLUSIVE } from '../phys/frames.js';
import { splitEnds } from './huge.js';
import { changeHugetlb, hugeSize } from './hugetlb-area.js';
import { installMarker } from './marker.js';
import type { Mm } from './mm.js';
import { awaitsSoftDirty } from './soft-dirty.js';
import type { Vma } from './vma.js';
import { VM_ACCESS, VM_UFFD_RWP, VM_WRITE } from './vma-flags.js';

type Change = (pte: Pte) => Pte;

/** A range of addresses. */
interface Span {
  readonly start: number;
  readonly end: number;
}

function changeRange(mm: Mm, vma: Vma, { start, end }: Span, change: Change): void {
  if (vma.isHugetlb) {
    changeHugetlb(mm, vma, { start, end }, change);
    return;
  }
  const { tables } = mm.memory;
  splitEnds(mm, start, end);
  mm.visit(start, end, (first, _addr, count) => {
    for (let i = 0; i < count; i++) {
      const slot = slotAfter(first, i);
      const pte = tables.load(slot);
      if (pte !== PTE_NONE) tables.store(slot, change(withoutMovingWrite(mm, pte)));
    }
  });
  mm.tlb.flushRange(start, end);
}

/** A page that is being moved comes back read-only after any change of protection. */
function withoutMovingWrite({ memory: { frames } }: Mm, pte: Pte): Pte {
  if (!pteIsMigrationWrite(pte)) return pte;
  const isPrivate = frames.has(ptePfn(pte), FRAME_ANON);
  return pteMakeMigrationRead(pte, isPrivate ? 'exclusive' : 'shared');
}

/** Brings the entries of `[start, end)` in line with the area's access rights. */
export function applyAccess(mm: Mm, vma: Vma, start: number, end: number): void {
  changeRange(mm, vma, { start, end }, (pte) => {
    if (!pteIsPresent(pte)) return pte;
    const hidden = !vma.has(VM_ACCESS) || isRwProtected(vma, pte);
    return hidden ? pteMakeProtNone(pte) : accessible(mm, vma, pte);
  });
}

/** A present page that its area's registration hides from every access. */
export const isRwProtected = (vma: Vma, pte: Pte): boolean =>
  vma.has(VM_UFFD_RWP) && pteIsPresent(pte) && pteIsUffdWp(pte);

/** A present entry with the permissions of its area. */
function accessible(mm: Mm, vma: Vma, pte: Pte): Pte {
  const readable = pteClearWritable(pteIsProtNone(pte) ? pteClearProtNone(pte) : pte);
  return vma.mapsWritable && !pteIsUffdWp(readable)
    ? pteMakeWritable(readable)
    : upgraded(mm, vma, readable);
}

/** An entry without read-write protection, as its area allows. */
export function withoutRwProtection(mm: Mm, vma: Vma, pte: Pte): Pte {
  const plain = pteClearUffdWp(pte);
  return pteIsPresent(pte) && vma.has(VM_ACCESS) ? accessible(mm, vma, plain) : plain;
}

/** Hides the present pages of `[start, end)`; empty slots and markers stay as they are. */
export function setUffdRwp(mm: Mm, vma: Vma, start: number, end: number): void {
  changeRange(mm, vma, { start, end }, (pte) => {
    if (pteIsPresent(pte)) return pteMakeProtNone(pteMakeUffdWp(pte));
    return pteIsMarker(pte) ? pte : pteMakeSwpUffdWp(pte);
  });
}

/** Gives the pages of `[start, end)` the permissions of their area back. */
export function clearUffdRwp(mm: Mm, vma: Vma, start: number, end: number): void {
  changeRange(mm, vma, { start, end }, (pte) =>
    pteIsUffdWp(pte) && !pteIsMarker(pte) ? withoutRwProtection(mm, vma, pte) : pte,
  );
}

/** The entry with write permission, if a store would need nothing but that bit. */
function upgraded(mm: Mm, vma: Vma, pte: Pte): Pte {
  const allowed =
    vma.has(VM_WRITE) &&
    !pteIsProtNone(pte) &&
    !pteIsUffdWp(pte) &&
    !pteIsWritable(pte) &&
    !awaitsSoftDirty(mm, vma, pte) &&
    (vma.isShared ? vma.tracksDirty && pteIsDirty(pte) : isExclusive(mm, pte));
  return allowed ? pteMakeWritable(pte) : pte;
}

function isExclusive(mm: Mm, pte: Pte): boolean {
  const { frames } = mm.memory;
  const pfn = ptePfn(pte);
  return !pteIsSpecial(pte) && frames.has(pfn, FRAME_ANON) && frames.has(pfn, FRAME_EXCLUSIVE);
}

/** Clears write protection in `[start, end)`: entries, side bits, markers. */
export function clearUffdWp(mm: Mm, vma: Vma, start: number, end: number): void {
  changeRange(mm, vma, { start, end }, (pte) => {
    if (pteIsPresent(pte)) {
      return pteIsUffdWp(pte) ? upgraded(mm, vma, pteClearUffdWp(pte)) : pte;
    }
    return pteIsMarker(pte) ? pteClearMarker(pte, MARKER_UFFD_WP) : pteClearUffdWp(pte);
  });
}

/** Write-protects `[start, end)`: pages, and empty slots where the area keeps markers. */
export function setUffdWp(mm: Mm, vma: Vma, start: number, end: number): Failure | undefined {
  if (vma.usesMarkers) {
    const mark = vma.isHugetlb ? markEmptyHuge : markEmpty;
    const failure = mark(mm, vma, { start, end });
    if (failure !== undefined) return failure;
  }
  changeRange(mm, vma, { start, end }, (pte) => {
    if (pteIsPresent(pte)) return pteMakeUffdWp(pte);
    return pteIsMarker(pte) ? pte : pteMakeSwpUffdWp(pte);
  });
  return undefined;
}

function markEmpty(mm: Mm, _vma: Vma, { start, end }: Span): Failure | undefined {
  for (let addr = start; addr < end; addr += PAGE_SIZE) {
    const slot = mm.slotOrCreate(addr);
    if (slot === NO_SLOT) return fail('ENOMEM', 'no memory for a page table');
    if (mm.load(slot) === PTE_NONE) installMarker(mm, slot, addr, MARKER_UFFD_WP);
  }
  return undefined;
}

function markEmptyHuge(mm: Mm, vma: Vma, { start, end }: Span): Failure | undefined {
  const size = hugeSize(vma);
  for (let addr = start; addr < end; addr += size) {
    const slot = mm.hugeSlotOrCreate(addr, size);
    if (slot === NO_SLOT) return fail('ENOMEM', 'no memory for a page table');
    if (mm.load(slot) === PTE_NONE) installMarker(mm, slot, addr, MARKER_UFFD_WP);
  }
  return undefined;
}

/** Write-protects one slot in whichever form it takes: bit, marker, or the side bit of an entry. */
export function protectSlot(mm: Mm, slot: Slot, addr: number): void {
  const pte = mm.load(slot);
  if (pte === PTE_NONE) installMarker(mm, slot, addr, MARKER_UFFD_WP);
  else mm.store(slot, addr, pteIsPresent(pte) ? pteMakeUffdWp(pte) : pteMakeSwpUffdWp(pte));
}
