/**
 * Migration: a page moves to another frame while nobody can reach it. In between migration entries
 * stand in its place and carry what the present ones had; whoever accesses it sleeps.
 * Write permission comes back from the entry and never from the area alone.
 * Answers to: try_to_migrate(), remove_migration_ptes().
 */

import { assert } from '../base/assert.js';
import type { Pfn } from '../base/brand.js';
import {
  type Pte,
  pteClearAccessed,
  pteIsAccessed,
  pteIsDirty,
  pteIsMigration,
  pteIsMigrationExclusive,
  pteIsMigrationWrite,
  pteIsPresent,
  pteIsSoftDirty,
  pteIsUffdWp,
  pteMakeDirty,
  pteMakeMigration,
  pteMakeProtNone,
  pteMakeSoftDirty,
  pteMakeUffdWp,
  pteMakeWritable,
  ptePfn,
} from '../pgtable/pte.js';
import { FRAME_ANON, FRAME_DIRTY, FRAME_EXCLUSIVE, NO_FRAME, ZERO_PFN } from '../phys/frames.js';
import { NO_SWAP } from '../phys/swap.js';
import { isPinnedAnywhere, splitFolio } from './folio.js';
import { entryFor } from './install.js';
import type { MachineMemory } from './memory.js';
import type { Mm } from './mm.js';
import { type Mapping, mappingsOf } from './rmap.js';
import type { Vma } from './vma.js';
import { VM_UFFD_RWP } from './vma-flags.js';

/** Why a page stays where it is. */
export type Immovable = 'busy' | 'no-memory';

/** One page under way from a frame to another. */
export class PageMove {
  /** Whether it is over. */
  ended = false;

  /** Both frames have a reference that the move gives back. */
  constructor(
    readonly memory: MachineMemory,
    readonly from: Pfn,
    readonly to: Pfn,
  ) {}

  /** The page is in its new frame. */
  finish(): void {
    const { frames, swap } = this.memory;
    frames.takePage(this.from, this.to);
    swap.moved(this.from, this.to);
    this.end(this.to);
  }

  /** The page stays in its old frame. */
  fail(): void {
    this.end(this.from);
  }

  private end(pfn: Pfn): void {
    assert(!this.ended, `the move of frame ${this.from} ends twice`);
    this.ended = true;
    const { frames, locks } = this.memory;
    for (const mapping of mappingsOf(frames, this.from, pteIsMigration)) {
      restore(mapping, pfn);
    }
    this.memory.moves.delete(this.from);
    locks.unlock(this.from);
    frames.put(this.from);
    frames.put(this.to);
  }
}

/**
 * Takes the page of a frame away from everybody; it comes back when the move ends.
 * A huge page becomes small ones first.
 */
export function beginMove(memory: MachineMemory, from: Pfn, node: number): PageMove | Immovable {
  const { frames, locks } = memory;
  assert(from !== ZERO_PFN, 'the zero page does not move');
  if (locks.isLocked(from) || isPinnedAnywhere(frames, from)) return 'busy';
  splitFolio(memory, from);
  if (hasOtherUsers(memory, from)) return 'busy';
  const to = frames.alloc();
  if (to === NO_FRAME) return 'no-memory';
  frames.setNode(to, node);
  frames.get(from);
  locks.lock(from);
  for (const mapping of mappingsOf(frames, from, pteIsPresent)) displace(mapping);
  frames.clearFlag(from, FRAME_EXCLUSIVE);
  const move = new PageMove(memory, from, to);
  memory.moves.set(from, move);
  return move;
}

/** Moves a page in one step; why not, if it stays. */
export function movePage(memory: MachineMemory, from: Pfn, node: number): Immovable | 'moved' {
  const move = beginMove(memory, from, node);
  if (typeof move === 'string') return move;
  move.finish();
  return 'moved';
}

/** Nobody maps it, or somebody uses it beside entries, a file and the swap cache. */
function hasOtherUsers({ frames, swap }: MachineMemory, pfn: Pfn): boolean {
  const inFile = frames.has(pfn, FRAME_ANON) ? 0 : 1;
  const inSwapCache = swap.slotOf(pfn) === NO_SWAP ? 0 : 1;
  return frames.maps(pfn) === 0 || frames.refs(pfn) !== frames.maps(pfn) + inFile + inSwapCache;
}

function displace({ mm, slot, addr, pte }: Mapping): void {
  const { frames } = mm.memory;
  const pfn = ptePfn(pte);
  const sharing = frames.has(pfn, FRAME_EXCLUSIVE) ? 'exclusive' : 'shared';
  if (pteIsDirty(pte) && !frames.has(pfn, FRAME_ANON)) frames.setFlag(pfn, FRAME_DIRTY);
  mm.store(slot, addr, pteMakeMigration(pte, sharing));
  frames.removeMap(pfn);
}

function restore({ mm, vma, slot, addr, pte }: Mapping, pfn: Pfn): void {
  const { frames } = mm.memory;
  if (frames.has(pfn, FRAME_ANON) && pteIsMigrationExclusive(pte)) {
    frames.setFlag(pfn, FRAME_EXCLUSIVE);
  }
  frames.addMap(pfn);
  mm.store(slot, addr, rebuilt(mm, vma, pte, pfn));
}

const comesSoftDirty = ({ memory: { profile } }: Mm, entry: Pte): boolean =>
  pteIsSoftDirty(entry) ||
  (profile.config.softDirty && profile.has('migrationMarksSoftDirty') && pteIsDirty(entry));

/** The present entry that a migration entry stood for. */
function rebuilt(mm: Mm, vma: Vma, entry: Pte, pfn: Pfn): Pte {
  let pte = entryFor(mm, vma, pfn);
  if (!pteIsAccessed(entry)) pte = pteClearAccessed(pte);
  if (pteIsDirty(entry)) pte = pteMakeDirty(pte);
  if (comesSoftDirty(mm, entry)) pte = pteMakeSoftDirty(pte);
  if (pteIsMigrationWrite(entry)) return pteMakeWritable(pte);
  if (!pteIsUffdWp(entry)) return pte;
  return vma.has(VM_UFFD_RWP) ? pteMakeProtNone(pteMakeUffdWp(pte)) : pteMakeUffdWp(pte);
}
