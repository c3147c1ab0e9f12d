/**
 * Bringing a swapped page back: protection and soft-dirty come from the entry, write permission
 * only where the page belongs to nobody else and is not protected.
 * Answers to: do_swap_page().
 */

import type { Pfn } from '../base/brand.js';
import { entryFor, type Place } from '../mm/install.js';
import type { Mm } from '../mm/mm.js';
import { prepareAnonVma } from '../mm/rmap.js';
import { awaitsSoftDirty, written } from '../mm/soft-dirty.js';
import type { Vma } from '../mm/vma.js';
import { VM_UFFD_RWP, VM_UFFD_WP, VM_WRITE } from '../mm/vma-flags.js';
import {
  type Pte,
  pteIsSoftDirty,
  pteIsSwpExclusive,
  pteIsUffdWp,
  pteMakeProtNone,
  pteMakeSoftDirty,
  pteMakeUffdWp,
  pteMakeWritable,
  pteSwapSlot,
} from '../pgtable/pte.js';
import { FRAME_ANON, FRAME_EXCLUSIVE, FRAME_HWPOISON, NO_FRAME } from '../phys/frames.js';
import type { FaultOutcome } from './outcome.js';

/** Swaps the page of a slot in; on an I/O error the entry stays. */
export function swapIn(place: Place, write: boolean): FaultOutcome {
  const { mm, slot, addr } = place;
  const { swap, frames } = mm.memory;
  const entry = mm.load(slot);
  const page = fetch(place, entry);
  if (typeof page === 'string') return page;
  const { pfn, exclusive } = page;
  if (exclusive) frames.setFlag(pfn, FRAME_EXCLUSIVE);
  frames.addMap(pfn);
  mm.store(slot, addr, rebuilt(place, entry, pfn, exclusive && write));
  const grants = write || mm.memory.profile.has('swapInGrantsWrite');
  if (exclusive && grants) grantWrite(place);
  frames.put(pfn);
  swap.release(pteSwapSlot(entry));
  return page.how;
}

interface Fetched {
  /** Frame, with a reference for the caller. */
  readonly pfn: Pfn;
  readonly exclusive: boolean;
  /** From the swap cache, or read. */
  readonly how: 'mapped' | 'loaded';
}

/** The page from the swap cache, or read; what others need too stays in the cache. */
function fetch(place: Place, entry: Pte): Fetched | FaultOutcome {
  const { swap, frames } = place.mm.memory;
  const slot = pteSwapSlot(entry);
  const alone = swap.count(slot) === 1;
  const cached = swap.cached(slot);
  if (frames.has(cached, FRAME_HWPOISON)) return 'hwpoison';
  if (cached !== NO_FRAME) {
    frames.get(cached);
    if (alone) swap.uncache(slot);
    return { pfn: cached, exclusive: frames.refs(cached) === 1, how: 'mapped' };
  }
  const pfn = frames.alloc();
  if (pfn === NO_FRAME) return 'oom';
  if (!swap.load(slot, pfn)) {
    frames.put(pfn);
    return 'sigbus';
  }
  adopt(place.mm, place.vma, { addr: place.addr, pfn, sharing: alone ? 'alone' : 'shared' });
  if (!alone) swap.cache(slot, pfn);
  return { pfn, exclusive: alone || pteIsSwpExclusive(entry), how: 'loaded' };
}

/** A page that comes back from swap: where it belongs, and whether others may map it. */
interface Returning {
  readonly addr: number;
  readonly pfn: Pfn;
  readonly sharing: 'alone' | 'shared';
}

/** A page that several may map belongs to the eldest owner, which all of them know. */
export function adopt(mm: Mm, vma: Vma, { addr, pfn, sharing }: Returning): void {
  const { frames } = mm.memory;
  const own = prepareAnonVma(mm, vma);
  frames.setFlag(pfn, FRAME_ANON);
  frames.setOwner(pfn, sharing === 'alone' ? own : (vma.anonChain[0] ?? own), vma.indexOf(addr));
}

/** The entry of the page, carrying what the swap entry carried. */
function rebuilt({ mm, vma }: Place, entry: Pte, pfn: Pfn, dirty: boolean): Pte {
  let pte = entryFor(mm, vma, pfn);
  if (dirty) pte = written(mm, pte);
  if (pteIsSoftDirty(entry)) pte = pteMakeSoftDirty(pte);
  if (!pteIsUffdWp(entry)) return pte;
  return vma.has(VM_UFFD_RWP) ? pteMakeProtNone(pteMakeUffdWp(pte)) : pteMakeUffdWp(pte);
}

function grantWrite({ mm, vma, slot, addr }: Place): void {
  const pte = mm.load(slot);
  const isProtected = pteIsUffdWp(pte) && vma.has(VM_UFFD_WP | VM_UFFD_RWP);
  const forbidden = isProtected || vma.isShared || awaitsSoftDirty(mm, vma, pte);
  if (vma.has(VM_WRITE) && !forbidden) mm.store(slot, addr, pteMakeWritable(pte));
}
