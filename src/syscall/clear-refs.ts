/**
 * A write to /proc/PID/clear_refs: forgets that pages were used, or that they were written.
 * Answers to: clear_refs_write().
 */

import { fail, type Result } from '../base/errno.js';
import type { Mm } from '../mm/mm.js';
import { clearAccessed, resetSoftDirty } from '../mm/soft-dirty.js';
import type { Vma } from '../mm/vma.js';

type Concerns = (vma: Vma) => boolean;

const REFERENCED = new Map<number, Concerns>([
  [1, () => true],
  [2, (vma) => vma.isAnonymous],
  [3, (vma) => !vma.isAnonymous],
]);
const SOFT_DIRTY = 4;
const PEAK = 5;
const INT_MAX = 2 ** 31 - 1;

/** Does what the number says: see proc_pid_clear_refs(5). */
export function clearRefs(mm: Mm, what: number): Result<0> {
  const concerns = REFERENCED.get(what);
  if (concerns !== undefined) {
    for (const vma of mm.vmas) if (concerns(vma)) clearAccessed(mm, vma);
    return 0;
  }
  if (what > INT_MAX || what < -INT_MAX - 1) return fail('ERANGE', `${what} is no int`);
  if (what === SOFT_DIRTY) resetSoftDirty(mm);
  else if (what !== PEAK) return fail('EINVAL', `${what} is none of 1 to 5`);
  return 0;
}
