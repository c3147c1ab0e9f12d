/**
 * UFFDIO_WRITEPROTECT and UFFDIO_WAKE: protect or release pages, and wake who waits there.
 * Answers to: mwriteprotect_range(), userfaultfd_wake().
 */

import { type Failure, fail, type Result } from '../base/errno.js';
import { type Op, Point } from '../base/op.js';
import { PMD_SIZE, pmdDown } from '../base/page.js';
import { isHuge } from '../mm/huge.js';
import type { Mm } from '../mm/mm.js';
import { clearUffdWp, setUffdWp } from '../mm/protect.js';
import { gapBytes, reading } from '../mm/read-section.js';
import { releaseMm } from '../mm/teardown.js';
import type { Vma } from '../mm/vma.js';
import { VM_UFFD_WP } from '../mm/vma-flags.js';
import {
  UFFDIO_WRITEPROTECT_MODE_DONTWAKE,
  UFFDIO_WRITEPROTECT_MODE_WP,
} from '../uapi/userfaultfd.js';
import type { UffdContext } from './context.js';
import { checkMode } from './fill-checks.js';
import { checkRange, insideHugePage, type Range } from './range.js';

const KNOWN = UFFDIO_WRITEPROTECT_MODE_WP | UFFDIO_WRITEPROTECT_MODE_DONTWAKE;

/** Arguments of UFFDIO_WRITEPROTECT. */
export interface WriteProtectArgs extends Range {
  readonly mode: number;
}

/** UFFDIO_WRITEPROTECT; what was done before a failure stays done. */
export function* writeProtect(context: UffdContext, args: WriteProtectArgs): Op<Result<0>> {
  const invalid = checkRange(context.mm, args) ?? checkModes(args.mode);
  if (invalid !== undefined) return invalid;
  if (context.mm.dead) return fail('ESRCH', 'the address space of the owner is gone');
  const failure = yield* protectHeld(context, args);
  if (failure !== undefined) return failure;
  if (args.mode !== 0) return 0;
  if (context.points.on) yield new Point('unprotect:before-wake');
  context.wakeRange(args.start, args.start + args.len);
  return 0;
}

function checkModes(mode: number): Failure | undefined {
  const unknown = checkMode(mode, KNOWN);
  if (unknown !== undefined) return unknown;
  return mode === KNOWN ? fail('EINVAL', 'MODE_WP excludes MODE_DONTWAKE') : undefined;
}

/** Changes the pages; the address space outlives its process until that is over. */
function* protectHeld(context: UffdContext, args: WriteProtectArgs): Op<Failure | undefined> {
  const { mm } = context;
  mm.users++;
  try {
    return yield* reading(mm.reading, protectAreas(context, args), 'protect:next-page');
  } finally {
    releaseMm(mm);
  }
}

/** Stops between two pages while somebody explores schedules. */
function* protectAreas(
  context: UffdContext,
  { start, len, mode }: WriteProtectArgs,
): Generator<undefined, Failure | undefined, void> {
  const { mm } = context;
  const end = start + len;
  const areas = mm.vmas.within(start, end);
  if (areas.length === 0) return fail('ENOENT', 'nothing is mapped in the range');
  if (!mm.memory.profile.has('wpSpansVmas') && !coversAlone(areas[0], start, end)) {
    return fail('ENOENT', 'the range does not lie in one area');
  }
  for (const vma of areas) {
    if (!vma.has(VM_UFFD_WP)) {
      return fail('ENOENT', 'a part of the range is not registered with MODE_WP');
    }
    const misaligned = insideHugePage(vma, { start, len });
    if (misaligned !== undefined) return misaligned;
    const from = Math.max(vma.start, start);
    const to = Math.min(vma.end, end);
    const most = context.points.on ? gapBytes(len, vma.pageSize) : to - from;
    for (let at = from; at < to; ) {
      if (at > start && context.points.on) yield;
      const next = gapFrom(mm, vma, at + most, to);
      const failure = changeArea(context, vma, { from: at, to: next }, mode);
      if (failure !== undefined) return failure;
      at = next;
    }
  }
  return undefined;
}

/** The gap at `addr` or after it; there is none inside a huge page. */
function gapFrom(mm: Mm, vma: Vma, addr: number, to: number): number {
  const inside = addr < to && !vma.isHugetlb && addr !== pmdDown(addr) && isHuge(mm, addr);
  return Math.min(inside ? pmdDown(addr) + PMD_SIZE : addr, to);
}

const coversAlone = (vma: Vma | undefined, start: number, end: number): boolean =>
  vma !== undefined && vma.start <= start && vma.end >= end;

function changeArea(
  { mm }: UffdContext,
  vma: Vma,
  { from, to }: { from: number; to: number },
  mode: number,
): Failure | undefined {
  const protects = (mode & UFFDIO_WRITEPROTECT_MODE_WP) !== 0;
  const kind = protects ? 'protect' : 'unprotect';
  mm.memory.onPage?.({ kind, mm, start: from, end: to });
  if (protects) return setUffdWp(mm, vma, from, to);
  clearUffdWp(mm, vma, from, to);
  return undefined;
}

/** UFFDIO_WAKE: nothing but the range can be wrong. */
export function wake(context: UffdContext, range: Range): Result<0> {
  const invalid = checkRange(context.mm, range);
  if (invalid !== undefined) return invalid;
  context.wakeRange(range.start, range.start + range.len);
  return 0;
}
