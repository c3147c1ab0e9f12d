/**
 * Huge pages of a hugetlb area: where their memory comes from, and how an entry is built.
 * A page that was promised at mmap is there; any other may be refused.
 * Answers to: alloc_hugetlb_folio(), make_huge_pte().
 */

import type { Pfn } from '../base/brand.js';
import { pteMakeDirty, pteMakeHuge, pteMakeUffdWp, pteMakeWritable } from '../pgtable/pte.js';
import { FRAME_ANON, FRAME_EXCLUSIVE, NO_FRAME } from '../phys/frames.js';
import type { HugePool } from '../phys/huge-pool.js';
import { hugeSize, hugetlbInode } from './hugetlb-area.js';
import { HugePromise } from './hugetlb-promise.js';
import { entryFor, type Place, type Protection } from './install.js';
import { prepareAnonVma } from './rmap.js';
import type { Vma } from './vma.js';
import { VM_NORESERVE, VM_WRITE } from './vma-flags.js';

const poolOf = (vma: Vma): HugePool => hugetlbInode(vma).pool;

/** Promises an area its pages; false when the pool has too few. */
export function promisePages(vma: Vma): boolean {
  if (vma.has(VM_NORESERVE)) return true;
  const first = vma.pgoff;
  const end = vma.indexOf(vma.end);
  if (vma.isShared) return hugetlbInode(vma).promise(first, end);
  const pool = poolOf(vma);
  if (!pool.reserve((end - first) / pool.pageFrames)) return false;
  vma.promise = new HugePromise(pool);
  return true;
}

/** Whether a page replaces one that was promised already, and must come out of what is spare. */
export type HugeUse = 'first' | 'replacement';

/**
 * A page of undefined content for an index of an area, with one reference, or `NO_FRAME` when
 * nothing is promised and nothing spare.
 */
export function allocHugetlb(vma: Vma, index: number, use: HugeUse = 'first'): Pfn {
  if (vma.isShared) return hugetlbInode(vma).alloc(index);
  const promised = use === 'first' && vma.promise?.holds(index) === true;
  const pfn = poolOf(vma).alloc(promised ? 'promised' : 'spare');
  if (pfn !== NO_FRAME && promised) vma.promise?.take(index);
  return pfn;
}

/** Whether {@link allocHugetlb} would find a page. */
export function canAllocHugetlb(vma: Vma, index: number): boolean {
  const inode = hugetlbInode(vma);
  const promised = vma.isShared ? inode.isPromised(index) : vma.promise?.holds(index) === true;
  return promised || inode.pool.spare > 0;
}

/** As {@link allocHugetlb}, of zeros. */
export function allocHugetlbZeroed(vma: Vma, index: number): Pfn {
  const pfn = allocHugetlb(vma, index);
  if (pfn !== NO_FRAME) poolOf(vma).zero(pfn);
  return pfn;
}

/** How an entry is made. */
export interface HugeEntry {
  /** Grants write where the area does. */
  readonly access: 'read' | 'write';
  readonly protection: Protection;
}

/** Maps a page at a place; the caller has made sure that the entry may be replaced. */
export function installHugetlb(place: Place, pfn: Pfn, { access, protection }: HugeEntry): void {
  const { mm, vma, slot, addr } = place;
  const size = hugeSize(vma);
  let pte = pteMakeHuge(entryFor(mm, vma, pfn), poolOf(vma).pageFrames);
  if (access === 'write' && vma.has(VM_WRITE)) pte = pteMakeDirty(pteMakeWritable(pte));
  mm.memory.frames.addMap(pfn);
  mm.storeHuge(slot, addr, protection === 'uffd-wp' ? pteMakeUffdWp(pte) : pte, size);
}

/** Makes a fresh page an exclusive anonymous one of an area. */
export function adoptHugetlb({ mm, vma, addr }: Place, pfn: Pfn): void {
  const { frames } = mm.memory;
  frames.setFlag(pfn, FRAME_ANON | FRAME_EXCLUSIVE);
  frames.setOwner(pfn, prepareAnonVma(mm, vma), vma.indexOf(addr));
}
