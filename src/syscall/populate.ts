/**
 * Faulting pages in on request: MAP_POPULATE, mlock(2), MADV_POPULATE_READ and _WRITE.
 * Pages before an error stay.
 * Answers to: __mm_populate(), faultin_page_range().
 */

import type { Failure } from '../base/errno.js';
import type { Op } from '../base/op.js';
import { PAGE_SIZE } from '../base/page.js';
import { ATTEMPTS_MAX, access, accessOnce, livelock, tallyOf } from '../fault/access.js';
import { type FaultError, populateFailure } from '../fault/outcome.js';
import { pinMode, populateMode } from '../fault/user-copy.js';
import type { Caller } from '../mm/caller.js';
import { VM_SHARED, VM_WRITE } from '../mm/vma-flags.js';

/**
 * Faults in `[addr, addr + length)` as its areas would be used; an error ends all, or one area.
 * Holes are passed over: what is gone by the time its turn comes needs no page.
 */
export function* populate(
  caller: Caller,
  { addr, length }: { addr: number; length: number },
  onError: 'stop' | 'next area',
): Op<FaultError | undefined> {
  for (let page = addr; page < addr + length; page += PAGE_SIZE) {
    const error = yield* populateAsUsed(caller, page);
    if (error === undefined || error === 'maperr') continue;
    if (onError === 'stop') return error;
    const vma = caller.mm.vmas.find(page);
    if (vma !== undefined) page = vma.end - PAGE_SIZE;
  }
  return undefined;
}

/** Looks at the area anew after each sleep: what it is by then decides. */
function* populateAsUsed(caller: Caller, page: number): Op<FaultError | undefined> {
  const { mm } = caller;
  const mode = populateMode(caller);
  const tally = tallyOf(mm, mode);
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const vma = mm.vmas.find(page);
    if (vma === undefined) return undefined;
    // A private page is going to be written; of a shared one nobody knows.
    const write = vma.has(VM_WRITE) && !vma.has(VM_SHARED);
    const outcome = yield* accessOnce(mm, mode, { addr: page, write, tally, tries: attempt });
    if (outcome !== 'again') return outcome === 'done' ? undefined : outcome;
  }
  throw livelock(mode, page, true);
}

/** Faults in one page with the given kind of access. */
export function* populatePage(
  caller: Caller,
  page: number,
  write: boolean,
): Op<Failure | undefined> {
  const error = yield* access(caller.mm, pinMode(caller), page, write);
  return error === undefined ? undefined : populateFailure(error);
}
