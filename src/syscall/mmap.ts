/**
 * mmap(2): anonymous memory and files, private and shared; huge pages in `mmap-hugetlb.ts`.
 * Answers to: do_mmap().
 */

import { type Failure, fail, failed, type Result } from '../base/errno.js';
import { NotModelledError } from '../base/not-modelled.js';
import type { Op } from '../base/op.js';
import { isPageAligned, PAGE_SIZE, pageUp, pageUpWrapped } from '../base/page.js';
import { HugetlbFile } from '../file/hugetlb.js';
import { Inode } from '../file/inode.js';
import { MappedFile } from '../file/mapped-file.js';
import { ShmemFile } from '../file/memfd.js';
import type { OpenFile } from '../file/open-file.js';
import type { Caller } from '../mm/caller.js';
import { exceedsLockLimit, mayLock } from '../mm/lock-limit.js';
import { addMapping, freshMapping, mapCountAllows } from '../mm/modify.js';
import {
  accessOfProt,
  VM_ACCOUNT,
  VM_DONTEXPAND,
  VM_GROWSDOWN,
  VM_HUGETLB,
  VM_LOCKED,
  VM_MAYWRITE,
  VM_NORESERVE,
  VM_SHARED,
  VM_SOFTDIRTY,
  VM_WRITE,
} from '../mm/vma-flags.js';
import { O_ACCMODE, O_RDONLY, O_RDWR, O_WRONLY } from '../uapi/fcntl.js';
import {
  MAP_32BIT,
  MAP_ANONYMOUS,
  MAP_DROPPABLE,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_HUGETLB,
  MAP_LOCKED,
  MAP_NONBLOCK,
  MAP_NORESERVE,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_SHARED_VALIDATE,
  MAP_TYPE,
  PROT_WRITE,
} from '../uapi/mman.js';
import { anonymousHugetlb, claimPages } from './mmap-hugetlb.js';
import { place } from './placement.js';
import { populate } from './populate.js';
import { Notices, unmapRange } from './unmap.js';

/** Arguments of mmap(2). */
export interface MmapArgs {
  readonly addr: number;
  readonly length: number;
  readonly prot: number;
  readonly flags: number;
  readonly fd: number;
  readonly offset: number;
}

/** Maps memory; answers its address. */
export function* mmap(caller: Caller, args: MmapArgs): Op<Result<number>> {
  const opened = checkFile(caller, args);
  if (failed(opened)) return opened;
  try {
    return yield* mapFile(caller, args, opened);
  } finally {
    if ((args.flags & MAP_ANONYMOUS) !== 0) opened?.put(); // the area holds it now
  }
}

function* mapFile(
  caller: Caller,
  args: MmapArgs,
  opened: OpenFile | undefined,
): Op<Result<number>> {
  const { mm } = caller;
  const pageSize = opened instanceof HugetlbFile ? opened.inode.pageSize : PAGE_SIZE;
  const length = pageUpWrapped(Math.ceil(args.length / pageSize) * pageSize);
  const wrong = checkSize(caller, args, length);
  if (wrong !== undefined) return wrong;
  const anonymous = opened === undefined && isPrivate(args.flags);
  const addr = place(caller, { addr: args.addr, length, flags: args.flags, anonymous, pageSize });
  if (failed(addr)) return addr;
  const unlockable = checkLocked(caller, args, length);
  if (unlockable !== undefined) return unlockable;
  const file = opened === undefined ? undefined : mappable(opened, args, length);
  if (failed(file)) return file;
  const flags = vmaFlags(caller, args, file);
  if (failed(flags)) return flags;
  const notices = new Notices();
  const replaced = replacesExisting(args.flags)
    ? unmapRange(mm, { start: addr, end: addr + length }, notices)
    : undefined;
  if (replaced !== undefined) return replaced;
  if (args.offset % pageSize !== 0) return fail('EINVAL', 'offset is inside a huge page');
  const vma = addMapping(
    mm,
    freshMapping({
      start: addr,
      end: addr + length,
      flags,
      file: backing(caller, args, file, length),
      pgoff: firstIndex(args, file, addr),
    }),
  );
  const refused = vma.isHugetlb ? claimPages(mm, vma, args.offset + length) : undefined;
  yield* notices.complete();
  if (refused !== undefined) return refused;
  if (wantsPages(args.flags)) yield* populate(caller, { addr, length }, 'next area');
  return addr;
}

function checkLocked(caller: Caller, { flags }: MmapArgs, length: number): Failure | undefined {
  if ((flags & MAP_LOCKED) === 0) return undefined;
  if (!mayLock(caller)) return fail('EPERM', 'RLIMIT_MEMLOCK is 0');
  return exceedsLockLimit(caller, length)
    ? fail('EAGAIN', 'more than RLIMIT_MEMLOCK would be locked')
    : undefined;
}

/** Page index of the mapping's start: an offset counts only for a file. */
function firstIndex(args: MmapArgs, file: MappedFile | undefined, addr: number): number {
  if (file !== undefined) return args.offset / PAGE_SIZE;
  return isPrivate(args.flags) ? addr / PAGE_SIZE : 0;
}

/** Largest offset of a file that says nothing else: the number below 2^63. */
const BYTES_MAX = 2 ** 63 - 1024;

/** The file as one that can be mapped so, or the errno of the first reason why not. */
function mappable(file: OpenFile, args: MmapArgs, length: number): Result<MappedFile> {
  const shared = (args.flags & MAP_TYPE) !== MAP_PRIVATE;
  const access = file.statusFlags & O_ACCMODE;
  const bytesMax = file instanceof MappedFile ? file.inode.bytesMax : BYTES_MAX;
  if (args.offset + length > bytesMax) return fail('EOVERFLOW', 'offset + length is too large');
  if (shared && (args.prot & PROT_WRITE) !== 0 && access === O_RDONLY) {
    return fail('EACCES', 'a shared writable mapping of a read-only descriptor');
  }
  if (access === O_WRONLY) return fail('EACCES', 'the descriptor cannot be read');
  return file instanceof MappedFile ? file : fail('ENODEV', 'the file cannot be mapped');
}

const isPrivate = (flags: number): boolean => (flags & MAP_TYPE) === MAP_PRIVATE;

const replacesExisting = (flags: number): boolean =>
  (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) === MAP_FIXED;

const wantsPages = (flags: number): boolean =>
  (flags & MAP_LOCKED) !== 0 || (flags & (MAP_POPULATE | MAP_NONBLOCK)) === MAP_POPULATE;

/** What the descriptor refers to: that it is open is asked before anything else of it. */
function checkFile(caller: Caller, args: MmapArgs): Result<OpenFile | undefined> {
  if (!isPageAligned(args.offset)) return fail('EINVAL', 'offset is not page aligned');
  if ((args.flags & MAP_32BIT) !== 0) throw new NotModelledError('MAP_32BIT');
  const isHuge = (args.flags & MAP_HUGETLB) !== 0;
  if ((args.flags & MAP_ANONYMOUS) !== 0) {
    return isHuge ? anonymousHugetlb(caller, args) : undefined;
  }
  const file = caller.fds.lookup(args.fd);
  return isHuge && !failed(file) && !(file instanceof HugetlbFile)
    ? fail('EINVAL', 'MAP_HUGETLB and a descriptor of something else')
    : file;
}

function checkSize({ mm }: Caller, args: MmapArgs, length: number): Failure | undefined {
  if (args.length === 0) return fail('EINVAL', 'length is zero');
  if (length === 0) return fail('ENOMEM', 'length rounds up to more than 64 bits hold');
  return mapCountAllows(mm) ? undefined : fail('ENOMEM', 'the address space has too many areas');
}

const KNOWN_TYPES = [MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE];

/** VM_* flags of the new area, or the errno of what the file or the machine forbids. */
function vmaFlags({ mm }: Caller, args: MmapArgs, file: MappedFile | undefined): Result<number> {
  const type = args.flags & MAP_TYPE;
  if (type === MAP_DROPPABLE && file === undefined) throw new NotModelledError('MAP_DROPPABLE');
  const validates = type === MAP_SHARED_VALIDATE && file === undefined;
  if (!KNOWN_TYPES.includes(type) || validates) {
    return fail('EINVAL', 'flags has neither MAP_SHARED nor MAP_PRIVATE');
  }
  const access = accessOfProt(args.prot);
  const writable = (access & VM_WRITE) !== 0;
  let flags = access | VM_SOFTDIRTY;
  if (type === MAP_PRIVATE) flags |= VM_MAYWRITE;
  else {
    flags |= VM_SHARED | ((file?.writable ?? true) ? VM_MAYWRITE : 0);
  }
  if ((args.flags & MAP_GROWSDOWN) !== 0) {
    if (file !== undefined || type !== MAP_PRIVATE) return fail('EINVAL', 'only stacks grow down');
    flags |= VM_GROWSDOWN;
  }
  if (file instanceof HugetlbFile) return flags | hugetlbFlags(args.flags);
  if ((args.flags & MAP_LOCKED) !== 0) flags |= VM_LOCKED;
  if ((args.flags & MAP_NORESERVE) !== 0) return flags | VM_NORESERVE;
  if (type === MAP_PRIVATE && writable) flags |= VM_ACCOUNT;
  const accountable = (flags & VM_ACCOUNT) !== 0 || (file === undefined && type !== MAP_PRIVATE);
  const pages = pageUp(args.length) / PAGE_SIZE;
  return accountable && pages > mm.memory.frames.total
    ? fail('ENOMEM', 'the mapping is larger than the memory of the machine')
    : flags;
}

/** Huge pages are never swapped, so not locked either; they are promised instead of charged. */
const hugetlbFlags = (flags: number): number =>
  VM_HUGETLB | VM_DONTEXPAND | ((flags & MAP_NORESERVE) !== 0 ? VM_NORESERVE : 0);

/** The file behind the area, with a reference of its own. */
function backing(
  { mm }: Caller,
  args: MmapArgs,
  file: MappedFile | undefined,
  length: number,
): MappedFile | undefined {
  if (file !== undefined) return file.get();
  if (isPrivate(args.flags)) return undefined;
  return new ShmemFile(new Inode('zero', mm.memory.frames, mm.memory.swap, length, 0), O_RDWR);
}
