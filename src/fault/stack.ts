/**
 * Growing a MAP_GROWSDOWN area to an access below it, as a stack does.
 * Answers to: expand_stack(), acct_stack_growth().
 */

import { PAGE_SIZE, pageDown } from '../base/page.js';
import type { Mm } from '../mm/mm.js';
import { prepareAnonVma } from '../mm/rmap.js';
import { stackAbove } from '../mm/stack-room.js';

/** Extends the next area down to `addr` if it may grow and nothing is mapped there. */
export function growStack(mm: Mm, addr: number): void {
  const vma = stackAbove(mm, addr);
  if (vma === undefined) return;
  const start = pageDown(addr);
  prepareAnonVma(mm, vma); // before it touches an area whose owner it could take
  vma.pgoff -= (vma.start - start) / PAGE_SIZE;
  vma.start = start;
}
