/**
 * Memory failure: hardware says that a frame is lost. Entries that map it become entries that only
 * know so; the frame is never used again. Soft offline moves the page away in time.
 * Who gets a signal, the system call above decides.
 * Answers to: memory_failure(), soft_offline_page().
 */

import type { Pfn } from '../base/brand.js';
import { PAGE_SIZE } from '../base/page.js';
import { RegularInode } from '../file/regular.js';
import { pteIsDirty, pteIsPresent, pteMakeHwpoison, ptePfn } from '../pgtable/pte.js';
import { FRAME_DIRTY, FRAME_EXCLUSIVE, FRAME_HWPOISON, ZERO_PFN } from '../phys/frames.js';
import { splitFolio } from './folio.js';
import { isMerged } from './ksm-page.js';
import type { MachineMemory } from './memory.js';
import { beginMove, type Immovable } from './migration.js';
import { type Mapping, mappingsOf } from './rmap.js';
import { ZAP_HOLE, zapRange } from './zap.js';

/** What a failure did: nothing was lost, content was, or the frame cannot be taken away. */
export type FailureOutcome = 'clean' | 'lost' | 'refused';

/** Takes a frame out of use for good; what only it had is lost. */
export function failFrame(memory: MachineMemory, pfn: Pfn): FailureOutcome {
  const { frames } = memory;
  if (pfn === ZERO_PFN) {
    frames.setFlag(pfn, FRAME_HWPOISON); // everybody goes on using it
    return 'refused';
  }
  if (isMerged(frames, pfn) && !memory.profile.has('ksmMemoryFailure')) return 'refused';
  splitFolio(memory, pfn);
  if (frames.refs(pfn) === 0) return 'clean'; // it held zeros, and went as the huge page did
  const mappings = mappingsOf(frames, pfn, pteIsPresent);
  const dirty = frames.has(pfn, FRAME_DIRTY) || mappings.some(({ pte }) => pteIsDirty(pte));
  const owner = frames.owner(pfn);
  frames.retire(pfn);
  frames.clearFlag(pfn, FRAME_EXCLUSIVE);
  const isOnDisk = owner instanceof RegularInode;
  for (const mapping of mappings) {
    if (isOnDisk && !dirty)
      forget(mapping); // it is read again
    else lose(mapping);
  }
  if (isOnDisk) owner.drop(frames.ownerIndex(pfn));
  return dirty ? 'lost' : 'clean';
}

function lose({ mm, slot, addr, pte }: Mapping): void {
  const { frames } = mm.memory;
  const pfn = ptePfn(pte);
  mm.store(slot, addr, pteMakeHwpoison(pfn));
  frames.removeMap(pfn);
}

function forget({ mm, vma, addr }: Mapping): void {
  zapRange(mm, vma, addr, addr + PAGE_SIZE, ZAP_HOLE);
}

/** Moves the page of a frame away and takes the frame out of use; why not, if it stays. */
export function retireFrame(memory: MachineMemory, pfn: Pfn): Immovable | 'moved' {
  const { frames } = memory;
  const move = beginMove(memory, pfn, frames.node(pfn));
  if (typeof move === 'string') return move;
  frames.retire(pfn);
  move.finish();
  return 'moved';
}
