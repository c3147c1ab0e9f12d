/**
 * Moving entries from one address to another for mremap: pages keep frame and state.
 * Without a registration at the new place, the old protection goes on the way.
 * Answers to: move_page_tables().
 */

import { type Failure, fail } from '../base/errno.js';
import { PAGE_SIZE, PMD_PAGES, pmdDown } from '../base/page.js';
import { NO_SLOT } from '../pgtable/arena.js';
import {
  MARKER_UFFD_WP,
  PTE_NONE,
  type Pte,
  pteClearMarker,
  pteClearUffdWp,
  pteIsPresent,
  pteIsUffdWp,
} from '../pgtable/pte.js';
import { isHugeSlot, splitEnds, splitHuge } from './huge.js';
import type { Mm } from './mm.js';
import { softDirtied } from './soft-dirty.js';

/** A move of `lenBytes` from one page-aligned address to another. */
export interface TableMove {
  readonly from: number;
  readonly to: number;
  readonly lenBytes: number;
  /** The new place is not registered: protection does not survive. */
  readonly clearsWp: boolean;
  /** What a protected present entry becomes then. */
  unprotect(pte: Pte): Pte;
}

/** Moves entries; on `ENOMEM` those before it have moved. */
export function moveEntries(mm: Mm, move: TableMove): Failure | undefined {
  mm.endReading();
  let failure: Failure | undefined;
  splitEnds(mm, move.from, move.from + move.lenBytes);
  mm.visit(move.from, move.from + move.lenBytes, (first, addr, count) => {
    const to = addr - move.from + move.to;
    const huge = isHugeSlot(mm, first);
    const whole = count === PMD_PAGES && to === pmdDown(to) && !mm.hasTable(to);
    splitHuge(mm, addr);
    if (mm.slotOrCreate(to) === NO_SLOT) failure = noTable();
    for (let i = 0; i < count && failure === undefined; i++) {
      failure = moveSlot(mm, move, addr + i * PAGE_SIZE);
    }
    if (!whole || failure !== undefined) return;
    if (huge) mm.memory.tables.setHuge(mm.leaf(to));
    // The table as a whole went along, unless each entry had to be looked at.
    if (huge || !move.clearsWp) mm.freeLeafTable(addr);
  });
  mm.tlb.flushRange(move.from, move.from + move.lenBytes);
  return failure;
}

const noTable = (): Failure => fail('ENOMEM', 'no memory for a page table at the new address');

function moveSlot(mm: Mm, move: TableMove, addr: number): Failure | undefined {
  const pte = mm.pte(addr);
  const to = addr - move.from + move.to;
  // Each table that the range reaches is made, empty entries or not.
  if (pte === PTE_NONE && to !== pmdDown(to)) return undefined;
  const target = mm.slotOrCreate(to);
  if (target === NO_SLOT) return noTable();
  if (pte === PTE_NONE) return undefined;
  mm.store(mm.slot(addr), addr, PTE_NONE);
  mm.store(target, to, movedEntry(mm, move, pte));
  return undefined;
}

/** What an entry is at its new place. */
export function movedEntry(mm: Mm, move: TableMove, pte: Pte): Pte {
  const present = pteIsPresent(pte);
  const marked = softDirtied(mm, pte);
  if (!move.clearsWp) return marked;
  if (present) return pteIsUffdWp(marked) ? move.unprotect(marked) : marked;
  return pteClearUffdWp(pteClearMarker(marked, MARKER_UFFD_WP));
}
