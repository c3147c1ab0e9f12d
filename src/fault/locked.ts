/**
 * Waiting for a page that is being moved: by the entry that stands for it, or in its file.
 * A sleeper knows nothing when it wakes; it looks at the entry again.
 * Answers to: migration_entry_wait().
 */

import type { Pfn } from '../base/brand.js';
import type { Op } from '../base/op.js';
import { PAGE_SIZE, pageDown } from '../base/page.js';
import type { Inode } from '../file/inode.js';
import type { Mm } from '../mm/mm.js';
import { pteIsMigration, pteIsPresent, ptePfn } from '../pgtable/pte.js';
import { NO_FRAME } from '../phys/frames.js';

/** The frame that an access at `addr` would have to wait for, if it is locked. */
function frameAt(mm: Mm, addr: number): Pfn {
  const pte = mm.pte(addr);
  if (pteIsMigration(pte)) return ptePfn(pte);
  const vma = mm.vmas.find(addr);
  if (vma?.file === undefined || pteIsPresent(pte)) return NO_FRAME;
  return vma.file.inode.lookup(vma.indexOf(pageDown(addr)));
}

/** Sleeps while the page at `addr` is being moved. */
export function* pageUnlocked(mm: Mm, addr: number): Op<void> {
  yield* mm.memory.locks.unlocked(frameAt(mm, addr));
}

/** Sleeps until no page of `[addr, addr + lenBytes)` is being moved. */
export function* rangeUnlocked(mm: Mm, addr: number, lenBytes: number): Op<void> {
  const { locks } = mm.memory;
  if (!locks.any) return;
  for (let page = pageDown(addr); page < addr + lenBytes; page += PAGE_SIZE) {
    if (!locks.isLocked(frameAt(mm, page))) continue;
    yield* pageUnlocked(mm, page);
    page = pageDown(addr) - PAGE_SIZE; // another may be moved by now
  }
}

/** Sleeps until no page of a file in `[first, end)` is being moved; indexes are of pages. */
export function* fileUnlocked(mm: Mm, inode: Inode, first: number, end: number): Op<void> {
  const { locks } = mm.memory;
  const moving = (): Pfn | undefined => {
    if (!locks.any) return undefined;
    const pages = [...inode.entries()].filter(([index]) => index >= first && index < end);
    return pages.find(([, pfn]) => locks.isLocked(pfn))?.[1];
  };
  for (let pfn = moving(); pfn !== undefined; pfn = moving()) yield* locks.unlocked(pfn);
}
