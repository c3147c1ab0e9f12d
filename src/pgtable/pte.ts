/**
 * The page table entry: one 32-bit word, and the only place that knows its bits.
 * Verb grammar: `pteIs…` asks, `ptePfn` reads a field, `pteMake…` / `pteClear…` give a new word.
 * Pure functions; only the arena's owner stores. The fields are those of x86-64, the places ours:
 *
 *   31........10 9       8        7       6    5          4       3     2        1     0
 *   pfn          GIGA    PROTNONE SPECIAL HUGE SOFT_DIRTY UFFD_WP DIRTY ACCESSED WRITE PRESENT
 *   offset       kind2   0        kind1  kind0 SOFT_DIRTY UFFD_WP dirty young    EXCL  0
 *
 * A word of zero is none. The second row is an entry without a page: swap, migration (whose offset
 * is the frame that moves), memory failure (the frame that is lost), swap error, marker.
 */

import type { Pfn, SwapSlot } from '../base/brand.js';

declare const brand: unique symbol;

/** A page table entry. */
export type Pte = number & { readonly [brand]: 'pte' };

/** The entry that says nothing: never touched, or gone without a trace. */
export const PTE_NONE = 0 as Pte;

const PRESENT = 1 << 0;
const WRITE = 1 << 1;
const ACCESSED = 1 << 2;
const DIRTY = 1 << 3;
const UFFD_WP = 1 << 4;
const SOFT_DIRTY = 1 << 5;
/** Leaf of an upper table: 2 MiB, or with {@link GIGA} 1 GiB, from the frame named on. */
const HUGE = 1 << 6;
const GIGA = 1 << 9;
const SPECIAL = 1 << 7;
const SWP_EXCLUSIVE = WRITE;
const PROTNONE = 1 << 8;
const PFN_SHIFT = 10;

const KIND_MASK = (1 << 6) | (1 << 7) | (1 << 9);
const KIND_MARKER = KIND_MASK;
const KIND_SWAPIN_ERROR = 1 << 9;
const KIND_MIGRATION_READ = 1 << 6;
const KIND_MIGRATION_WRITE = 1 << 7;
const KIND_HWPOISON = KIND_MIGRATION_READ | KIND_MIGRATION_WRITE;

const kindOf = (pte: Pte): number => pte & (PRESENT | PROTNONE | KIND_MASK);

// ---- questions -------------------------------------------------------------------------------

export const pteIsNone = (pte: Pte): boolean => pte === 0;

/** Holds a page, reachable or (PROT_NONE) not. */
export const pteIsPresent = (pte: Pte): boolean => (pte & (PRESENT | PROTNONE)) !== 0;

/** Hardware may read through it. */
export const pteIsReadable = (pte: Pte): boolean => (pte & PRESENT) !== 0;

/** Hardware may write through it. */
export const pteIsWritable = (pte: Pte): boolean => (pte & (PRESENT | WRITE)) === (PRESENT | WRITE);

export const pteIsDirty = (pte: Pte): boolean => (pte & DIRTY) !== 0;
export const pteIsAccessed = (pte: Pte): boolean => (pte & ACCESSED) !== 0;
export const pteIsSoftDirty = (pte: Pte): boolean => (pte & SOFT_DIRTY) !== 0;

/** The shared zero page: no owner, no reverse mapping. */
export const pteIsSpecial = (pte: Pte): boolean => pteIsPresent(pte) && (pte & SPECIAL) !== 0;

/** The present entry of a protected page, or the side bit of an entry without a page. */
export const pteIsUffdWp = (pte: Pte): boolean => (pte & UFFD_WP) !== 0;

// ---- present entries -------------------------------------------------------------------------

export const ptePfn = (pte: Pte): Pfn => (pte >>> PFN_SHIFT) as Pfn;

/** A readable, clean entry for a page, marked accessed as Linux builds them. */
export const pteMake = (pfn: Pfn): Pte => ((pfn << PFN_SHIFT) | PRESENT | ACCESSED) as Pte;

/** The entry of the shared zero page. */
export const pteMakeSpecial = (pfn: Pfn): Pte => (pteMake(pfn) | SPECIAL) as Pte;

/** Grants hardware write permission. The caller has made sure that no protection forbids it. */
export const pteMakeWritable = (pte: Pte): Pte => (pte | WRITE) as Pte;
export const pteClearWritable = (pte: Pte): Pte => (pte & ~WRITE) as Pte;
export const pteMakeDirty = (pte: Pte): Pte => (pte | DIRTY) as Pte;
export const pteClearDirty = (pte: Pte): Pte => (pte & ~DIRTY) as Pte;
export const pteMakeAccessed = (pte: Pte): Pte => (pte | ACCESSED) as Pte;
export const pteClearAccessed = (pte: Pte): Pte => (pte & ~ACCESSED) as Pte;
export const pteMakeSoftDirty = (pte: Pte): Pte => (pte | SOFT_DIRTY) as Pte;
export const pteClearSoftDirty = (pte: Pte): Pte => (pte & ~SOFT_DIRTY) as Pte;

/** Protects a present entry: sets the bit and takes hardware write permission away. */
export const pteMakeUffdWp = (pte: Pte): Pte => ((pte | UFFD_WP) & ~WRITE) as Pte;

/** Sets the side bit of an entry without a page: protection that comes back with the page. */
export const pteMakeSwpUffdWp = (pte: Pte): Pte => (pte | UFFD_WP) as Pte;

/** Clears the bit alone; write permission does not come back by itself. */
export const pteClearUffdWp = (pte: Pte): Pte => (pte & ~UFFD_WP) as Pte;

/** Turns a present entry into its PROT_NONE form: the page stays, nobody reaches it. */
export const pteMakeProtNone = (pte: Pte): Pte => ((pte & ~(PRESENT | WRITE)) | PROTNONE) as Pte;

/** Turns a PROT_NONE entry back into a readable one. */
export const pteClearProtNone = (pte: Pte): Pte => ((pte & ~PROTNONE) | PRESENT) as Pte;

export const pteIsProtNone = (pte: Pte): boolean => (pte & PROTNONE) !== 0;

/** Permissions of a walk in one word: see {@link pteAllows}. */
export const pteAllows = (pte: Pte, write: boolean): boolean =>
  write ? pteIsWritable(pte) : pteIsReadable(pte);

// ---- huge pages and the tables above ------------------------------------------------------------
// An upper entry is none, or the number of a table in the place of the pfn without any flag, or a
// leaf: a huge page (HUGE, GIGA) or the marker of one.

const FLAGS = (1 << PFN_SHIFT) - 1;
const FRAMES_OF_PMD = 512;
const FRAMES_OF_PUD = 512 * 512;

/** Makes a present entry a leaf of an upper table, which maps so many frames from its own on. */
export const pteMakeHuge = (pte: Pte, frames: number): Pte =>
  (pte | HUGE | (frames === FRAMES_OF_PUD ? GIGA : 0)) as Pte;

/** Maps more than one frame. */
export const pteIsHuge = (pte: Pte): boolean => pteIsPresent(pte) && (pte & HUGE) !== 0;

/** Frame that a present entry gives the base page at `addr`. */
export function ptePfnAt(pte: Pte, addr: number): Pfn {
  if ((pte & HUGE) === 0) return ptePfn(pte);
  const frames = (pte & GIGA) === 0 ? FRAMES_OF_PMD : FRAMES_OF_PUD;
  return (ptePfn(pte) + (((addr | 0) >>> 12) & (frames - 1))) as Pfn;
}

/** Upper entry that leads to a table. */
export const upperMakeTable = (table: number): Pte => (table << PFN_SHIFT) as Pte;

/** Number of the table that an upper entry leads to; 0 when it is none or a leaf. */
export const upperTable = (entry: Pte): number => ((entry & FLAGS) === 0 ? entry >>> PFN_SHIFT : 0);

/** The upper entry is a huge page or its marker. */
export const upperIsLeaf = (entry: Pte): boolean => (entry & FLAGS) !== 0;

// ---- swap entries -----------------------------------------------------------------------------

export const pteIsSwap = (pte: Pte): boolean =>
  pte !== 0 && (pte & (PRESENT | PROTNONE | KIND_MASK)) === 0;

export const pteMakeSwap = (slot: SwapSlot): Pte => (slot << PFN_SHIFT) as Pte;
export const pteSwapSlot = (pte: Pte): SwapSlot => (pte >>> PFN_SHIFT) as SwapSlot;

/** The page belonged to one address space alone when it was swapped out. */
export const pteIsSwpExclusive = (pte: Pte): boolean => (pte & SWP_EXCLUSIVE) !== 0;
export const pteMakeSwpExclusive = (pte: Pte): Pte => (pte | SWP_EXCLUSIVE) as Pte;
export const pteClearSwpExclusive = (pte: Pte): Pte => (pte & ~SWP_EXCLUSIVE) as Pte;

/** What swapoff leaves of a page that it cannot read (5.19 to 6.1; then a poisoned marker). */
export const PTE_SWAPIN_ERROR = KIND_SWAPIN_ERROR as Pte;

/** A page that swapoff could not read: with or without the side bit of protection. */
export const pteIsSwapinError = (pte: Pte): boolean =>
  (pte & (PRESENT | PROTNONE | KIND_MASK)) === KIND_SWAPIN_ERROR;

// ---- migration entries: a page that is being moved to another frame --------------------------

const MIGRATES = UFFD_WP | SOFT_DIRTY | DIRTY | ACCESSED;

/** Whether a page can be reached from one address space only. */
export type Sharing = 'exclusive' | 'shared';

const exclusiveBit = (sharing: Sharing): number => (sharing === 'exclusive' ? SWP_EXCLUSIVE : 0);

export const pteIsMigration = (pte: Pte): boolean =>
  kindOf(pte) === KIND_MIGRATION_READ || pteIsMigrationWrite(pte);

/** The page was writable: only this kind gives write permission back. */
export const pteIsMigrationWrite = (pte: Pte): boolean => kindOf(pte) === KIND_MIGRATION_WRITE;

/** The private page belonged to this address space alone; a writable one always did. */
export const pteIsMigrationExclusive = (pte: Pte): boolean =>
  pteIsMigrationWrite(pte) || (pteIsMigration(pte) && (pte & SWP_EXCLUSIVE) !== 0);

/** What stands for a present entry while its page moves; {@link ptePfn} is the frame it leaves. */
export function pteMakeMigration(present: Pte, sharing: Sharing): Pte {
  const kept = (ptePfn(present) << PFN_SHIFT) | (present & MIGRATES);
  if (pteIsWritable(present)) return (kept | KIND_MIGRATION_WRITE) as Pte;
  return (kept | KIND_MIGRATION_READ | exclusiveBit(sharing)) as Pte;
}

/** The same entry without write permission to give back. */
export const pteMakeMigrationRead = (pte: Pte, sharing: Sharing): Pte =>
  ((pte & ~(KIND_MASK | SWP_EXCLUSIVE)) | KIND_MIGRATION_READ | exclusiveBit(sharing)) as Pte;

// ---- memory failure ---------------------------------------------------------------------------

/** The page is lost to a hardware error: an access gets SIGBUS. {@link ptePfn} is its frame. */
export const pteIsHwpoison = (pte: Pte): boolean => kindOf(pte) === KIND_HWPOISON;

export const pteMakeHwpoison = (pfn: Pfn): Pte => ((pfn << PFN_SHIFT) | KIND_HWPOISON) as Pte;

/** Names a frame without mapping it: the page moves, or is lost. */
export const pteNamesFrame = (pte: Pte): boolean => pteIsMigration(pte) || pteIsHwpoison(pte);

// ---- markers: a set of bits without a page ----------------------------------------------------

/** Set of marker bits; a marker entry carries at least one. */
export type MarkerBits = number & { readonly [brand]: 'marker' };

/** No bit: the value of an entry that is not a marker. Never stored. */
export const MARKER_NONE = 0 as MarkerBits;
/** The page is write-protected although it is not there (5.19). */
export const MARKER_UFFD_WP = 1 as MarkerBits;
/** The content is lost: an access gets SIGBUS (6.2; by UFFDIO_POISON since 6.6). */
export const MARKER_POISONED = 2 as MarkerBits;
/** The page is a guard: an access gets SIGSEGV (6.13). */
export const MARKER_GUARD = 4 as MarkerBits;

export const pteIsMarker = (pte: Pte): boolean =>
  (pte & (PRESENT | PROTNONE | KIND_MASK)) === KIND_MARKER;

/** Marker bits of an entry; empty when it is none or anything but a marker. */
export const pteMarkerBits = (pte: Pte): MarkerBits =>
  pteIsMarker(pte) ? ((pte >>> PFN_SHIFT) as MarkerBits) : MARKER_NONE;

/** The one place that builds markers. An empty set is none, so no empty marker can exist. */
export const pteMakeMarker = (bits: MarkerBits): Pte =>
  bits === MARKER_NONE ? PTE_NONE : (((bits << PFN_SHIFT) | KIND_MARKER) as Pte);

export const markerHas = (bits: MarkerBits, wanted: MarkerBits): boolean => (bits & wanted) !== 0;

export const markerWith = (bits: MarkerBits, more: MarkerBits): MarkerBits =>
  (bits | more) as MarkerBits;

export const markerWithout = (bits: MarkerBits, gone: MarkerBits): MarkerBits =>
  (bits & ~gone) as MarkerBits;

/** Clears one bit of a marker, whatever the others are; the last one leaves none. */
export function pteClearMarker(pte: Pte, gone: MarkerBits): Pte {
  const bits = pteMarkerBits(pte);
  return markerHas(bits, gone) ? pteMakeMarker(markerWithout(bits, gone)) : pte;
}

/** Whether the slot is write-protected by userfaultfd in any form: bit, side bit or marker. */
export const pteIsWpInAnyForm = (pte: Pte): boolean =>
  pteIsUffdWp(pte) || markerHas(pteMarkerBits(pte), MARKER_UFFD_WP);
