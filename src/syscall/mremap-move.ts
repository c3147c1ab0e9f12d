/**
 * Moving one area for mremap: a copy of the area, its entries, then the old place goes.
 * A registration moves along only with EVENT_REMAP; without it the new area has none.
 * Answers to: move_vma().
 */

import { type Failure, fail, failed, type Result } from '../base/errno.js';
import type { Op } from '../base/op.js';
import { PAGE_SIZE } from '../base/page.js';
import { moveHugetlb } from '../mm/hugetlb-move.js';
import { keepLocked } from '../mm/mlocked.js';
import type { Mm } from '../mm/mm.js';
import { addMapping, isolate, mapCountAllows } from '../mm/modify.js';
import { moveEntries, type TableMove } from '../mm/move.js';
import { isRwProtected, withoutRwProtection } from '../mm/protect.js';
import type { UffdNotice } from '../mm/uffd-port.js';
import type { Vma } from '../mm/vma.js';
import { VM_LOCKED, VM_UFFD } from '../mm/vma-flags.js';
import { type Pte, pteClearUffdWp } from '../pgtable/pte.js';
import { Notices, unmapRange } from './unmap.js';

/** The events of one mremap, in the order in which they are sent. */
export class MoveNotices {
  /** Of what was at the target. */
  readonly early = new Notices();
  /** Of the old place. */
  readonly late = new Notices();
  /** Of the move itself. */
  remap: UffdNotice | undefined;

  *complete(): Op<void> {
    try {
      yield* this.early.complete();
      if (this.remap !== undefined) yield* this.remap.complete();
      yield* this.late.complete();
    } finally {
      this.remap?.cancel();
      this.late.cancel();
    }
  }

  /** The move failed: the window of REMAP closes; what was unmapped is unmapped all the same. */
  cancel(): void {
    this.remap?.cancel();
    this.remap = undefined;
  }
}

/** A move whose target is free. */
export interface Move {
  readonly from: number;
  readonly to: number;
  readonly oldSize: number;
  readonly newSize: number;
  /** Length that the REMAP event names. */
  readonly reported: number;
  /** MREMAP_DONTUNMAP: the old area stays, empty. */
  readonly keepsOld: boolean;
}

/** Moves (a part of) an area; answers the new address. */
export function moveArea(mm: Mm, vma: Vma, move: Move, notices: MoveNotices): Result<number> {
  if (!mapCountAllows(mm)) return fail('ENOMEM', 'the address space has too many areas');
  const { uffd } = vma;
  const { from, to, oldSize } = move;
  const notice = uffd?.prepareRemap(from, to, move.reported);
  notices.remap ??= notice;
  const target = copyArea(mm, vma, move);
  const clearsWp =
    uffd !== undefined && notice === undefined && mm.memory.profile.has('mremapClearsWp');
  const unprotect = (pte: Pte): Pte =>
    isRwProtected(vma, pte) ? withoutRwProtection(mm, vma, pte) : pteClearUffdWp(pte);
  const failure = moveTables(mm, vma, { from, to, lenBytes: oldSize, clearsWp, unprotect });
  if (failure !== undefined) return undo(mm, vma, move, failure, notices);
  if (uffd !== undefined && notice === undefined) {
    target.flags &= ~VM_UFFD;
    target.uffd = undefined;
  }
  if (move.keepsOld) return keepOld(mm, vma, target, move);
  movePromise(mm, vma, target, move);
  return unmapRange(mm, { start: from, end: from + oldSize }, notices.late) ?? to;
}

function moveTables(mm: Mm, vma: Vma, move: TableMove): Failure | undefined {
  return vma.isHugetlb ? moveHugetlb(mm, vma, move) : moveEntries(mm, move);
}

/** The new area has what the old one was promised. */
function movePromise(mm: Mm, vma: Vma, target: Vma, { from, oldSize }: Move): void {
  if (!vma.isHugetlb) return;
  target.promise = vma.promise;
  target.lostPages = vma.lostPages;
  const old = isolate(mm, vma, from, from + oldSize);
  if (!failed(old)) old.promise = undefined;
}

/** The area at its new place, as a part of a neighbour where it may be one. */
function copyArea(mm: Mm, vma: Vma, { from, to, newSize }: Move): Vma {
  const untouched = vma.isAnonymous && vma.anonVma === undefined;
  return addMapping(mm, {
    start: to,
    end: to + newSize,
    flags: vma.flags,
    file: vma.file?.get(),
    pgoff: untouched ? to / PAGE_SIZE : vma.indexOf(from),
    uffd: vma.uffd,
    anonVma: vma.anonVma,
    anonChain: vma.anonChain,
  });
}

function keepOld(mm: Mm, vma: Vma, target: Vma, { from, to, oldSize }: Move): number {
  if (vma.has(VM_LOCKED)) keepLocked(mm, vma);
  vma.flags &= ~VM_LOCKED;
  const whole = target !== vma && vma.start === from && vma.end === from + oldSize;
  if (whole) forgetOwners(vma);
  mm.tlb.flushRange(from, from + oldSize);
  return to;
}

/** An area that lost all its pages: new ones get an owner of their own. */
function forgetOwners(vma: Vma): void {
  if (vma.site !== undefined) for (const owner of vma.anonChain) owner.sites.delete(vma.site);
  vma.anonChain = [];
  vma.anonVma = undefined;
}

/** Memory ran out half-way: the entries go back and the copy goes. */
function undo(mm: Mm, vma: Vma, move: Move, failure: Failure, notices: MoveNotices): Failure {
  const { from, to, oldSize, newSize } = move;
  const unprotect = (pte: Pte): Pte => pte;
  moveTables(mm, vma, { from: to, to: from, lenBytes: oldSize, clearsWp: false, unprotect });
  unmapRange(mm, { start: to, end: to + newSize }, new Notices());
  notices.cancel();
  return failure;
}
