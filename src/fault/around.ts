/**
 * Fault-around: a read fault of a file mapping maps cached neighbours too, up to 16 pages.
 * Fills only slots that are exactly none, so that no marker is lost.
 * Answers to: do_fault_around(), filemap_map_pages().
 */

import { PAGE_SIZE, PMD_SIZE, pmdDown } from '../base/page.js';
import type { Inode } from '../file/inode.js';
import { installCached } from '../mm/install.js';
import type { Mm } from '../mm/mm.js';
import type { Vma } from '../mm/vma.js';
import { NO_SLOT } from '../pgtable/arena.js';
import { PTE_NONE } from '../pgtable/pte.js';
import { FRAME_READAHEAD } from '../phys/frames.js';

const WINDOW = 16 * PAGE_SIZE;

const isReady = (mm: Mm, inode: Inode, index: number): boolean =>
  inode.isUptodate(index) && !mm.memory.locks.isLocked(inode.lookup(index));

/** Maps what the cache has around `page`; true when `page` itself is mapped now. */
export function faultAround(mm: Mm, vma: Vma, page: number): boolean {
  const inode = vma.file?.inode;
  if (inode === undefined || mm.pte(page) !== PTE_NONE) return false;
  const start = Math.max(page - (page % WINDOW), vma.start);
  const end = Math.min(start + WINDOW, pmdDown(page) + PMD_SIZE, vma.end);
  let hit = false;
  for (let addr = start; addr < end; addr += PAGE_SIZE) {
    const index = vma.indexOf(addr);
    if (index >= inode.sizePages || !isReady(mm, inode, index)) continue;
    if (mm.memory.frames.has(inode.lookup(index), FRAME_READAHEAD)) continue;
    if (mm.pte(addr) !== PTE_NONE) continue;
    const slot = mm.slotOrCreate(addr);
    if (slot === NO_SLOT) return false;
    const how = { writable: vma.mapsWritable, dirty: false, protection: 'plain' } as const;
    installCached({ mm, vma, slot, addr }, inode.lookup(index), how);
    if (addr === page) hit = true;
    else mm.memory.onPage?.({ kind: 'around', mm, addr });
  }
  return hit;
}
