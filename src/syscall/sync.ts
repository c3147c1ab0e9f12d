/**
 * fsync(2) and msync(2): dirty pages go to the disk, and their mappings notice the next store.
 * Files without a disk have nothing to write. No userfaultfd hears of it, protection stays.
 */

import { fail, failed, type Result } from '../base/errno.js';
import { isPageAligned, pageUp } from '../base/page.js';
import { MappedFile } from '../file/mapped-file.js';
import { RegularInode } from '../file/regular.js';
import type { Caller } from '../mm/caller.js';
import type { Mm } from '../mm/mm.js';
import type { Vma } from '../mm/vma.js';
import { VM_LOCKED } from '../mm/vma-flags.js';
import { MS_ASYNC, MS_INVALIDATE, MS_SYNC } from '../uapi/mman.js';

/** fsync(2). */
export function fsync(caller: Caller, fd: number): Result<0> {
  const file = caller.fds.lookup(fd);
  if (failed(file)) return file;
  if (!(file instanceof MappedFile)) return fail('EINVAL', 'the file cannot be written back');
  const { inode } = file;
  if (inode instanceof RegularInode) inode.writeBackRange(0, Number.POSITIVE_INFINITY);
  return 0;
}

/** Arguments of msync(2). */
export interface MsyncArgs {
  readonly addr: number;
  readonly length: number;
  readonly flags: number;
}

/** msync(2); what lies before and behind a hole is written all the same. */
export function msync(mm: Mm, { addr, length, flags }: MsyncArgs): Result<0> {
  if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) !== 0) {
    return fail('EINVAL', 'unknown flag bits');
  }
  if (!isPageAligned(addr)) return fail('EINVAL', 'addr is not page aligned');
  if ((flags & MS_ASYNC) !== 0 && (flags & MS_SYNC) !== 0) {
    return fail('EINVAL', 'MS_ASYNC excludes MS_SYNC');
  }
  const end = addr + pageUp(length);
  if (end >= 2 ** 64) return fail('ENOMEM', 'the range wraps around');
  let next = addr;
  let holes = false;
  for (const vma of mm.vmas.within(addr, end)) {
    holes ||= vma.start > next;
    next = vma.end;
    const locked = (flags & MS_INVALIDATE) !== 0 && vma.has(VM_LOCKED);
    if (locked) return fail('EBUSY', 'a part of the range is locked');
    if ((flags & MS_SYNC) !== 0) writeArea(vma, Math.max(addr, vma.start), Math.min(end, vma.end));
  }
  return holes || next < end ? fail('ENOMEM', 'a part of the range is not mapped') : 0;
}

function writeArea(vma: Vma, start: number, end: number): void {
  const inode = vma.file?.inode;
  if (!vma.isShared || !(inode instanceof RegularInode)) return;
  inode.writeBackRange(vma.indexOf(start), vma.indexOf(end));
}
