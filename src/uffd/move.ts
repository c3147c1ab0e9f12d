/**
 * UFFDIO_MOVE: moves anonymous pages to missing ones without copying them.
 * Answers to: move_pages() of mm/userfaultfd.c.
 */

import { type Failure, fail, failed, type Result } from '../base/errno.js';
import { type Op, Point } from '../base/op.js';
import { PAGE_SIZE, PMD_SIZE } from '../base/page.js';
import { pageUnlocked } from '../fault/locked.js';
import { isPinnedAnywhere, splitFolio } from '../mm/folio.js';
import type { Mm } from '../mm/mm.js';
import { prepareAnonVma } from '../mm/rmap.js';
import type { Vma } from '../mm/vma.js';
import { VM_ACCESS, VM_LOCKED, VM_SHARED, VM_WRITE } from '../mm/vma-flags.js';
import { NO_SLOT } from '../pgtable/arena.js';
import {
  PTE_NONE,
  type Pte,
  pteIsMigration,
  pteIsPresent,
  pteIsSpecial,
  pteIsSwap,
  ptePfn,
} from '../pgtable/pte.js';
import { FRAME_EXCLUSIVE } from '../phys/frames.js';
import {
  UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES,
  UFFDIO_MOVE_MODE_DONTWAKE,
} from '../uapi/userfaultfd.js';
import type { UffdContext } from './context.js';
import { CUT, type FillCall, type FillOutcome, refuse, reportAndWake } from './fill.js';
import { checkMode } from './fill-checks.js';
import { moveHuge } from './move-huge.js';
import { type MoveArgs, moveFrame, moveSwap, moveZero } from './move-steps.js';
import { checkRange } from './range.js';

/** UFFDIO_MOVE, behind the window check. */
export function* move(context: UffdContext, call: FillCall, args: MoveArgs): Op<FillOutcome> {
  const { mm } = context;
  if (call.caller.mm !== mm) {
    return refuse(fail('EINVAL', 'only the owner of the address space can move its pages'));
  }
  const invalid =
    checkRange(mm, { start: args.dst, len: args.len }, 'dst') ??
    checkRange(mm, { start: args.src, len: args.len }, 'src') ??
    checkMode(args.mode, UFFDIO_MOVE_MODE_DONTWAKE | UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES);
  if (invalid !== undefined) return refuse(invalid);
  const progress = yield* movePages(context, args);
  return yield* reportAndWake(context, call, {
    ...progress,
    dst: args.dst,
    len: args.len,
    wakes: (args.mode & UFFDIO_MOVE_MODE_DONTWAKE) === 0,
  });
}

interface MoveAreas {
  readonly to: Vma;
  readonly from: Vma;
}

function* movePages(
  context: UffdContext,
  args: MoveArgs,
): Op<{ done: number; failure: Failure | undefined }> {
  const { mm } = context;
  const { points } = mm.memory;
  let done = 0;
  while (done < args.len) {
    if (done > 0 && points.on) yield new Point('fill:next-page');
    if (points.cutsFill) return { done, failure: fail('EAGAIN', CUT) };
    const areas = findAreas(context, args);
    if (failed(areas)) return { done, failure: areas };
    const huge = moveHuge(mm, areas.to, args, done);
    if (failed(huge)) return { done, failure: huge };
    const failure = huge === 'moved' ? undefined : movePage(mm, areas, args, done);
    if (failure === 'locked') yield* pageUnlocked(mm, args.src + done);
    else if (failure !== undefined) return { done, failure };
    else done += tellMoved(mm, args.dst + done, huge === 'moved' ? PMD_SIZE : PAGE_SIZE);
  }
  return { done, failure: undefined };
}

/** Tells who watches of pages that were moved; answers how many bytes they are. */
function tellMoved(mm: Mm, dst: number, lenBytes: number): number {
  const { onPage } = mm.memory;
  if (onPage === undefined) return lenBytes;
  for (let done = 0; done < lenBytes; done += PAGE_SIZE) {
    onPage({ kind: 'fill', mm, addr: dst + done });
  }
  return lenBytes;
}

function findAreas(context: UffdContext, { dst, src, len }: MoveArgs): Result<MoveAreas> {
  const { mm } = context;
  const to = mm.vmas.find(dst);
  if (to === undefined) return fail('ENOENT', 'nothing is mapped at dst');
  if (!to.has(VM_SHARED)) prepareAnonVma(mm, to);
  const from = mm.vmas.find(src);
  if (from === undefined) return fail('ENOENT', 'nothing is mapped at src');
  if (context.windowOpen) return fail('EAGAIN', 'the mapping is being changed');
  const reason = unfit(context, { to, from }, { dst, src, len });
  return reason === undefined ? { to, from } : fail('EINVAL', reason);
}

/** Why two areas cannot exchange pages, in the order of the checks. */
function unfit(
  context: UffdContext,
  { to, from }: MoveAreas,
  { dst, src, len }: { dst: number; src: number; len: number },
): string | undefined {
  if (from.has(VM_SHARED)) return 'the source is shared';
  if (src + len > from.end) return 'the source ends beyond its area';
  if (to.has(VM_SHARED)) return 'the destination is shared';
  if (dst + len > to.end) return 'the destination ends beyond its area';
  if (((to.flags ^ from.flags) & VM_ACCESS) !== 0) return 'the access rights differ';
  if (((to.flags ^ from.flags) & VM_LOCKED) !== 0) return 'only one of the two is locked';
  if (!from.has(VM_WRITE)) return 'the areas are not writable';
  if (to.uffd !== context) return 'the destination is not registered with this userfaultfd';
  if (!to.isAnonymous || !from.isAnonymous) return 'an area is not anonymous';
  return undefined;
}

/** Moves one page; `locked` when it is on its way to another frame: then nothing has changed. */
function movePage(
  mm: Mm,
  areas: MoveAreas,
  args: MoveArgs,
  offset: number,
): Failure | 'locked' | undefined {
  const holes = (args.mode & UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES) !== 0;
  const src = args.src + offset;
  const dst = args.dst + offset;
  if (!mm.hasTable(src) && !holes) return fail('ENOENT', 'the source is empty');
  const target = mm.slotOrCreate(dst);
  if (target === NO_SLOT || mm.slotOrCreate(src) === NO_SLOT) {
    return fail('ENOMEM', 'no memory for a page table');
  }
  if (mm.load(target) !== PTE_NONE) return fail('EEXIST', 'the destination is occupied');
  const pte = mm.pte(src);
  if (pte === PTE_NONE) return holes ? undefined : fail('ENOENT', 'the source is empty');
  if (pteIsSwap(pte)) return moveSwap(mm, { src, dst, target }, pte);
  if (pteIsMigration(pte)) return 'locked';
  if (!pteIsPresent(pte)) return fail('EFAULT', 'the source holds a marker or a lost page');
  if (pteIsSpecial(pte)) return moveZero(mm, areas.to, { src, dst, target });
  const shared = splitShared(mm, pte);
  if (shared !== undefined) return shared;
  if (mm.pte(src) !== pte) return movePage(mm, areas, args, offset); // it held zeros alone
  return moveFrame(mm, areas.to, { src, dst, target }, ptePfn(pte));
}

/** Makes sure that the page is nobody else's and a page of its own. */
function splitShared({ memory }: Mm, pte: Pte): Failure | undefined {
  const { frames } = memory;
  const pfn = ptePfn(pte);
  if (!frames.has(pfn, FRAME_EXCLUSIVE) || frames.refs(pfn) > 1 || isPinnedAnywhere(frames, pfn)) {
    return fail('EBUSY', 'the source page is shared');
  }
  splitFolio(memory, pfn);
  return undefined;
}
