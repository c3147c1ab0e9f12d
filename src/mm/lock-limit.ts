/**
 * How much memory a process may lock: RLIMIT_MEMLOCK, which CAP_IPC_LOCK lifts.
 * Counts the pages of locked areas, resident or not; decides, and changes nothing.
 * Answers to: getrlimit(2), mlock(2).
 */

import { PAGE_SIZE } from '../base/page.js';
import type { Caller } from './caller.js';
import type { Mm } from './mm.js';
import { VM_LOCKED } from './vma-flags.js';

/** Part of an address space, in bytes; page aligned. */
interface Span {
  readonly start: number;
  readonly end: number;
}

/** Whether the thread may lock memory at all. */
export const mayLock = (caller: Caller): boolean =>
  caller.lockedBytesMax > 0 || caller.capable('CAP_IPC_LOCK');

/** Whether locking so many more bytes exceeds the limit. */
export const exceedsLockLimit = (caller: Caller, moreBytes: number): boolean =>
  exceeds(caller, lockedBytes(caller.mm) + moreBytes);

/** Whether locking a range exceeds the limit; what is locked in it already counts once. */
export function rangeExceedsLockLimit(caller: Caller, { start, end }: Span): boolean {
  const already = lockedBytes(caller.mm, { start, end });
  return exceeds(caller, lockedBytes(caller.mm) + (end - start) - already);
}

function exceeds(caller: Caller, bytes: number): boolean {
  const max = Math.floor(caller.lockedBytesMax / PAGE_SIZE) * PAGE_SIZE;
  return bytes > max && !caller.capable('CAP_IPC_LOCK');
}

function lockedBytes(mm: Mm, within?: Span): number {
  let bytes = 0;
  for (const vma of mm.vmas) {
    if (!vma.has(VM_LOCKED)) continue;
    const start = Math.max(vma.start, within?.start ?? 0);
    const end = Math.min(vma.end, within?.end ?? vma.end);
    bytes += Math.max(0, end - start);
  }
  return bytes;
}
