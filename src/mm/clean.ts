/**
 * Cleaning: the entries of a shared file mapping lose dirty and write permission when their pages
 * are written back, so that the next store is noticed. Protection by userfaultfd stays.
 * Answers to: folio_mkclean().
 */

import { slotAfter } from '../pgtable/arena.js';
import {
  pteClearDirty,
  pteClearWritable,
  pteIsDirty,
  pteIsPresent,
  ptePfn,
} from '../pgtable/pte.js';
import type { Mm } from './mm.js';

/** Cleans the present entries of `[start, end)`; what was written is remembered by the page. */
export function cleanRange(mm: Mm, start: number, end: number): void {
  const { frames, tables } = mm.memory;
  mm.visit(start, end, (first, _addr, count) => {
    for (let i = 0; i < count; i++) {
      const slot = slotAfter(first, i);
      const pte = mm.load(slot);
      if (!pteIsPresent(pte)) continue;
      if (pteIsDirty(pte)) frames.markDirty(ptePfn(pte));
      tables.store(slot, pteClearDirty(pteClearWritable(pte)));
    }
  });
  mm.tlb.flushRange(start, end);
}
