/**
 * mprotect(2) and mlock(2): changes that walk the areas of a range and stop at the first hole.
 * What was changed before an error stays changed. Registrations and protection survive.
 * Answers to: do_mprotect_pkey(), apply_vma_lock_flags().
 */

import { type Failure, fail, failed, type Result } from '../base/errno.js';
import type { Op } from '../base/op.js';
import {
  isPageAligned,
  PAGE_SIZE,
  pageDown,
  pageOffset,
  pageUp,
  pageUpWrapped,
} from '../base/page.js';
import { attemptFault } from '../fault/access.js';
import { translate } from '../fault/fault.js';
import { isProgress } from '../fault/outcome.js';
import type { Caller } from '../mm/caller.js';
import { mayLock, rangeExceedsLockLimit } from '../mm/lock-limit.js';
import { letGo } from '../mm/mlocked.js';
import type { Mm } from '../mm/mm.js';
import { modifyVma } from '../mm/modify.js';
import { applyAccess } from '../mm/protect.js';
import type { Vma } from '../mm/vma.js';
import {
  accessOfProt,
  VM_ACCESS,
  VM_ACCOUNT,
  VM_GROWSDOWN,
  VM_LOCKED,
  VM_MAYWRITE,
  VM_NORESERVE,
  VM_SHARED,
  VM_WRITE,
} from '../mm/vma-flags.js';
import {
  PROT_EXEC,
  PROT_GROWSDOWN,
  PROT_GROWSUP,
  PROT_READ,
  PROT_SEM,
  PROT_WRITE,
} from '../uapi/mman.js';
import { populate } from './populate.js';

/** A range of whole pages. */
interface Span {
  readonly start: number;
  readonly end: number;
}

/** mprotect(2). */
export function mprotect(mm: Mm, args: { addr: number; length: number; prot: number }): Result<0> {
  const { addr, prot } = args;
  const grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
  if (grows === (PROT_GROWSDOWN | PROT_GROWSUP)) {
    return fail('EINVAL', 'PROT_GROWSDOWN excludes PROT_GROWSUP');
  }
  if (!isPageAligned(addr)) return fail('EINVAL', 'addr is not page aligned');
  if (args.length === 0) return 0;
  const end = addr + pageUp(args.length);
  if (end >= 2 ** 64) return fail('ENOMEM', 'the range wraps around');
  if ((prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM | grows)) !== 0) {
    return fail('EINVAL', 'prot has unknown bits');
  }
  const span = growsTo(mm, { start: addr, end }, grows);
  if (failed(span)) return span;
  return eachArea(mm, span, (vma, part) => protectArea(mm, vma, part, accessOfProt(prot))) ?? 0;
}

function growsTo(mm: Mm, span: Span, grows: number): Result<Span> {
  if (grows === 0) return span;
  const vma = mm.vmas.find(span.start);
  if (vma === undefined) return fail('ENOMEM', 'nothing is mapped at addr');
  if (grows !== PROT_GROWSDOWN || !vma.has(VM_GROWSDOWN)) {
    return fail('EINVAL', 'the mapping does not grow that way');
  }
  return { start: vma.start, end: span.end };
}

/** Does something to each area of a span, in order; ENOMEM at the first hole. */
function eachArea(
  mm: Mm,
  { start, end }: Span,
  change: (vma: Vma, part: Span) => Failure | undefined,
): Failure | undefined {
  for (let at = start; at < end; ) {
    const vma = mm.vmas.find(at);
    if (vma === undefined) return fail('ENOMEM', 'a part of the range is not mapped');
    const part = { start: at, end: Math.min(vma.end, end) };
    const failure = change(vma, part);
    if (failure !== undefined) return failure;
    at = part.end;
  }
  return undefined;
}

function protectArea(mm: Mm, vma: Vma, part: Span, access: number): Failure | undefined {
  if ((access & VM_WRITE) !== 0 && !vma.has(VM_MAYWRITE)) {
    return fail('EACCES', 'a shared mapping of a read-only descriptor cannot be made writable');
  }
  const wanted = (vma.flags & ~VM_ACCESS) | access;
  if (wanted === vma.flags) return undefined;
  const flags = accounted(mm, vma, wanted);
  const overcommits = (flags & ~vma.flags & VM_ACCOUNT) !== 0 && tooLarge(mm, part);
  if (overcommits) return fail('ENOMEM', 'the range is larger than the memory of the machine');
  const populates =
    vma.has(VM_LOCKED) && !vma.has(VM_WRITE | VM_SHARED) && (flags & VM_WRITE) !== 0;
  const changed = modifyVma(mm, vma, part, { flags, uffd: vma.uffd });
  if (failed(changed)) return changed;
  applyAccess(mm, changed, part.start, part.end);
  if (populates) populateAtOnce(mm, part);
  return undefined;
}

const tooLarge = ({ memory }: Mm, { start, end }: Span): boolean =>
  (end - start) / PAGE_SIZE > memory.frames.total;

/** A locked private area that becomes writable gets its own pages, up to one that it cannot get. */
function populateAtOnce(mm: Mm, { start, end }: Span): void {
  for (let page = start; page < end; page += PAGE_SIZE) {
    for (let tries = 0; !translate(mm, page, true); tries++) {
      if (!isProgress(attemptFault(mm, { addr: page, write: true, tries }))) return;
    }
  }
}

/** A private area is charged once it is writable, and no more once it is neither that nor used. */
function accounted({ memory }: Mm, vma: Vma, flags: number): number {
  if (vma.isHugetlb) return flags;
  if ((flags & VM_WRITE) !== 0) {
    return vma.has(VM_ACCOUNT | VM_WRITE | VM_SHARED | VM_NORESERVE) ? flags : flags | VM_ACCOUNT;
  }
  const unused = vma.isAnonymous && vma.anonVma === undefined;
  return unused && memory.profile.has('mprotectUnaccounts') ? flags & ~VM_ACCOUNT : flags;
}

/** mlock(2) and munlock(2). */
export function* lockRange(
  caller: Caller,
  args: { addr: number; length: number },
  locked: 'lock' | 'unlock',
): Op<Result<0>> {
  const { mm } = caller;
  const start = pageDown(args.addr);
  const ends = pageOffset(args.length) + pageOffset(args.addr);
  const end = start + pageUpWrapped(pageDown(args.length) + pageUp(ends));
  if (locked === 'lock') {
    if (!mayLock(caller)) return fail('EPERM', 'RLIMIT_MEMLOCK is 0');
    if (rangeExceedsLockLimit(caller, { start, end })) {
      return fail('ENOMEM', 'more than RLIMIT_MEMLOCK would be locked');
    }
  }
  if (end === start) return 0;
  if (end >= 2 ** 64) return fail('EINVAL', 'the range wraps around');
  const failure = eachArea(mm, { start, end }, (vma, part) => {
    if (vma.isHugetlb) return undefined; // never swapped: nothing to lock
    const flags = locked === 'lock' ? vma.flags | VM_LOCKED : vma.flags & ~VM_LOCKED;
    if (flags === vma.flags) return undefined;
    const changed = modifyVma(mm, vma, part, { flags, uffd: vma.uffd });
    if (locked === 'unlock' && !failed(changed)) letGo(mm, part);
    return failed(changed) ? changed : undefined;
  });
  if (failure !== undefined || locked === 'unlock') return failure ?? 0;
  const error = yield* populate(caller, { addr: start, length: end - start }, 'stop');
  if (error === undefined) return 0;
  // POSIX wants ENOMEM where a page cannot be had, and EAGAIN where memory is short.
  return error === 'oom'
    ? fail('EAGAIN', 'the machine is out of memory')
    : fail('ENOMEM', 'a page of the range cannot be faulted in');
}
