/**
 * Soft-dirty: which pages were written since somebody reset the bits, without a userfaultfd.
 * A reset takes write permission away, so that the next store is noticed.
 * Answers to: clear_soft_dirty(), vma_soft_dirty_enabled().
 */

import { type Slot, slotAfter } from '../pgtable/arena.js';
import {
  PTE_NONE,
  type Pte,
  pteClearAccessed,
  pteClearSoftDirty,
  pteClearWritable,
  pteIsPresent,
  pteIsSoftDirty,
  pteIsSpecial,
  pteIsWritable,
  pteMakeDirty,
  pteMakeSoftDirty,
  ptePfn,
} from '../pgtable/pte.js';
import { isHugeSlot } from './huge.js';
import type { Mm } from './mm.js';
import type { Vma } from './vma.js';
import { VM_SOFTDIRTY } from './vma-flags.js';

/** An entry that was written as far as soft-dirty goes, where it is built in. */
export const softDirtied = ({ memory }: Mm, pte: Pte): Pte =>
  memory.profile.config.softDirty ? pteMakeSoftDirty(pte) : pte;

/** A dirty entry as the kernel makes one: soft-dirty too. */
export const written = (mm: Mm, pte: Pte): Pte => softDirtied(mm, pteMakeDirty(pte));

/** A store must be noticed because nobody wrote the page since the last reset. */
export const awaitsSoftDirty = ({ memory }: Mm, vma: Vma, pte: Pte): boolean =>
  memory.profile.config.softDirty && !vma.has(VM_SOFTDIRTY) && !pteIsSoftDirty(pte);

/** Resets soft-dirty in all areas and entries; protection by userfaultfd stays. */
export function resetSoftDirty(mm: Mm): void {
  if (!mm.memory.profile.config.softDirty) return;
  for (const vma of mm.vmas) {
    vma.flags &= ~VM_SOFTDIRTY;
    changeEntries(mm, vma, (pte, slot) => cleared(mm, vma, pte, slot));
  }
}

/** Makes the pages of an area look as if nobody had used them. */
export function clearAccessed(mm: Mm, vma: Vma): void {
  changeEntries(mm, vma, (pte) => (pteIsPresent(pte) ? pteClearAccessed(pte) : pte));
}

function changeEntries(mm: Mm, vma: Vma, change: (pte: Pte, slot: Slot) => Pte): void {
  mm.visit(vma.start, vma.end, (first, _addr, count) => {
    for (let i = 0; i < count; i++) {
      const slot = slotAfter(first, i);
      const pte = mm.load(slot);
      if (pte !== PTE_NONE) mm.memory.tables.store(slot, change(pte, slot));
    }
  });
  mm.tlb.flushRange(vma.start, vma.end);
}

/** Whoever pinned a page goes on writing it unseen: it stays as it is, but not a huge one. */
function cleared(mm: Mm, vma: Vma, pte: Pte, slot: Slot): Pte {
  if (!pteIsPresent(pte)) return pteClearSoftDirty(pte);
  const { frames } = mm.memory;
  const pinned =
    !isHugeSlot(mm, slot) && vma.isCow && !pteIsSpecial(pte) && frames.pins(ptePfn(pte)) > 0;
  return pinned && pteIsWritable(pte) ? pte : pteClearSoftDirty(pteClearWritable(pte));
}
