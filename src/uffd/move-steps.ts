/**
 * What UFFDIO_MOVE does to one entry once both places are known: zeros, a swapped page, a page.
 * Answers to: move_present_ptes(), move_swap_pte(), move_zeropage_pte().
 */

import type { Pfn } from '../base/brand.js';
import { type Failure, fail } from '../base/errno.js';
import { entryFor, maybeWritable } from '../mm/install.js';
import type { Mm } from '../mm/mm.js';
import { prepareAnonVma } from '../mm/rmap.js';
import { softDirtied, written } from '../mm/soft-dirty.js';
import type { Vma } from '../mm/vma.js';
import { VM_UFFD_RWP } from '../mm/vma-flags.js';
import type { Slot } from '../pgtable/arena.js';
import {
  PTE_NONE,
  type Pte,
  pteIsSwpExclusive,
  pteMakeProtNone,
  pteMakeUffdWp,
  ptePfn,
} from '../pgtable/pte.js';

/** Arguments of UFFDIO_MOVE. */
export interface MoveArgs {
  readonly dst: number;
  readonly src: number;
  readonly len: number;
  readonly mode: number;
}

/** One page on its way, and the slot that it goes to. */
export interface Step {
  readonly src: number;
  readonly dst: number;
  readonly target: Slot;
}

/** The zero page is mapped anew; nothing of the old entry comes along. */
export function moveZero(mm: Mm, to: Vma, { src, dst, target }: Step): undefined {
  const zero = entryFor(mm, to, ptePfn(mm.pte(src)));
  mm.store(mm.slot(src), src, PTE_NONE);
  mm.store(target, dst, zero);
}

/** A swapped page moves without being read, its side bits with it. */
export function moveSwap(mm: Mm, { src, dst, target }: Step, pte: Pte): Failure | undefined {
  if (!pteIsSwpExclusive(pte)) return fail('EBUSY', 'the swapped source page is shared');
  mm.store(mm.slot(src), src, PTE_NONE);
  mm.store(target, dst, softDirtied(mm, pte));
  return undefined;
}

/** The page is mapped writable and dirty, and belongs to the area that it moved to. */
export function moveFrame(mm: Mm, to: Vma, { src, dst, target }: Step, pfn: Pfn): undefined {
  mm.memory.frames.setOwner(pfn, prepareAnonVma(mm, to), to.indexOf(dst));
  const moved = maybeWritable(to, written(mm, entryFor(mm, to, pfn)));
  mm.store(mm.slot(src), src, PTE_NONE);
  mm.store(target, dst, to.has(VM_UFFD_RWP) ? pteMakeProtNone(pteMakeUffdWp(moved)) : moved);
}
