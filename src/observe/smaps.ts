/**
 * What of each area is in memory, used and in swap, as /proc/PID/smaps counts it. Read only.
 * Markers and the zero page count nowhere.
 * Answers to: proc_pid_smaps(5), smaps_pte_entry().
 */

import { PAGE_SIZE, PMD_PAGES } from '../base/page.js';
import { isHugeSlot } from '../mm/huge.js';
import type { Mm } from '../mm/mm.js';
import type { Vma } from '../mm/vma.js';
import { VM_WRITE } from '../mm/vma-flags.js';
import { type Slot, slotAfter } from '../pgtable/arena.js';
import {
  type Pte,
  pteIsAccessed,
  pteIsNone,
  pteIsPresent,
  pteIsSpecial,
  pteIsSwap,
  pteMakeAccessed,
  ptePfn,
} from '../pgtable/pte.js';
import { FRAME_ANON } from '../phys/frames.js';
import { entryOf, type MapsEntry } from './maps.js';

/** One area of /proc/PID/smaps; sizes in bytes. */
export interface SmapsEntry extends MapsEntry {
  /** Pages that are mapped. */
  readonly rss: number;
  /** Mapped pages that were used since they were mapped or since clear_refs. */
  readonly referenced: number;
  /** Mapped pages that belong to no file. */
  readonly anonymous: number;
  /** Pages that huge entries map: parts of transparent huge pages. */
  readonly anonHugePages: number;
  /** Pages in swap: private ones, and those of a shmem file. */
  readonly swap: number;
}

type Counts = { -readonly [name in keyof Omit<SmapsEntry, keyof MapsEntry>]: number };

/** Lists the areas in order of address. */
export const smaps = (mm: Mm): SmapsEntry[] =>
  [...mm.vmas].map((vma) => ({ ...entryOf(mm, vma), ...countsOf(mm, vma) }));

function countsOf(mm: Mm, vma: Vma): Counts {
  const counts: Counts = { rss: 0, referenced: 0, anonymous: 0, anonHugePages: 0, swap: 0 };
  mm.visit(vma.start, vma.end, (first, _addr, count) => {
    if (isHugeSlot(mm, first)) countHuge(mm, counts, first);
    else for (let i = 0; i < count; i++) countEntry(mm, counts, mm.load(slotAfter(first, i)));
  });
  counts.swap += swappedOfFile(mm, vma) * PAGE_SIZE;
  return counts;
}

/** A huge entry has one accessed bit for all of its pages. */
function countHuge(mm: Mm, counts: Counts, first: Slot): void {
  const entries = Array.from({ length: PMD_PAGES }, (_, i) => mm.load(slotAfter(first, i)));
  const wasUsed = entries.some(pteIsAccessed);
  const before = counts.rss;
  for (const pte of entries) countEntry(mm, counts, wasUsed ? pteMakeAccessed(pte) : pte);
  counts.anonHugePages += counts.rss - before;
}

function countEntry({ memory: { frames } }: Mm, counts: Counts, pte: Pte): void {
  if (pteIsSwap(pte)) counts.swap += PAGE_SIZE;
  if (!pteIsPresent(pte) || pteIsSpecial(pte)) return;
  counts.rss += PAGE_SIZE;
  if (pteIsAccessed(pte)) counts.referenced += PAGE_SIZE;
  if (frames.has(ptePfn(pte), FRAME_ANON)) counts.anonymous += PAGE_SIZE;
}

/** Swapped pages of the file; of a private writable area only where nothing hides them. */
function swappedOfFile(mm: Mm, vma: Vma): number {
  const { file } = vma;
  if (file === undefined) return 0;
  const hides = !vma.isShared && vma.has(VM_WRITE);
  let pages = 0;
  for (const [index] of file.inode.swapped()) {
    const addr = vma.addressOf(index);
    if (addr < vma.start || addr >= vma.end) continue;
    if (!hides || pteIsNone(mm.pte(addr))) pages++;
  }
  return pages;
}
