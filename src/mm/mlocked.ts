/**
 * Pages that stay locked although their area is locked no more: MREMAP_DONTUNMAP of a part takes
 * VM_LOCKED off the whole old area without a look at the pages that stay. munlock lets them go.
 * Answers to: PG_mlocked, dontunmap_complete().
 */

import type { Pfn } from '../base/brand.js';
import { slotAfter } from '../pgtable/arena.js';
import { pteIsPresent, pteIsSpecial, ptePfn } from '../pgtable/pte.js';
import { FRAME_MLOCKED, type Frames } from '../phys/frames.js';
import type { Mm } from './mm.js';

/** A range of whole pages. */
interface Span {
  readonly start: number;
  readonly end: number;
}

/** Makes the mapped pages of a range stay in memory whatever becomes of its area. */
export const keepLocked = (mm: Mm, range: Span): void =>
  eachFrame(mm, range, (frames, pfn) => frames.setFlag(pfn, FRAME_MLOCKED));

/** Lets the mapped pages of a range go. */
export const letGo = (mm: Mm, range: Span): void =>
  eachFrame(mm, range, (frames, pfn) => frames.clearFlag(pfn, FRAME_MLOCKED));

function eachFrame(mm: Mm, { start, end }: Span, visit: (frames: Frames, pfn: Pfn) => void): void {
  mm.visit(start, end, (first, _addr, count) => {
    for (let i = 0; i < count; i++) {
      const pte = mm.load(slotAfter(first, i));
      if (pteIsPresent(pte) && !pteIsSpecial(pte)) visit(mm.memory.frames, ptePfn(pte));
    }
  });
}
