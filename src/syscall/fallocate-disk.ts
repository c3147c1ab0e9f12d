/**
 * fallocate(2) of a regular file: allocation, holes, zeroed ranges, ranges cut out or pushed in.
 * Mappings lose the pages before the cache does. No userfaultfd hears of it.
 * Answers to: vfs_fallocate(), ext4_fallocate().
 */

import { fail, type Result } from '../base/errno.js';
import { PAGE_SIZE, pageOffset } from '../base/page.js';
import type { RegularInode } from '../file/regular.js';
import {
  FALLOC_FL_COLLAPSE_RANGE,
  FALLOC_FL_INSERT_RANGE,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_UNSHARE_RANGE,
  FALLOC_FL_ZERO_RANGE,
} from '../uapi/fcntl.js';

/** What of the arguments matters once the descriptor is known. */
export interface DiskRange {
  readonly mode: number;
  /** First byte. */
  readonly offset: number;
  /** Bytes, not zero. */
  readonly length: number;
}

const HOLE = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

/** fallocate(2) of a regular file whose descriptor and numbers are checked. */
export function fallocateOnDisk(inode: RegularInode, range: DiskRange): Result<0> {
  const keeps = (range.mode & FALLOC_FL_KEEP_SIZE) !== 0;
  switch (range.mode & ~FALLOC_FL_KEEP_SIZE) {
    case 0:
      return extend(inode, range, keeps);
    case FALLOC_FL_ZERO_RANGE:
      punchOnDisk(inode, range.offset, range.offset + range.length);
      return extend(inode, range, keeps);
    case FALLOC_FL_PUNCH_HOLE:
      return range.mode === HOLE ? hole(inode, range) : unsupported('PUNCH_HOLE needs KEEP_SIZE');
    case FALLOC_FL_COLLAPSE_RANGE:
      return keeps ? unsupported('COLLAPSE_RANGE changes the size') : collapse(inode, range);
    case FALLOC_FL_INSERT_RANGE:
      return keeps ? unsupported('INSERT_RANGE changes the size') : insert(inode, range);
    case FALLOC_FL_UNSHARE_RANGE:
      return unsupported('the file system shares no blocks');
    default:
      return unsupported('the modes exclude each other');
  }
}

const unsupported = (detail: string): Result<0> => fail('EOPNOTSUPP', detail);

function extend(inode: RegularInode, { offset, length }: DiskRange, keeps: boolean): Result<0> {
  if (keeps) return 0;
  inode.growsTo(offset + length);
  inode.sizeBytes = Math.max(inode.sizeBytes, offset + length);
  return 0;
}

function hole(inode: RegularInode, { offset, length }: DiskRange): Result<0> {
  punchOnDisk(inode, offset, offset + length);
  return 0;
}

/** Makes a hole; nothing beyond the last page of the file changes. */
export function punchOnDisk(inode: RegularInode, offset: number, wantedEnd: number): void {
  if (offset >= inode.sizeBytes) return;
  const end = Math.min(wantedEnd, inode.sizePages * PAGE_SIZE);
  const first = Math.ceil(offset / PAGE_SIZE);
  const last = Math.floor(end / PAGE_SIZE);
  if (last === 0) inode.unmapFrom(first);
  if (first > last) {
    inode.zeroInside(last, pageOffset(offset), pageOffset(end));
    return;
  }
  inode.zero(first - 1, pageOffset(offset), PAGE_SIZE);
  if (pageOffset(end) > 0) inode.zeroInside(last, 0, pageOffset(end));
  if (first < last) inode.evict(first, last, 'not-cows');
}

const misaligned = ({ offset, length }: DiskRange): boolean =>
  pageOffset(offset) !== 0 || pageOffset(length) !== 0;

function collapse(inode: RegularInode, range: DiskRange): Result<0> {
  if (misaligned(range)) return fail('EINVAL', 'the range is not aligned to blocks');
  const { offset, length } = range;
  if (offset + length >= inode.sizeBytes) return fail('EINVAL', 'the range reaches the end');
  inode.shift((offset + length) / PAGE_SIZE, -length / PAGE_SIZE);
  inode.sizeBytes -= length;
  return 0;
}

function insert(inode: RegularInode, range: DiskRange): Result<0> {
  if (misaligned(range)) return fail('EINVAL', 'the range is not aligned to blocks');
  const { offset, length } = range;
  if (offset >= inode.sizeBytes) return fail('EINVAL', 'the range begins at or behind the end');
  if (inode.sizeBytes + length > inode.bytesMax)
    return fail('EFBIG', 'the file would be too large');
  inode.shift(offset / PAGE_SIZE, length / PAGE_SIZE);
  inode.sizeBytes += length;
  return 0;
}
