/**
 * One access to memory, from translation to success or error, waiting where a userfaultfd says so.
 * After every wake-up the access starts again at translation; no half-done fault is kept.
 * User code, copies inside the kernel and pinning differ only in their `AccessMode`.
 */

import { type Op, Point } from '../base/op.js';
import { PAGE_SIZE, pageDown, TASK_SIZE } from '../base/page.js';
import type { Mm } from '../mm/mm.js';
import type { Faulter, UffdReason } from '../mm/uffd-port.js';
import { VM_READ } from '../mm/vma-flags.js';
import { faultIn, translate } from './fault.js';
import { pageUnlocked } from './locked.js';
import { asksUffd, type FaultError, type FaultOutcome, isProgress } from './outcome.js';
import { stillFaulting } from './recheck.js';
import { growStack } from './stack.js';
import { FaultTally } from './tally.js';

/** Who accesses memory and how. */
export interface AccessMode {
  readonly faulter: Faulter;
  /** An instruction in user space, rather than the kernel on somebody's behalf. */
  readonly userMode: boolean;
  /** Whether the access can wait for a userfaultfd. */
  readonly mayWait: boolean;
  /** Whether an access below a MAP_GROWSDOWN area extends it. */
  readonly growsStack: boolean;
  /** Whether a read wants VM_READ, which user code on x86 does not: VM_WRITE is enough for it. */
  readonly readNeedsRight?: boolean;
}

/** Attempts on one page before the access is called a livelock. */
export const ATTEMPTS_MAX = 1000;

/** One access was retried again and again without getting its page. */
export class FaultLivelockError extends Error {
  /** Always `'FaultLivelockError'`. */
  override readonly name = 'FaultLivelockError';
}

/** Makes the page at `addr` accessible, waiting if need be; answers the error if it cannot be. */
export function* access(
  mm: Mm,
  mode: AccessMode,
  addr: number,
  write: boolean,
): Op<FaultError | undefined> {
  const tally = tallyOf(mm, mode);
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const outcome = yield* accessOnce(mm, mode, { addr, write, tally, tries: attempt });
    if (outcome !== 'again') return outcome === 'done' ? undefined : outcome;
  }
  throw livelock(mode, addr, write);
}

/** The error of an access that gets nowhere. */
export const livelock = (mode: AccessMode, addr: number, write: boolean): FaultLivelockError =>
  new FaultLivelockError(
    `${mode.faulter.name}: ${write ? 'write' : 'read'} at 0x${addr.toString(16)} was retried ` +
      `${ATTEMPTS_MAX} times: does the handler resolve this page before it wakes the thread?`,
  );

/** A tally for one access. Faults of user code may begin under the lock of their area alone. */
export const tallyOf = ({ memory }: Mm, { faulter, userMode }: AccessMode): FaultTally =>
  new FaultTally(
    faulter.faults,
    userMode && memory.profile.has('faultsUnderAreaLock') ? 'area' : 'address space',
  );

/** What one attempt is about. */
interface Attempt {
  readonly addr: number;
  readonly write: boolean;
  readonly tally: FaultTally;
  /** Attempts before this one. */
  readonly tries: number;
}

/** One attempt, with its wait: `again` when everything has to be looked at anew. */
export function* accessOnce(
  mm: Mm,
  mode: AccessMode,
  { addr, write, tally, tries }: Attempt,
): Op<'done' | 'again' | FaultError> {
  if (mm.dead) return 'oom';
  if (!write && mode.readNeedsRight === true && mm.vmas.find(addr)?.has(VM_READ) === false) {
    return 'accerr';
  }
  if (translate(mm, addr, write)) {
    tally.settled();
    return 'done';
  }
  const fault = { addr, write, tries };
  const outcome = attemptFault(mm, fault, mode.growsStack ? 'stack grows' : 'stack stays');
  if (isProgress(outcome) || asksUffd(outcome)) tally.note(outcome);
  if (isProgress(outcome)) return 'again';
  if (outcome === 'locked') {
    yield* pageUnlocked(mm, addr);
    tally.note('mapped'); // the fault is over when the page has arrived
    return 'again';
  }
  if (!asksUffd(outcome)) return outcome;
  if (mm.memory.points.on) yield new Point('fault:found');
  const verdict = yield* deliver(mm, mode, addr, write, outcome);
  return verdict === 'sigbus' ? 'sigbus' : 'again';
}

/** Attempts of one access that reclaim may help; what it takes may be what the next one needs. */
const RECLAIMS_MAX = 16;

/**
 * One attempt; memory that is short is reclaimed, in the end by the out-of-memory killer, if it
 * finds a victim.
 */
export function attemptFault(
  mm: Mm,
  { addr, write, tries }: Omit<Attempt, 'tally'>,
  stack: 'stack grows' | 'stack stays' = 'stack grows',
): FaultOutcome {
  if (addr >= TASK_SIZE) return 'maperr';
  if (stack === 'stack grows') growStack(mm, addr);
  const outcome = faultIn(mm, addr, write);
  if (outcome !== 'oom') return outcome;
  const relief = tries < RECLAIMS_MAX ? 'reclaim' : 'kill';
  return mm.memory.relieve(mm, relief) ? 'retry' : 'oom';
}

function* deliver(
  mm: Mm,
  mode: AccessMode,
  addr: number,
  write: boolean,
  reason: UffdReason,
): Op<'retry' | 'sigbus'> {
  const vma = mm.vmas.find(addr);
  if (vma?.uffd === undefined) return 'retry';
  return yield* vma.uffd.handleFault({
    faulter: mode.faulter, // written out: a spread shows in the time of a fault
    userMode: mode.userMode,
    mayWait: mode.mayWait,
    addr,
    page: vma.pageStart(addr),
    write,
    reason,
    stillFaulting: () => stillFaulting(mm, addr, reason),
  });
}

/** Makes every page of `[addr, addr + lenBytes)` accessible in one instant, as one instruction. */
export function* accessSpan(
  mm: Mm,
  mode: AccessMode,
  span: { addr: number; lenBytes: number },
  write: boolean,
): Op<{ error: FaultError; addr: number } | undefined> {
  const { addr, lenBytes } = span;
  const last = pageDown(addr + lenBytes - 1);
  for (let round = 0; round < ATTEMPTS_MAX; round++) {
    for (let at = addr; at <= addr + lenBytes - 1; at = pageDown(at) + PAGE_SIZE) {
      const error = yield* access(mm, mode, at, write);
      if (error !== undefined) return { error, addr: at };
    }
    if (last === pageDown(addr) || allTranslate(mm, addr, last, write)) return undefined;
  }
  throw new FaultLivelockError(
    `${mode.faulter.name}: the pages at 0x${addr.toString(16)} were never accessible together`,
  );
}

function allTranslate(mm: Mm, addr: number, last: number, write: boolean): boolean {
  for (let page = pageDown(addr); page <= last; page += PAGE_SIZE) {
    if (!translate(mm, page, write)) return false;
  }
  return true;
}
