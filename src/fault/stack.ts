/**
 * Growing a MAP_GROWSDOWN area to an access below it, as a stack does.
 * Answers to: expand_stack().
 */

import { PAGE_SIZE, pageDown } from '../base/page.js';
import type { Mm } from '../mm/mm.js';
import type { Vma } from '../mm/vma.js';
import { VM_GROWSDOWN } from '../mm/vma-flags.js';

/** stack_guard_gap in bytes: what must stay free below a stack. */
const GUARD_GAP = 256 * PAGE_SIZE;

/** Extends the next area down to `addr` if it may grow; `undefined` otherwise. */
export function growStack(mm: Mm, addr: number): Vma | undefined {
  const vma = mm.vmas.findFrom(addr);
  if (vma === undefined || !vma.has(VM_GROWSDOWN)) return undefined;
  const start = pageDown(addr);
  const below = mm.vmas.lastBelow(addr);
  const crowded = below !== undefined && !below.has(VM_GROWSDOWN) && start - below.end < GUARD_GAP;
  if (crowded || start < mm.memory.mmapMinAddr) return undefined;
  vma.pgoff -= (vma.start - start) / PAGE_SIZE;
  vma.start = start;
  return vma;
}
