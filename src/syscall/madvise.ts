/**
 * madvise(2): walks the areas of a range; holes are passed over and reported at the end.
 * What each advice does to one area is in `advice.ts`.
 * Answers to: do_madvise().
 */

import { fail, failed, type Result } from '../base/errno.js';
import type { Op } from '../base/op.js';
import { isPageAligned, PAGE_SIZE, pageUp } from '../base/page.js';
import type { Signal } from '../fault/outcome.js';
import type { Caller } from '../mm/caller.js';
import type { Mm } from '../mm/mm.js';
import { VM_READ, VM_WRITE } from '../mm/vma-flags.js';
import {
  MADV_HWPOISON,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  MADV_SOFT_OFFLINE,
} from '../uapi/mman.js';
import { adviceOf } from './advice.js';
import { injectErrors } from './inject-error.js';
import { populatePage } from './populate.js';

/** Arguments of madvise(2). */
export interface MadviseArgs {
  readonly addr: number;
  readonly length: number;
  readonly advice: number;
}

/** madvise(2). */
export function* madvise(caller: Caller, args: MadviseArgs): Op<Result<0> | Signal> {
  const { mm } = caller;
  const { addr } = args;
  const populates = args.advice === MADV_POPULATE_READ || args.advice === MADV_POPULATE_WRITE;
  const breaks = args.advice === MADV_HWPOISON || args.advice === MADV_SOFT_OFFLINE;
  const known = isKnown(mm, args.advice, { populates, breaks });
  if (known === undefined || known === false) return fail('EINVAL', 'unknown advice');
  if (!isPageAligned(addr)) return fail('EINVAL', 'addr is not page aligned');
  const length = pageUp(args.length);
  if (addr + length >= 2 ** 64) return fail('EINVAL', 'the range wraps around');
  if (length === 0) return 0;
  if (breaks) return yield* injectErrors(caller, { start: addr, end: addr + length }, args.advice);
  return known === true
    ? yield* populateRange(caller, { addr, length }, args.advice === MADV_POPULATE_WRITE)
    : yield* adviseAreas(caller, { start: addr, end: addr + length }, known);
}

/** The advice, or whether this kernel has an operation of its own for it. */
function isKnown(
  mm: Mm,
  advice: number,
  { populates, breaks }: { populates: boolean; breaks: boolean },
) {
  const { profile } = mm.memory;
  if (breaks) return profile.config.memoryFailure;
  return populates ? profile.has('madvPopulate') : adviceOf(mm, advice);
}

type Advice = Exclude<ReturnType<typeof adviceOf>, undefined>;

function* adviseAreas(
  caller: Caller,
  { start, end }: { start: number; end: number },
  advice: Advice,
): Op<Result<0>> {
  const { mm } = caller;
  let holes = false;
  for (let at = start; at < end; ) {
    const vma = mm.vmas.findFrom(at);
    if (vma === undefined || vma.start >= end) {
      holes = true;
      break;
    }
    if (vma.start > at) holes = true;
    const part = { start: Math.max(vma.start, at), end: Math.min(vma.end, end) };
    const reached = yield* advice(caller, vma, part);
    if (failed(reached)) return reached;
    at = reached;
  }
  return holes ? fail('ENOMEM', 'a part of the range is not mapped') : 0;
}

function* populateRange(
  caller: Caller,
  { addr, length }: { addr: number; length: number },
  write: boolean,
): Op<Result<0>> {
  const hole = fail('ENOMEM', 'a part of the range is not mapped');
  const stops = caller.mm.memory.profile.has('populateStopsAtHoles');
  let result: Result<0> = 0;
  for (let page = addr; page < addr + length; page += PAGE_SIZE) {
    const vma = caller.mm.vmas.find(page);
    if (vma === undefined) {
      if (stops) return hole;
      const next = caller.mm.vmas.findFrom(page);
      if (next === undefined || next.start >= addr + length) return hole;
      result = hole;
      page = next.start - PAGE_SIZE;
      continue;
    }
    if (!vma.has(write ? VM_WRITE : VM_READ)) {
      return fail('EINVAL', 'the mapping does not allow the access');
    }
    const failure = yield* populatePage(caller, page, write);
    if (failure !== undefined) return failure;
  }
  return result;
}
