/**
 * The content of a file changes: ftruncate(2) of any, fallocate(2) of shmem, holes.
 * Mappings lose the pages before the cache does. No userfaultfd hears of it.
 * Answers to: shmem_setattr(), shmem_fallocate().
 */

import { type Failure, fail, failed, type Result } from '../base/errno.js';
import { PAGE_SIZE, pageOffset } from '../base/page.js';
import { HugetlbFile, HugetlbInode } from '../file/hugetlb.js';
import { Inode } from '../file/inode.js';
import { MappedFile } from '../file/mapped-file.js';
import { ShmemFile } from '../file/memfd.js';
import { PipeEnd } from '../file/pipe.js';
import { RegularFile } from '../file/regular.js';
import type { Caller } from '../mm/caller.js';
import { FRAME_DIRTY, FRAME_NOT_UPTODATE, NO_FRAME } from '../phys/frames.js';
import {
  FALLOC_FL_COLLAPSE_RANGE,
  FALLOC_FL_INSERT_RANGE,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_UNSHARE_RANGE,
  FALLOC_FL_ZERO_RANGE,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  MFD_EXEC,
  MFD_HUGE_MASK,
  MFD_HUGE_SHIFT,
  MFD_HUGETLB,
  MFD_NOEXEC_SEAL,
  O_ACCMODE,
  O_RDONLY,
  O_RDWR,
} from '../uapi/fcntl.js';
import { fallocateOnDisk } from './fallocate-disk.js';
import { fallocateHuge } from './fallocate-huge.js';
import { poolOfFlags } from './mmap-hugetlb.js';

const BOTH_SEALS = MFD_EXEC | MFD_NOEXEC_SEAL;
const MFD_KNOWN = MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC | MFD_NOEXEC_SEAL;
const MFD_HUGE_KNOWN = MFD_KNOWN | MFD_HUGETLB | (MFD_HUGE_MASK << MFD_HUGE_SHIFT);

/** memfd_create(2): a shmem or hugetlb file of size zero. */
export function memfdCreate(
  caller: Caller,
  args: { name: string; flags: number; ino: number },
): Result<number> {
  const isHuge = (args.flags & MFD_HUGETLB) !== 0;
  if ((args.flags & ~(isHuge ? MFD_HUGE_KNOWN : MFD_KNOWN)) !== 0)
    return fail('EINVAL', 'unknown flag bits');
  if ((args.flags & BOTH_SEALS) === BOTH_SEALS) {
    return fail('EINVAL', 'MFD_EXEC excludes MFD_NOEXEC_SEAL');
  }
  if (new TextEncoder().encode(args.name).length > 249) {
    return fail('EINVAL', 'the name is longer than 249 bytes');
  }
  const { frames, swap } = caller.mm.memory;
  if (isHuge) return hugetlbMemfd(caller, args);
  const inode = new Inode(args.name, frames, swap, 0, args.ino);
  return caller.fds.install(new ShmemFile(inode, O_RDWR));
}

function hugetlbMemfd(
  { mm, fds }: Caller,
  { name, flags, ino }: { name: string; flags: number; ino: number },
): Result<number> {
  const pool = poolOfFlags(mm, flags);
  if (pool === undefined) return fail('ENODEV', 'there are no huge pages of this size');
  const inode = new HugetlbInode(`memfd:${name}`, pool, mm.memory.swap, ino);
  return fds.install(new HugetlbFile(inode, O_RDWR));
}

/** A read-only descriptor of the same file, as opening /proc/self/fd/N gives one. */
export function reopenReadOnly(caller: Caller, fd: number): Result<number> {
  const file = mappedFile(caller, fd, 'EINVAL');
  if (failed(file)) return file;
  const reopened = file.reopen(O_RDONLY);
  const installed = caller.fds.install(reopened);
  if (failed(installed)) reopened.put();
  return installed;
}

/** The file with pages behind a descriptor, or the errno of what is not one. */
export function mappedFile(
  caller: Caller,
  fd: number,
  otherwise: 'EINVAL' | 'ESPIPE',
): Result<MappedFile> {
  const file = caller.fds.lookup(fd);
  if (failed(file)) return file;
  return file instanceof MappedFile ? file : fail(otherwise, `descriptor ${fd} has no pages`);
}

/** ftruncate(2). */
export function ftruncate(caller: Caller, args: { fd: number; length: number }): Result<0> {
  if (args.length >= 2 ** 63) return fail('EINVAL', 'length is negative');
  const file = mappedFile(caller, args.fd, 'EINVAL');
  if (failed(file)) return file;
  if (!file.writable) return fail('EINVAL', 'the descriptor is read-only');
  if (args.length > file.inode.bytesMax) return fail('EFBIG', 'the file would be too large');
  if (file instanceof HugetlbFile && args.length % file.inode.pageSize !== 0) {
    return fail('EINVAL', 'length is not a multiple of the huge page size');
  }
  file.inode.resize(args.length);
  return 0;
}

/** Makes a hole of whole pages. */
export const punchHole = (inode: Inode, first: number, end: number): void =>
  inode.evict(first, end, 'not-cows');

/** Arguments of fallocate(2). */
export interface FallocateArgs {
  readonly fd: number;
  readonly mode: number;
  readonly offset: number;
  readonly length: number;
}

/** fallocate(2): allocate, or punch a hole. */
export function fallocate(caller: Caller, args: FallocateArgs): Result<0> {
  const opened = caller.fds.lookup(args.fd);
  if (failed(opened)) return opened;
  const { offset, length } = args;
  if (offset >= 2 ** 63 || length >= 2 ** 63) return fail('EINVAL', 'a number is negative');
  if (length === 0) return fail('EINVAL', 'length is zero');
  if ((args.mode & ~KNOWN_MODES) !== 0) return fail('EOPNOTSUPP', 'unknown mode bits');
  if ((opened.statusFlags & O_ACCMODE) === O_RDONLY) {
    return fail('EBADF', 'the descriptor is read-only');
  }
  if (opened instanceof PipeEnd) return fail('ESPIPE', 'a pipe has no pages to allocate');
  if (!(opened instanceof MappedFile)) return fail('ENODEV', 'the file has no pages to allocate');
  if (args.offset + args.length > opened.inode.bytesMax) {
    return fail('EFBIG', 'the file would be too large');
  }
  if (opened instanceof RegularFile) return fallocateOnDisk(opened.inode, args);
  const unsupported = checkMode(args.mode);
  if (unsupported !== undefined) return unsupported;
  if (opened instanceof HugetlbFile) return fallocateHuge(opened.inode, args);
  return (args.mode & FALLOC_FL_PUNCH_HOLE) !== 0
    ? punch(opened.inode, args)
    : allocate(opened.inode, args);
}

const KNOWN_MODES =
  FALLOC_FL_KEEP_SIZE |
  FALLOC_FL_PUNCH_HOLE |
  FALLOC_FL_COLLAPSE_RANGE |
  FALLOC_FL_ZERO_RANGE |
  FALLOC_FL_INSERT_RANGE |
  FALLOC_FL_UNSHARE_RANGE;

function checkMode(mode: number): Failure | undefined {
  const punches = (mode & FALLOC_FL_PUNCH_HOLE) !== 0;
  const known = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE;
  if ((mode & ~known) !== 0) return fail('EOPNOTSUPP', 'shmem does not have this mode');
  return punches && (mode & FALLOC_FL_KEEP_SIZE) === 0
    ? fail('EOPNOTSUPP', 'PUNCH_HOLE needs KEEP_SIZE')
    : undefined;
}

function punch(inode: Inode, { offset, length }: FallocateArgs): Result<0> {
  const end = offset + length;
  const first = Math.ceil(offset / PAGE_SIZE);
  const last = Math.floor(end / PAGE_SIZE);
  if (last === 0) inode.unmapFrom(first);
  if (first > last) {
    zeroInside(inode, offset, end);
    return 0;
  }
  inode.zero(first - 1, pageOffset(offset), PAGE_SIZE);
  if (pageOffset(end) > 0) zeroInside(inode, last * PAGE_SIZE, end);
  if (first < last) punchHole(inode, first, last);
  return 0;
}

/** Zeroes a range that lies in one page. */
function zeroInside(inode: Inode, from: number, to: number): void {
  const index = Math.floor(from / PAGE_SIZE);
  const start = index * PAGE_SIZE;
  inode.zeroInside(index, from - start, to - start);
}

function allocate(inode: Inode, { offset, length, mode }: FallocateArgs): Result<0> {
  const end = offset + length;
  const pages: number[] = [];
  const last = Math.ceil(end / PAGE_SIZE);
  for (let index = Math.floor(offset / PAGE_SIZE); index < last; index++) {
    if (inode.settled(index) !== NO_FRAME || inode.holds(index)) continue;
    const pfn = inode.addZeroed(index);
    if (pfn === NO_FRAME) {
      for (const made of pages) inode.remove(made);
      return fail('ENOMEM', 'no memory for the pages of the file');
    }
    inode.frames.setFlag(pfn, FRAME_NOT_UPTODATE | FRAME_DIRTY);
    pages.push(index);
  }
  if ((mode & FALLOC_FL_KEEP_SIZE) === 0) inode.sizeBytes = Math.max(inode.sizeBytes, end);
  return 0;
}
