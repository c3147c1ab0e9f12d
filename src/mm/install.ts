/**
 * Installing: puts one page, the zero page or a marker into a slot.
 * Builds entries as each kind of mapping wants them; whether a slot may be taken the caller knows.
 * Answers to: mfill_atomic_install_pte(), set_pte_range().
 */

import type { Pfn } from '../base/brand.js';
import type { Slot } from '../pgtable/arena.js';
import {
  type Pte,
  pteMake,
  pteMakeProtNone,
  pteMakeSoftDirty,
  pteMakeSpecial,
  pteMakeUffdWp,
  pteMakeWritable,
} from '../pgtable/pte.js';
import { FRAME_ANON, FRAME_EXCLUSIVE, ZERO_PFN } from '../phys/frames.js';
import type { Mm } from './mm.js';
import { prepareAnonVma } from './rmap.js';
import { written } from './soft-dirty.js';
import type { Vma } from './vma.js';
import { VM_ACCESS, VM_SOFTDIRTY, VM_WRITE } from './vma-flags.js';

/** Whether the installed entry is write-protected by userfaultfd. */
export type Protection = 'plain' | 'uffd-wp';

/** Entry for a page of an area: unreachable under PROT_NONE, soft-dirty in a fresh area. */
export function entryFor(mm: Mm, vma: Vma, pfn: Pfn): Pte {
  const pte = pfn === ZERO_PFN ? pteMakeSpecial(pfn) : pteMake(pfn);
  return inArea(mm, vma, pte);
}

/** Adds to a new entry what its area decides. */
function inArea(mm: Mm, vma: Vma, pte: Pte): Pte {
  const tracked = mm.memory.profile.config.softDirty && vma.has(VM_SOFTDIRTY);
  const dirty = tracked ? pteMakeSoftDirty(pte) : pte;
  return vma.has(VM_ACCESS) ? dirty : pteMakeProtNone(dirty);
}

/** Grants write where the area does; a protected entry never gets it. */
export const maybeWritable = (vma: Vma, pte: Pte): Pte =>
  vma.has(VM_WRITE) ? pteMakeWritable(pte) : pte;

const protectedAs = (pte: Pte, protection: Protection): Pte =>
  protection === 'uffd-wp' ? pteMakeUffdWp(pte) : pte;

/** Where a page goes. */
export interface Place {
  readonly mm: Mm;
  readonly vma: Vma;
  readonly slot: Slot;
  /** Address of the page. */
  readonly addr: number;
}

/** Installs a private page that nobody else has: writable at once where the area is. */
export function installAnon(place: Place, pfn: Pfn, protection: Protection): void {
  const { mm, vma, slot, addr } = place;
  mm.memory.onPage?.({ kind: 'install', mm, addr });
  adoptAnon(mm, vma, addr, pfn);
  const pte = maybeWritable(vma, written(mm, entryFor(mm, vma, pfn)));
  mm.memory.frames.addMap(pfn);
  mm.store(slot, addr, protectedAs(pte, protection));
}

/** Makes a fresh frame an exclusive anonymous page of an area. */
export function adoptAnon(mm: Mm, vma: Vma, addr: number, pfn: Pfn): void {
  const { frames } = mm.memory;
  frames.setFlag(pfn, FRAME_ANON | FRAME_EXCLUSIVE);
  frames.setOwner(pfn, prepareAnonVma(mm, vma), vma.indexOf(addr));
}

/** Maps a page of the file's cache; `writable` says whether a store may go through at once. */
export function installCached(
  place: Place,
  pfn: Pfn,
  how: { writable: boolean; dirty: boolean; protection: Protection },
): void {
  const { mm, vma, slot, addr } = place;
  mm.memory.onPage?.({ kind: 'install', mm, addr });
  let pte = entryFor(mm, vma, pfn);
  if (how.dirty) pte = written(mm, pte);
  if (how.writable) pte = pteMakeWritable(pte);
  mm.memory.frames.addMap(pfn);
  mm.store(slot, addr, protectedAs(pte, how.protection));
}

/** Maps the shared zero page, read-only. */
export function installZero(place: Place, protection: Protection): void {
  const { mm, vma, slot, addr } = place;
  mm.memory.onPage?.({ kind: 'install', mm, addr });
  mm.store(slot, addr, protectedAs(entryFor(mm, vma, ZERO_PFN), protection));
}
