/**
 * Which pages one read fault of a file mapping may bring: cached neighbours, a window of 16 pages.
 * Only slots that are exactly none, so that no marker is lost. Read only.
 * Answers to: do_fault_around(), next_uptodate_folio().
 */

import { PAGE_SIZE, PMD_SIZE, pmdDown } from '../base/page.js';
import type { Inode } from '../file/inode.js';
import { PTE_NONE } from '../pgtable/pte.js';
import { FRAME_READAHEAD } from '../phys/frames.js';
import type { Mm } from './mm.js';
import type { Vma } from './vma.js';

const WINDOW = 16 * PAGE_SIZE;

const isReady = (mm: Mm, inode: Inode, index: number): boolean =>
  inode.isUptodate(index) &&
  !inode.isBroken(index) &&
  !mm.memory.locks.isLocked(inode.lookup(index));

/** Of a regular file the last page alone does not come for a fault on a page behind it. */
const isLastOnDisk = (vma: Vma, addr: number): boolean =>
  vma.file?.inode.backing === 'disk' && vma.indexOf(addr) === vma.file.inode.sizePages - 1;

/** Addresses of the pages around `page`, itself among them if it is cached. */
export function cachedAround(mm: Mm, vma: Vma, page: number): number[] {
  const inode = vma.file?.inode;
  if (inode === undefined || mm.pte(page) !== PTE_NONE) return [];
  const start = Math.max(page - (page % WINDOW), vma.start);
  const end = Math.min(start + WINDOW, pmdDown(page) + PMD_SIZE, vma.end);
  if (start !== page && isLastOnDisk(vma, start)) return [];
  const found: number[] = [];
  for (let addr = start; addr < end; addr += PAGE_SIZE) {
    const index = vma.indexOf(addr);
    if (index >= inode.sizePages || !isReady(mm, inode, index)) continue;
    if (mm.memory.frames.has(inode.lookup(index), FRAME_READAHEAD)) continue;
    if (mm.pte(addr) === PTE_NONE) found.push(addr);
  }
  return found;
}
