/**
 * Fault resolution: turns one failed translation into a mapped page or a reason why not.
 * Owns no state and never waits: what a userfaultfd must decide goes back to the caller as a name.
 * Answers to: handle_mm_fault(), do_anonymous_page(), do_fault().
 */

import type { Pfn } from '../base/brand.js';
import { pageDown, TASK_SIZE } from '../base/page.js';
import { splitHuge } from '../mm/huge.js';
import {
  installAnon,
  installCached,
  installZero,
  type Place,
  type Protection,
} from '../mm/install.js';
import type { Mm } from '../mm/mm.js';
import { isRwProtected, withoutRwProtection } from '../mm/protect.js';
import { prepareAnonVma } from '../mm/rmap.js';
import type { Vma } from '../mm/vma.js';
import { VM_ACCESS, VM_SHARED, VM_UFFD_MINOR, VM_UFFD_WP, VM_WRITE } from '../mm/vma-flags.js';
import { NO_SLOT } from '../pgtable/arena.js';
import {
  MARKER_GUARD,
  MARKER_NONE,
  MARKER_POISONED,
  MARKER_UFFD_WP,
  markerHas,
  markerWithout,
  PTE_NONE,
  type Pte,
  pteAllows,
  pteIsHwpoison,
  pteIsMigration,
  pteIsPresent,
  pteIsSwap,
  pteIsSwapinError,
  pteIsUffdWp,
  pteIsWritable,
  pteMakeAccessed,
  pteMakeDirty,
  pteMarkerBits,
  ptePfnAt,
} from '../pgtable/pte.js';
import { FRAME_HWPOISON, NO_FRAME } from '../phys/frames.js';
import { faultAround } from './around.js';
import { writeFault } from './cow.js';
import { hugeMissing } from './huge-fault.js';
import { hugetlbFault } from './hugetlb.js';
import { mapRestOfFolio } from './map-folio.js';
import { type FaultOutcome, type FaultProgress, isProgress } from './outcome.js';
import { swapIn } from './swap-in.js';

/**
 * What hardware does: finds the entry, checks its permissions, sets accessed and dirty, and
 * remembers the translation. False means a fault.
 */
export function translate(mm: Mm, addr: number, write: boolean): boolean {
  if (addr >= TASK_SIZE) return false;
  const slot = mm.slot(addr);
  if (slot === NO_SLOT) return false;
  const pte = mm.load(slot);
  if (!pteAllows(pte, write)) return false;
  const used = write ? pteMakeDirty(pteMakeAccessed(pte)) : pteMakeAccessed(pte);
  if (used !== pte) mm.memory.tables.store(slot, used);
  const { frames, onPage } = mm.memory;
  const pfn = ptePfnAt(used, addr);
  if (write) frames.willChange(pfn);
  else frames.fetch(pfn);
  mm.tlb.fill(pageDown(addr), used);
  const isSeen = onPage !== undefined || !frames.mayChange(pfn); // by a watch, or by a snapshot
  if (isSeen) mm.tlb.forgetWrite(pageDown(addr));
  return true;
}

/** Makes one attempt to satisfy an access; the caller translates again on `mapped`. */
export function faultIn(mm: Mm, addr: number, write: boolean): FaultOutcome {
  const vma = mm.vmas.find(addr);
  if (vma === undefined) return 'maperr';
  if (!vma.has(write ? VM_WRITE : VM_ACCESS)) return 'accerr';
  return faultInArea(mm, vma, addr, write);
}

/** As {@link faultIn} once the area's permissions are settled. */
export function faultInArea(mm: Mm, vma: Vma, addr: number, write: boolean): FaultOutcome {
  const page = pageDown(addr);
  const pte = mm.pte(page);
  if (isRwProtected(vma, pte)) return rwProtected(mm, vma, page);
  if (vma.isHugetlb) return hugetlbFault(mm, vma, addr, write);
  if (pteIsPresent(pte)) return write ? writeFault(mm, vma, page) : 'mapped';
  if (pteIsSwap(pte)) return swapped(mm, vma, page, write);
  if (pteIsSwapinError(pte)) return 'sigbus';
  if (pteIsMigration(pte)) return 'locked';
  if (pteIsHwpoison(pte)) return 'hwpoison';
  const bits = pteMarkerBits(pte);
  if (markerHas(bits, MARKER_POISONED)) return poisoned(mm);
  if (markerHas(bits, MARKER_GUARD)) return 'guard';
  if (markerWithout(bits, MARKER_UFFD_WP) !== MARKER_NONE) return 'sigbus'; // a bit of no meaning
  if (bits !== MARKER_NONE && !vma.has(VM_UFFD_WP)) {
    mm.store(mm.slot(page), page, PTE_NONE); // left over from a registration that is gone
    return 'mapped';
  }
  return vma.isAnonymous ? anonMissing(mm, vma, page, write) : fileMissing(mm, vma, page, write);
}

/** A page in swap: back it comes, and a store that it does not allow yet goes on at once. */
function swapped(mm: Mm, vma: Vma, page: number, write: boolean): FaultOutcome {
  const slot = mm.slot(page);
  const outcome = swapIn({ mm, vma, slot, addr: page }, write);
  const goesOn = write && isProgress(outcome) && isPlainReadOnly(vma, mm.load(slot));
  const stored = goesOn ? writeFault(mm, vma, page) : outcome;
  return stored === 'mapped' ? outcome : stored;
}

/** A store to the page needs permission, and no userfaultfd has to be asked for it. */
function isPlainReadOnly(vma: Vma, pte: Pte): boolean {
  if (pteIsWritable(pte) || isRwProtected(vma, pte)) return false;
  return !pteIsUffdWp(pte) || !vma.has(VM_UFFD_WP) || vma.uffd?.wpAsync === true;
}

/** A hidden page: the userfaultfd is told, or the page shows itself. */
function rwProtected(mm: Mm, vma: Vma, page: number): FaultOutcome {
  if (vma.uffd?.rwpAsync !== true) return 'rwp';
  splitHuge(mm, page); // as asynchronous write protection does
  const slot = mm.slot(page);
  mm.store(slot, page, withoutRwProtection(mm, vma, mm.load(slot)));
  if (vma.isHugetlb) mm.tlb.flushAll();
  return 'mapped';
}

/** Poison was an error of swap alone before it could stand for memory that failed. */
const poisoned = ({ memory: { profile } }: Mm): FaultOutcome =>
  profile.has('poisonIsHwpoison') ? 'hwpoison' : 'sigbus';

/** A marker's protection passes to the entry that replaces it. */
export const protectionOf = (pte: Pte): Protection =>
  markerHas(pteMarkerBits(pte), MARKER_UFFD_WP) ? 'uffd-wp' : 'plain';

function anonMissing(mm: Mm, vma: Vma, page: number, write: boolean): FaultOutcome {
  const { frames } = mm.memory;
  const huge = hugeMissing(mm, vma, page, write);
  if (huge !== 'small') return huge;
  const slot = mm.slotOrCreate(page);
  if (slot === NO_SLOT) return 'oom';
  const place: Place = { mm, vma, slot, addr: page };
  const shared = !write && mm.memory.profile.config.zeroPage;
  if (!shared) {
    prepareAnonVma(mm, vma); // before the userfaultfd is asked: merging can tell
    if (frames.available <= 0) return 'oom';
  }
  if (vma.catchesMissing) return 'missing';
  const protection = protectionOf(mm.load(slot));
  if (shared) {
    installZero(place, protection);
    return 'mapped';
  }
  const pfn = frames.allocZeroed();
  installAnon(place, pfn, protection);
  frames.put(pfn);
  return 'mapped';
}

function fileMissing(mm: Mm, vma: Vma, page: number, write: boolean): FaultOutcome {
  const { file } = vma;
  if (file === undefined) return 'maperr';
  const { inode } = file;
  if (!write && vma.mayFaultAround && faultAround(mm, vma, page)) return 'mapped';
  const toCopy = write && !vma.has(VM_SHARED);
  if (toCopy) prepareAnonVma(mm, vma);
  const index = vma.indexOf(page);
  if (index >= inode.sizePages) return 'sigbus';
  const there = inode.holds(index);
  const isLoaded = there && inode.lookup(index) === NO_FRAME;
  if (there && vma.has(VM_UFFD_MINOR)) return 'minor';
  if (!there && vma.catchesMissing) return 'missing';
  if (mm.memory.locks.isLocked(inode.lookup(index))) return 'locked';
  const read = file.readForFault(index, vma.readPattern);
  if (read !== 'cached') return read;
  const pfn = there ? inode.settled(index) : inode.addZeroed(index);
  if (pfn === NO_FRAME) return inode.isLost(index) ? 'sigbus' : 'oom';
  if (mm.memory.frames.has(pfn, FRAME_HWPOISON)) return 'hwpoison';
  const slot = mm.slotOrCreate(page);
  if (slot === NO_SLOT) return 'oom';
  const place: Place = { mm, vma, slot, addr: page };
  const protection = protectionOf(mm.load(slot));
  if (toCopy) return copyToPrivate(place, pfn, protection, isLoaded ? 'loaded' : 'mapped');
  const writable = write || vma.mapsWritable;
  if (write && vma.tracksDirty) mm.memory.frames.markDirty(pfn);
  installCached(place, pfn, { writable, dirty: write, protection });
  mapRestOfFolio(place, { writable, dirty: write });
  return isLoaded ? 'loaded' : 'mapped';
}

/** Gives a private mapping its own copy of a page in place of what the slot holds. */
function copyToPrivate(
  place: Place,
  from: Pfn,
  protection: Protection,
  done: FaultProgress,
): FaultOutcome {
  const { frames } = place.mm.memory;
  const pfn = frames.alloc();
  if (pfn === NO_FRAME) return 'oom';
  frames.copy(from, pfn);
  installAnon(place, pfn, protection);
  frames.put(pfn);
  return done;
}
