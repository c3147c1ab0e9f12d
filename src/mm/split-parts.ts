/**
 * What advice about a range does to huge pages before it looks at single ones: those of which the
 * range has a part only become 512 pages, unless others map them too.
 * Answers to: madvise_cold_or_pageout_pte_range(), madvise_free_pte_range().
 */

import type { Pfn } from '../base/brand.js';
import { type Slot, slotAfter } from '../pgtable/arena.js';
import {
  type Pte,
  pteIsPresent,
  pteIsProtNone,
  pteIsSpecial,
  pteIsUffdWp,
  ptePfn,
} from '../pgtable/pte.js';
import { FRAME_LARGE, HUGE_FRAMES, headOf, NO_FRAME } from '../phys/frames.js';
import { isMappedElsewhere, splitFolio } from './folio.js';
import type { Mm } from './mm.js';

/** Huge pages, by their first frames. */
export type Heads = ReadonlySet<Pfn>;

/** Whether an entry maps a part of one of these huge pages. */
export const isPartOf = (heads: Heads, pte: Pte): boolean =>
  heads.size > 0 && pteIsPresent(pte) && !pteIsSpecial(pte) && heads.has(headOf(ptePfn(pte)));

/**
 * Splits the huge pages that a range has in part, and all of them when fewer pages than one are
 * wanted. Answers those that others map: they are left alone.
 */
export function splitParts(
  mm: Mm,
  { start, end }: { start: number; end: number },
  pagesMax = Number.POSITIVE_INFINITY,
): Heads {
  const shared = new Set<Pfn>();
  mm.visit(start, end, (first, _addr, count) => {
    for (let i = 0; i < count; ) {
      i += step(mm, slotAfter(first, i), count - i, { shared, pagesMax });
    }
  });
  return shared;
}

/** Treats the huge page that an entry maps, if it does; answers how many entries are settled. */
function step(
  mm: Mm,
  slot: Slot,
  left: number,
  { shared, pagesMax }: { shared: Set<Pfn>; pagesMax: number },
): number {
  const pfn = largeAt(mm, slot);
  if (pfn === NO_FRAME || shared.has(headOf(pfn))) return 1;
  if (isMappedElsewhere(mm, pfn)) {
    shared.add(headOf(pfn));
    return 1;
  }
  const run = runOf(mm, slot, left);
  if (run === HUGE_FRAMES && pagesMax >= HUGE_FRAMES) return run;
  splitFolio(mm.memory, pfn);
  return 1;
}

/** The frame of an entry that maps a part of a huge page. */
function largeAt(mm: Mm, slot: Slot): Pfn {
  const pte = mm.load(slot);
  if (!pteIsPresent(pte) || pteIsSpecial(pte)) return NO_FRAME;
  return mm.memory.frames.has(ptePfn(pte), FRAME_LARGE) ? ptePfn(pte) : NO_FRAME;
}

/** How many entries from a slot on map a huge page from its beginning, in order and alike. */
function runOf(mm: Mm, first: Slot, count: number): number {
  const begin = mm.load(first);
  const head = headOf(ptePfn(begin));
  let run = 0;
  while (run < count && largeAt(mm, slotAfter(first, run)) === head + run) {
    if (!isAlike(begin, mm.load(slotAfter(first, run)))) break;
    run++;
  }
  return run;
}

/** Whether two entries differ in nothing but what hardware or a write fault would change. */
const isAlike = (a: Pte, b: Pte): boolean =>
  pteIsUffdWp(a) === pteIsUffdWp(b) && pteIsProtNone(a) === pteIsProtNone(b);
