/**
 * Copying page tables for fork: what a page fault could not rebuild in the child.
 * Private pages become shared and read-only on both sides; protection stays with a child
 * that is registered for it; error markers always go along.
 * Answers to: copy_page_range().
 */

import type { Pfn } from '../base/brand.js';
import { type Failure, fail } from '../base/errno.js';
import { PAGE_SIZE } from '../base/page.js';
import { NO_SLOT, type Slot, slotAfter } from '../pgtable/arena.js';
import {
  MARKER_UFFD_WP,
  PTE_NONE,
  type Pte,
  pteClearAccessed,
  pteClearDirty,
  pteClearMarker,
  pteClearSwpExclusive,
  pteClearUffdWp,
  pteClearWritable,
  pteIsMigration,
  pteIsPresent,
  pteIsSpecial,
  pteIsSwap,
  pteIsSwapinError,
  pteIsUffdWp,
  pteMakeMigrationRead,
  pteMakeUffdWp,
  pteNamesFrame,
  ptePfn,
  pteSwapSlot,
} from '../pgtable/pte.js';
import { FRAME_ANON, FRAME_EXCLUSIVE, type Frames, NO_FRAME } from '../phys/frames.js';
import { isPinnedAnywhere } from './folio.js';
import type { ForkPair } from './fork-pair.js';
import { isHugeSlot, splitHuge } from './huge.js';
import { copyHugetlb } from './hugetlb-fork.js';
import { entryFor, maybeWritable } from './install.js';
import { isRwProtected, withoutRwProtection } from './protect.js';
import { prepareAnonVma } from './rmap.js';
import { written } from './soft-dirty.js';
import { VM_MAYBE_GUARD, VM_UFFD_RWP, VM_UFFD_WP } from './vma-flags.js';

/** Whether the child could not rebuild this area's entries by faulting. */
export function needsCopy({ parent, from, to }: ForkPair): boolean {
  const { profile } = parent.memory;
  if (to.has(VM_UFFD_WP | VM_UFFD_RWP) && profile.has('forkCopiesWpVma')) return true;
  if (from.isHugetlb && profile.has('forkCopiesSharedHugetlb')) return true;
  return from.anonVma !== undefined || from.has(VM_MAYBE_GUARD);
}

/** Copies the entries of an area to the child. */
export function copyEntries(pair: ForkPair): Failure | undefined {
  const { parent, child, from } = pair;
  if (from.isHugetlb) return copyHugetlb(pair);
  let failure: Failure | undefined;
  parent.visit(from.start, from.end, (first, addr, count) => {
    if (child.slotOrCreate(addr) === NO_SLOT) failure = noTable();
    splitPinned(pair, first, addr);
    for (let i = 0; i < count && failure === undefined; i++) {
      const slot = slotAfter(first, i);
      const pte = parent.load(slot);
      if (pte === PTE_NONE) continue;
      const copied = copyEntry(pair, slot, pte);
      if (copied === PTE_NONE) continue;
      const target = child.slotOrCreate(addr + i * PAGE_SIZE);
      if (target === NO_SLOT) failure = noTable();
      else share(pair, copied, target);
    }
    if (failure === undefined && isHugeSlot(parent, first)) {
      child.memory.tables.setHuge(child.leaf(addr));
    }
  });
  parent.tlb.flushRange(from.start, from.end);
  return failure;
}

const noTable = (): Failure => fail('ENOMEM', 'no memory for a page table of the child');

function copyEntry(pair: ForkPair, slot: Slot, pte: Pte): Pte {
  if (pteIsPresent(pte)) return copyPresent(pair, slot, pte);
  if (pteIsSwap(pte)) return copySwap(pair, slot, pte);
  if (pteNamesFrame(pte)) return copyMoving(pair, slot, pte);
  return pteIsSwapinError(pte) ? protectedAs(pair, pte) : copyMarker(pair, pte);
}

/** Counts the child's mapping and stores it. */
function share({ child }: ForkPair, pte: Pte, target: Slot): void {
  const { frames, swap } = child.memory;
  if (pteIsSwap(pte)) swap.share(pteSwapSlot(pte));
  else if (pteIsPresent(pte) && !pteIsSpecial(pte)) {
    const pfn = ptePfn(pte);
    const isFresh = frames.maps(pfn) === 0; // a copy that nobody else holds
    frames.addMap(pfn);
    if (isFresh) frames.put(pfn);
  }
  child.memory.tables.store(target, pte);
}

function copyPresent({ parent, child, from, to }: ForkPair, slot: Slot, pte: Pte): Pte {
  const { frames, tables } = parent.memory;
  const pfn = ptePfn(pte);
  if (from.isCow && isPinned(frames, pfn)) return copyPinned({ parent, child, from, to }, pte);
  let kept = pte;
  if (!pteIsSpecial(pte) && frames.has(pfn, FRAME_ANON)) frames.clearFlag(pfn, FRAME_EXCLUSIVE);
  if (from.isCow) kept = pteClearWritable(pte);
  if (kept !== pte) tables.store(slot, kept);
  let copied = pteClearAccessed(kept);
  if (from.isShared) copied = pteClearDirty(copied);
  if (!pteIsUffdWp(copied)) return copied;
  if (isRwProtected(from, kept) && !to.has(VM_UFFD_RWP)) {
    return pteClearWritable(withoutRwProtection(child, to, copied));
  }
  return to.has(VM_UFFD_WP | VM_UFFD_RWP) ? copied : pteClearUffdWp(copied);
}

const isPinned = (frames: Frames, pfn: Pfn): boolean =>
  frames.has(pfn, FRAME_EXCLUSIVE) && isPinnedAnywhere(frames, pfn);

/** A huge page that must be copied at once is copied page by page. */
function splitPinned({ parent, from }: ForkPair, first: Slot, addr: number): void {
  const pte = parent.load(first);
  if (!isHugeSlot(parent, first) || pteIsSpecial(pte) || !from.isCow) return;
  if (isPinned(parent.memory.frames, ptePfn(pte))) splitHuge(parent, addr);
}

/** Whoever pinned the parent's page goes on with it: the child gets a copy of its own at once. */
function copyPinned({ child, to }: ForkPair, pte: Pte): Pte {
  const { frames } = child.memory;
  const from = ptePfn(pte);
  const pfn = frames.alloc();
  if (pfn === NO_FRAME) return PTE_NONE;
  frames.copy(from, pfn);
  frames.setFlag(pfn, FRAME_ANON | FRAME_EXCLUSIVE);
  frames.setOwner(pfn, prepareAnonVma(child, to), frames.ownerIndex(from));
  const plain = written(child, maybeWritable(to, entryFor(child, to, pfn)));
  return pteIsUffdWp(pte) && to.has(VM_UFFD_WP) ? pteMakeUffdWp(plain) : plain;
}

/** Both sides share the slot from now on. */
function copySwap(pair: ForkPair, slot: Slot, pte: Pte): Pte {
  const { parent } = pair;
  const shared = pteClearSwpExclusive(pte);
  if (shared !== pte) parent.memory.tables.store(slot, shared);
  return protectedAs(pair, shared);
}

/** An entry without a page: its protection goes to a child that is registered alone. */
const protectedAs = ({ to }: ForkPair, pte: Pte): Pte =>
  to.has(VM_UFFD_WP | VM_UFFD_RWP) ? pte : pteClearUffdWp(pte);

/** A private page that is being moved will come back shared and read-only on both sides. */
function copyMoving(pair: ForkPair, slot: Slot, pte: Pte): Pte {
  const shares = pteIsMigration(pte) && pair.from.isCow;
  const shared = shares ? pteMakeMigrationRead(pte, 'shared') : pte;
  if (shared !== pte) pair.parent.memory.tables.store(slot, shared);
  return protectedAs(pair, shared);
}

/** Errors go along; protection only to a child that is registered for it. */
function copyMarker({ to, parent }: ForkPair, pte: Pte): Pte {
  if (to.has(VM_UFFD_WP)) return pteClearUffdWp(pte);
  if (parent.memory.profile.has('forkLosesMarkers')) return PTE_NONE;
  return pteClearUffdWp(pteClearMarker(pte, MARKER_UFFD_WP));
}
