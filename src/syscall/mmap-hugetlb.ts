/**
 * What mmap(2) and memfd_create(2) do for huge pages: the file behind them, the size of a page, and
 * the promise that every page of the mapping will be there.
 * Answers to: hugetlb_file_setup(), hugetlbfs_file_mmap().
 */

import { type Failure, fail, type Result } from '../base/errno.js';
import { PMD_SIZE } from '../base/page.js';
import { ANON_HUGEPAGE, HugetlbFile, HugetlbInode } from '../file/hugetlb.js';
import type { Caller } from '../mm/caller.js';
import { promisePages } from '../mm/hugetlb.js';
import type { Mm } from '../mm/mm.js';
import { removeArea } from '../mm/teardown.js';
import type { Vma } from '../mm/vma.js';
import { VM_WRITE } from '../mm/vma-flags.js';
import type { HugePool } from '../phys/huge-pool.js';
import { O_RDWR } from '../uapi/fcntl.js';
import { MAP_HUGE_MASK, MAP_HUGE_SHIFT } from '../uapi/mman.js';

/** The pool that the size bits of MAP_HUGE_… or MFD_HUGE_… name. */
export function poolOfFlags({ memory }: Mm, flags: number): HugePool | undefined {
  const shift = (flags >>> MAP_HUGE_SHIFT) & MAP_HUGE_MASK;
  return memory.hugePools.get(shift === 0 ? PMD_SIZE : 2 ** shift);
}

/** The file behind MAP_ANONYMOUS|MAP_HUGETLB; the caller owns it. */
export function anonymousHugetlb(
  { mm }: Caller,
  { flags, length }: { flags: number; length: number },
): Result<HugetlbFile> {
  const pool = poolOfFlags(mm, flags);
  if (pool === undefined) return fail('EINVAL', 'there are no huge pages of this size');
  const inode = new HugetlbInode(ANON_HUGEPAGE, pool, mm.memory.swap, 0);
  inode.sizeBytes = Math.ceil(length / pool.pageSize) * pool.pageSize;
  return new HugetlbFile(inode, O_RDWR);
}

/** Promises a new area its pages, and extends the file for a writable one; or the area goes. */
export function claimPages(mm: Mm, vma: Vma, wantedBytes: number): Failure | undefined {
  const inode = vma.file?.inode;
  if (!promisePages(vma)) {
    removeArea(mm, vma);
    return fail('ENOMEM', 'the pool has too few huge pages (nrHugepages of the machine)');
  }
  if (inode !== undefined && vma.has(VM_WRITE)) {
    inode.sizeBytes = Math.max(inode.sizeBytes, wantedBytes);
  }
  return undefined;
}
