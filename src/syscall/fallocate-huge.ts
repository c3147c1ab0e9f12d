/**
 * fallocate(2) of a hugetlb file: whole huge pages out of what nobody is promised, and holes.
 * Pages that were made before the pool ran empty stay.
 * Answers to: hugetlbfs_fallocate().
 */

import { fail, type Result } from '../base/errno.js';
import { PAGE_SIZE } from '../base/page.js';
import type { HugetlbInode } from '../file/hugetlb.js';
import { NO_FRAME } from '../phys/frames.js';
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from '../uapi/fcntl.js';

/** Arguments of fallocate(2) on a hugetlb file, whose mode is known. */
export interface HugeFallocateArgs {
  readonly mode: number;
  readonly offset: number;
  readonly length: number;
}

/** Allocates, or punches a hole. */
export function fallocateHuge(inode: HugetlbInode, args: HugeFallocateArgs): Result<0> {
  const { mode, offset, length } = args;
  if ((mode & FALLOC_FL_PUNCH_HOLE) !== 0) {
    inode.punch(offset, offset + length);
    return 0;
  }
  const pageFrames = inode.pageSize / PAGE_SIZE;
  const end = Math.ceil((offset + length) / inode.pageSize) * pageFrames;
  const first = inode.headOf(Math.floor(offset / PAGE_SIZE));
  for (let index = first; index < end; index += pageFrames) {
    if (inode.lookup(index) !== NO_FRAME) continue;
    if (inode.addZeroed(index) === NO_FRAME) return fail('ENOSPC', 'no huge page is spare');
  }
  if ((mode & FALLOC_FL_KEEP_SIZE) === 0) {
    inode.sizeBytes = Math.max(inode.sizeBytes, offset + length);
  }
  return 0;
}
