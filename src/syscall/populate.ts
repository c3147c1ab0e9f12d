/**
 * Faulting pages in on request: MAP_POPULATE, mlock(2), MADV_POPULATE_READ and _WRITE.
 * Pages before an error stay.
 * Answers to: __mm_populate(), faultin_page_range().
 */

import type { Failure } from '../base/errno.js';
import type { Op } from '../base/op.js';
import { PAGE_SIZE } from '../base/page.js';
import { access } from '../fault/access.js';
import { type FaultError, populateFailure } from '../fault/outcome.js';
import { pinMode } from '../fault/user-copy.js';
import type { Caller } from '../mm/caller.js';
import { VM_SHARED, VM_WRITE } from '../mm/vma-flags.js';

/**
 * Faults in `[addr, addr + length)` as its areas would be used; stops at the first error.
 * Holes are passed over: what is gone by the time its turn comes needs no page.
 */
export function* populate(
  caller: Caller,
  { addr, length }: { addr: number; length: number },
): Op<FaultError | undefined> {
  for (let page = addr; page < addr + length; page += PAGE_SIZE) {
    const vma = caller.mm.vmas.find(page);
    if (vma === undefined) continue;
    // A private page is going to be written; of a shared one nobody knows.
    const write = vma.has(VM_WRITE) && !vma.has(VM_SHARED);
    const error = yield* access(caller.mm, pinMode(caller), page, write);
    if (error !== undefined && error !== 'maperr') return error;
  }
  return undefined;
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
