/**
 * What all fills share: the window, the area they must lie in, the loop, and what they report.
 * A fill is COPY, ZEROPAGE, CONTINUE or POISON; each brings the function that does one page.
 * Answers to: mfill_atomic().
 */

import { errnoOf, type Failure, fail, failed, type Result } from '../base/errno.js';
import { type Op, Point } from '../base/op.js';
import type { Caller } from '../mm/caller.js';
import { isHugeSlot } from '../mm/huge.js';
import { hugeSize } from '../mm/hugetlb-area.js';
import type { Place } from '../mm/install.js';
import type { Mm } from '../mm/mm.js';
import { prepareAnonVma } from '../mm/rmap.js';
import { releaseMm } from '../mm/teardown.js';
import type { Vma } from '../mm/vma.js';
import { VM_SHARED } from '../mm/vma-flags.js';
import { NO_SLOT } from '../pgtable/arena.js';
import type { UffdContext } from './context.js';
import { insideHugePage } from './range.js';

/** How an ioctl with a result field ended. */
export interface FillOutcome {
  readonly failure: Failure | undefined;
  /** Signed result field: bytes done or a negated errno; `undefined` when it was not written. */
  readonly progress: number | undefined;
}

/** Writes the result field; a failure means that user memory was not writable. */
export type Report = (progress: number) => Op<Failure | undefined>;

/** Who calls and where the result goes. */
export interface FillCall {
  readonly caller: Caller;
  readonly report: Report;
}

/** A fill whose arguments are checked. */
export interface FillRequest {
  readonly dst: number;
  readonly len: number;
  readonly wakes: boolean;
  /** Checks the area once it is found. */
  checkArea(vma: Vma): Failure | undefined;
  /** Fills one page; may wait, after which the area is looked up again. */
  fillPage(place: FillPlace): Op<Failure | undefined>;
}

/** One page to fill. */
export interface FillPlace extends Place {
  /** Offset of the page from the start of the request. */
  readonly offset: number;
  /** Finds the area and the slot again after a wait. */
  revalidate(): Result<Place>;
}

const argumentError = (failure: Failure): FillOutcome => ({ failure, progress: undefined });

/** Why a fill ends between two pages although nothing is wrong with them. */
export const CUT = 'the mapping changed and was settled again between two pages';

/** The first check of every fill: refused while an operation changes the mapping. */
export function* refuseInWindow(context: UffdContext, call: FillCall): Op<FillOutcome | undefined> {
  if (!context.windowOpen) return undefined;
  const failure = fail('EAGAIN', 'an event of this userfaultfd is unread: the mapping changes');
  if (!context.mm.memory.profile.has('windowField')) return argumentError(failure);
  return yield* reported(call, failure, -errnoOf('EAGAIN'));
}

/** The outcome once the result field is written. */
function* reported(
  call: FillCall,
  failure: Failure | undefined,
  progress: number,
): Op<FillOutcome> {
  const unwritable = yield* call.report(progress);
  return unwritable === undefined ? { failure, progress } : argumentError(unwritable);
}

/** Ends an ioctl before any page was looked at. */
export const refuse = argumentError;

/** Runs a fill over its pages, reports, and wakes. */
export function* runFill(
  context: UffdContext,
  call: FillCall,
  request: FillRequest,
): Op<FillOutcome> {
  if (context.mm.dead) {
    return argumentError(fail('ESRCH', 'the address space of the owner is gone'));
  }
  context.mm.users++; // it outlives its process until the call is over
  const { done, failure } = yield* fillAndRelease(context, request);
  const { dst, len, wakes } = request;
  return yield* reportAndWake(context, call, { dst, len, wakes, done, failure });
}

function* fillAndRelease(context: UffdContext, request: FillRequest): Op<Progress> {
  try {
    return yield* fillPages(context, request);
  } finally {
    releaseMm(context.mm);
  }
}

/** How far a request got. */
interface Progress {
  readonly done: number;
  readonly failure: Failure | undefined;
}

/** What is needed to end a request. */
type Ended = Pick<FillRequest, 'dst' | 'len' | 'wakes'> & Progress;

/** Writes the result field and wakes who waited for the pages that are done. */
export function* reportAndWake(
  context: UffdContext,
  call: FillCall,
  { dst, len, wakes, done, failure }: Ended,
): Op<FillOutcome> {
  const progress = done > 0 || failure === undefined ? done : -failure.errno;
  const partial =
    done > 0 && failure !== undefined
      ? fail('EAGAIN', `only ${done} of ${len} bytes were done: ${failure.detail}`)
      : failure;
  const outcome = yield* reported(call, partial, progress);
  // Nobody is woken when the result could not be written, although the pages are there.
  const written = outcome.progress !== undefined;
  if (!written || !wakes || done === 0) return outcome;
  if (context.points.on) yield new Point('fill:before-wake');
  context.wakeRange(dst, dst + done);
  return outcome;
}

function* fillPages(context: UffdContext, request: FillRequest): Op<Progress> {
  const { mm } = context;
  const { points } = mm.memory;
  let done = 0;
  while (done < request.len) {
    if (done > 0 && points.on) yield new Point('fill:next-page');
    if (points.cutsFill) return { done, failure: fail('EAGAIN', CUT) };
    const find = (): Result<Place> => placeOf(context, request, request.dst + done);
    const place = find();
    if (failed(place)) return { done, failure: place };
    const failure = yield* request.fillPage({
      mm,
      vma: place.vma,
      slot: place.slot,
      addr: place.addr,
      offset: done,
      revalidate: find,
    });
    if (failure !== undefined && mm.memory.isShort && mm.memory.onShortage()) continue;
    if (failure !== undefined) return { done, failure };
    const { addr } = place;
    mm.memory.onPage?.({ kind: 'fill', mm, addr });
    done += place.vma.pageSize;
  }
  return { done, failure: undefined };
}

/** The area that the whole request must lie in, and the slot of one of its pages. */
function placeOf(context: UffdContext, request: FillRequest, addr: number): Result<Place> {
  const { mm } = context;
  const vma = fillArea(mm, request.dst, request.len);
  if (failed(vma)) return vma;
  if (context.windowOpen) return fail('EAGAIN', 'the mapping is being changed');
  const refused = request.checkArea(vma);
  if (refused !== undefined) return refused;
  if (vma.file?.inode.backing === 'disk') {
    return fail('EINVAL', 'a regular file cannot be filled');
  }
  const misaligned = insideHugePage(vma, { start: request.dst, len: request.len });
  if (misaligned !== undefined) return misaligned;
  if (!vma.has(VM_SHARED)) prepareAnonVma(mm, vma);
  const slot = vma.isHugetlb ? mm.hugeSlotOrCreate(addr, hugeSize(vma)) : mm.slotOrCreate(addr);
  if (slot === NO_SLOT) return fail('ENOMEM', 'no memory for a page table');
  if (isHugeSlot(mm, slot)) return fail('EEXIST', 'a huge page is there already');
  return { mm, vma, slot, addr };
}

function fillArea(mm: Mm, dst: number, len: number): Result<Vma> {
  const vma = mm.vmas.find(dst);
  if (vma === undefined) return fail('ENOENT', 'nothing is mapped at the destination');
  const early = mm.memory.profile.has('fillPreparesFirst'); // merging can tell
  if (early && !vma.has(VM_SHARED)) prepareAnonVma(mm, vma);
  if (vma.uffd === undefined) return fail('ENOENT', 'the destination is not registered');
  if (dst + len > vma.end) return fail('ENOENT', 'the destination ends beyond its area');
  return vma;
}

/** EFAULT where a page index lies beyond the file that the area maps. */
export function beyondFile(place: Place): boolean {
  const { vma, addr } = place;
  return vma.file !== undefined && vma.indexOf(addr) >= vma.file.inode.sizePages;
}
