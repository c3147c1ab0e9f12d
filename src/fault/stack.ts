/**
 * Growing a MAP_GROWSDOWN area to an access below it, as a stack does.
 * Answers to: expand_stack(), acct_stack_growth().
 */

import { PAGE_SIZE, pageDown } from '../base/page.js';
import type { Mm } from '../mm/mm.js';
import { prepareAnonVma } from '../mm/rmap.js';
import { VM_ACCESS, VM_GROWSDOWN } from '../mm/vma-flags.js';

/** stack_guard_gap in bytes: what must stay free below a stack. */
export const STACK_GAP = 256 * PAGE_SIZE;

/** RLIMIT_STACK in bytes: how large a stack may grow. */
const STACK_MAX = 8 * 1024 * 1024;

/** Extends the next area down to `addr` if it may grow and nothing is mapped there. */
export function growStack(mm: Mm, addr: number): void {
  const vma = mm.vmas.findFrom(addr);
  if (vma === undefined || vma.start <= addr || !vma.has(VM_GROWSDOWN)) return;
  const start = pageDown(addr);
  if (vma.end - start > STACK_MAX || start < mm.memory.mmapMinAddr) return;
  const below = mm.vmas.lastBelow(addr);
  const guarded = below?.has(VM_ACCESS) === true && !below.has(VM_GROWSDOWN);
  if (guarded && start - below.end < STACK_GAP) return;
  prepareAnonVma(mm, vma); // before it touches an area whose owner it could take
  vma.pgoff -= (vma.start - start) / PAGE_SIZE;
  vma.start = start;
}
