/**
 * Whether an access below a MAP_GROWSDOWN area extends it, as a stack does. Read only.
 * Answers to: expand_stack(), acct_stack_growth().
 */

import { PAGE_SIZE, pageDown } from '../base/page.js';
import type { Mm } from './mm.js';
import type { Vma } from './vma.js';
import { VM_ACCESS, VM_GROWSDOWN } from './vma-flags.js';

/** stack_guard_gap in bytes: what must stay free below a stack. */
export const STACK_GAP = 256 * PAGE_SIZE;

/** RLIMIT_STACK in bytes: how large a stack may grow. */
const STACK_MAX = 8 * 1024 * 1024;

/** The area that may grow down to `addr`, where nothing is mapped; `undefined` for none. */
export function stackAbove(mm: Mm, addr: number): Vma | undefined {
  const vma = mm.vmas.findFrom(addr);
  if (vma === undefined || vma.start <= addr || !vma.has(VM_GROWSDOWN)) return undefined;
  const start = pageDown(addr);
  if (vma.end - start > STACK_MAX || start < mm.memory.mmapMinAddr) return undefined;
  const below = mm.vmas.lastBelow(addr);
  const guarded = below?.has(VM_ACCESS) === true && !below.has(VM_GROWSDOWN);
  return guarded && start - below.end < STACK_GAP ? undefined : vma;
}
