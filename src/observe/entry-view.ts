/**
 * What one page table entry says, in names instead of bits. Read only.
 * Answers to: print_bad_pte(), if it had time.
 */

import { isHuge } from '../mm/huge.js';
import type { Mm } from '../mm/mm.js';
import {
  MARKER_GUARD,
  MARKER_POISONED,
  MARKER_UFFD_WP,
  type MarkerBits,
  markerHas,
  type Pte,
  pteIsAccessed,
  pteIsDirty,
  pteIsHuge,
  pteIsHwpoison,
  pteIsMarker,
  pteIsMigration,
  pteIsMigrationExclusive,
  pteIsMigrationWrite,
  pteIsNone,
  pteIsPresent,
  pteIsProtNone,
  pteIsSoftDirty,
  pteIsSpecial,
  pteIsSwap,
  pteIsSwpExclusive,
  pteIsUffdWp,
  pteIsWritable,
  pteMarkerBits,
  ptePfn,
  ptePfnAt,
  pteSwapSlot,
} from '../pgtable/pte.js';
import { FRAME_ANON, FRAME_EXCLUSIVE, NO_FRAME } from '../phys/frames.js';

/** What a present entry maps. */
export type MappedPage = 'zero page' | 'anonymous page' | 'page of the file';

/** Name of a marker bit; `unknown` for one that no kernel here gives a meaning. */
export type MarkerName = 'uffd-wp' | 'poisoned' | 'guard' | 'unknown';

/** A present entry: a page is mapped. */
export interface PresentView {
  /** Tells this entry from the others. */
  readonly kind: 'present';
  /** What is mapped. */
  readonly page: MappedPage;
  /** Frame number. */
  readonly frame: number;
  /** The entry is a part of a huge one. */
  readonly huge: boolean;
  /** Hardware lets stores through. */
  readonly writable: boolean;
  /** A store went through it. */
  readonly dirty: boolean;
  /** An access went through it. */
  readonly accessed: boolean;
  /** Written since clear_refs last reset it. */
  readonly softDirty: boolean;
  /** Write-protected by userfaultfd; where the area is not registered, left over. */
  readonly uffdWp: boolean;
  /** Hidden from every access, by PROT_NONE or by read-write protection. */
  readonly protNone: boolean;
  /** The anonymous page is reachable from this address space only. */
  readonly exclusive: boolean;
  /** Entries that map the frame; 0 for the zero page, which nobody counts. */
  readonly maps: number;
}

/** A swap entry: the page is in swap space. */
export interface SwapView {
  /** Tells this entry from the others. */
  readonly kind: 'swap';
  /** Name of the device. */
  readonly device: string;
  /** Swap offset, as pagemap shows it. */
  readonly slot: number;
  /** Protection comes back with the page. */
  readonly uffdWp: boolean;
  /** Written since clear_refs last reset it. */
  readonly softDirty: boolean;
  /** The page belonged to this address space alone when it left. */
  readonly exclusive: boolean;
  /** The swap cache has the page: bringing it back reads nothing. */
  readonly cached: boolean;
  /** Reading the slot works. */
  readonly readable: boolean;
}

/** A marker: nothing is there, and something must be remembered. */
export interface MarkerView {
  /** Tells this entry from the others. */
  readonly kind: 'marker';
  /** The bits that are set, in order of their numbers. */
  readonly bits: readonly MarkerName[];
  /** PAGEMAP_SCAN set the side bit of protection, which changes no access. */
  readonly sideBit: boolean;
}

/** A migration entry: the page is being moved to another frame. */
export interface MigrationView {
  /** Tells this entry from the others. */
  readonly kind: 'migration';
  /** Number of the frame that the page leaves. */
  readonly frame: number;
  /** Write permission comes back with the page. */
  readonly writable: boolean;
  /** The anonymous page is reachable from this address space only. */
  readonly exclusive: boolean;
  /** Protection comes back with the page. */
  readonly uffdWp: boolean;
}

/** The page was lost to a hardware error. */
export interface HwpoisonView {
  /** Tells this entry from the others. */
  readonly kind: 'hwpoison';
  /** Number of the frame that failed. */
  readonly frame: number;
}

/** An entry that says nothing, or one thing alone. */
export interface PlainView {
  /** `none`: never touched, or gone without a trace; `swap error`: swapoff could not read it. */
  readonly kind: 'none' | 'swap error';
}

/** What an entry says. */
export type EntryView =
  | PlainView
  | PresentView
  | SwapView
  | MigrationView
  | HwpoisonView
  | MarkerView;

/** Reads the entry of the page at `addr`. */
export function entryView(mm: Mm, addr: number): EntryView {
  const pte = mm.pte(addr);
  if (pteIsNone(pte)) return { kind: 'none' };
  if (pteIsPresent(pte)) return presentView(mm, addr, pte);
  if (pteIsSwap(pte)) return swapView(mm, pte);
  if (pteIsMigration(pte)) return migrationView(pte);
  if (pteIsHwpoison(pte)) return { kind: 'hwpoison', frame: ptePfn(pte) };
  if (!pteIsMarker(pte)) return { kind: 'swap error' };
  return { kind: 'marker', bits: namesOf(pteMarkerBits(pte)), sideBit: pteIsUffdWp(pte) };
}

function presentView(mm: Mm, addr: number, pte: Pte): PresentView {
  const { frames } = mm.memory;
  const pfn = ptePfn(pte);
  const isZero = pteIsSpecial(pte);
  const anon = frames.has(pfn, FRAME_ANON);
  return {
    kind: 'present',
    page: isZero ? 'zero page' : anon ? 'anonymous page' : 'page of the file',
    frame: ptePfnAt(pte, addr),
    huge: isHuge(mm, addr) || pteIsHuge(pte),
    writable: pteIsWritable(pte),
    dirty: pteIsDirty(pte),
    accessed: pteIsAccessed(pte),
    softDirty: pteIsSoftDirty(pte),
    uffdWp: pteIsUffdWp(pte),
    protNone: pteIsProtNone(pte),
    exclusive: !isZero && anon && frames.has(pfn, FRAME_EXCLUSIVE),
    maps: isZero ? 0 : frames.maps(pfn),
  };
}

const migrationView = (pte: Pte): MigrationView => ({
  kind: 'migration',
  frame: ptePfn(pte),
  writable: pteIsMigrationWrite(pte),
  exclusive: pteIsMigrationExclusive(pte),
  uffdWp: pteIsUffdWp(pte),
});

function swapView({ memory: { swap } }: Mm, pte: Pte): SwapView {
  const slot = pteSwapSlot(pte);
  const cached = swap.cached(slot) !== NO_FRAME;
  return {
    kind: 'swap',
    device: swap.areaOf(slot).name,
    slot,
    uffdWp: pteIsUffdWp(pte),
    softDirty: pteIsSoftDirty(pte),
    exclusive: pteIsSwpExclusive(pte),
    cached,
    readable: cached || !swap.isBroken(slot),
  };
}

const NAMES: readonly (readonly [MarkerBits, MarkerName])[] = [
  [MARKER_UFFD_WP, 'uffd-wp'],
  [MARKER_POISONED, 'poisoned'],
  [MARKER_GUARD, 'guard'],
];

function namesOf(bits: MarkerBits): MarkerName[] {
  const names = NAMES.filter(([bit]) => markerHas(bits, bit)).map(([, name]) => name);
  const known = NAMES.reduce((set, [bit]) => set | bit, 0);
  return (bits & ~known) === 0 ? names : [...names, 'unknown'];
}
