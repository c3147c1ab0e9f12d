/**
 * Copying huge pages for fork: private ones become shared and read-only on both sides, whatever
 * promise there was stays with the parent.
 * Answers to: copy_hugetlb_page_range().
 */

import { type Failure, fail } from '../base/errno.js';
import { NO_SLOT, type Slot } from '../pgtable/arena.js';
import {
  MARKER_UFFD_WP,
  markerWithout,
  PTE_NONE,
  type Pte,
  pteClearUffdWp,
  pteClearWritable,
  pteIsPresent,
  pteIsUffdWp,
  pteMakeMarker,
  pteMarkerBits,
  ptePfn,
} from '../pgtable/pte.js';
import { FRAME_ANON, FRAME_EXCLUSIVE, NO_FRAME } from '../phys/frames.js';
import type { ForkPair } from './fork-pair.js';
import { adoptHugetlb, allocHugetlb, installHugetlb } from './hugetlb.js';
import { hugeSize, hugetlbInode, visitHugetlb } from './hugetlb-area.js';
import { isRwProtected, withoutRwProtection } from './protect.js';
import { VM_UFFD_RWP, VM_UFFD_WP } from './vma-flags.js';

/** Copies the entries of a hugetlb area to the child. */
export function copyHugetlb(pair: ForkPair): Failure | undefined {
  const { parent, child, from } = pair;
  let failure: Failure | undefined;
  visitHugetlb(parent, from, from, (slot, addr) => {
    if (failure !== undefined) return;
    const target = child.hugeSlotOrCreate(addr, hugeSize(from));
    if (target === NO_SLOT) failure = fail('ENOMEM', 'no memory for a page table of the child');
    else failure = copyEntry(pair, slot, { slot: target, addr });
  });
  return failure;
}

interface Target {
  readonly slot: Slot;
  readonly addr: number;
}

function copyEntry(pair: ForkPair, slot: Slot, target: Target): Failure | undefined {
  const pte = pair.parent.load(slot);
  if (pte === PTE_NONE) return undefined;
  if (pteIsPresent(pte)) return copyPresent(pair, slot, target);
  const bits = pteMarkerBits(pte);
  const kept = pair.to.has(VM_UFFD_WP) ? bits : markerWithout(bits, MARKER_UFFD_WP);
  pair.child.memory.tables.store(target.slot, pteMakeMarker(kept));
  return undefined;
}

function copyPresent(pair: ForkPair, slot: Slot, target: Target): Failure | undefined {
  const { parent, child, from } = pair;
  const { frames } = parent.memory;
  const pte = parent.load(slot);
  const pfn = ptePfn(pte);
  if (frames.pins(pfn) > 0 && frames.has(pfn, FRAME_EXCLUSIVE)) {
    return copyPinned(pair, pte, target);
  }
  if (frames.has(pfn, FRAME_ANON)) frames.clearFlag(pfn, FRAME_EXCLUSIVE);
  const kept = from.isCow ? pteClearWritable(pte) : pte;
  if (kept !== pte) parent.storeHuge(slot, target.addr, kept, hugeSize(from));
  frames.addMap(pfn);
  child.memory.tables.store(target.slot, protectionInChild(pair, kept));
  return undefined;
}

/** Whoever pinned the parent's page goes on with it: the child gets a copy of its own at once. */
function copyPinned({ child, to }: ForkPair, pte: Pte, target: Target): Failure | undefined {
  const pfn = allocHugetlb(to, to.indexOf(target.addr));
  if (pfn === NO_FRAME) return fail('ENOMEM', 'no huge page for a copy of a pinned one');
  hugetlbInode(to).pool.copy(ptePfn(pte), pfn);
  const place = { mm: child, vma: to, ...target };
  adoptHugetlb(place, pfn);
  const protection = pteIsUffdWp(pte) && to.has(VM_UFFD_WP) ? 'uffd-wp' : 'plain';
  installHugetlb(place, pfn, { access: 'write', protection });
  child.memory.frames.put(pfn);
  return undefined;
}

function protectionInChild({ child, from, to }: ForkPair, pte: Pte): Pte {
  if (!pteIsUffdWp(pte) || to.has(VM_UFFD_WP | VM_UFFD_RWP)) return pte;
  if (!isRwProtected(from, pte)) return pteClearUffdWp(pte);
  return pteClearWritable(withoutRwProtection(child, to, pte));
}
