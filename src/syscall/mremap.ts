/**
 * mremap(2): grows, shrinks, moves.
 * The argument checks are here; what moves an area is in `mremap-move.ts`.
 * Answers to: do_mremap().
 */

import { type Failure, fail, failed, type Result } from '../base/errno.js';
import type { Op } from '../base/op.js';
import { isPageAligned, PAGE_SIZE, pageUpWrapped, TASK_SIZE } from '../base/page.js';
import type { Caller } from '../mm/caller.js';
import { exceedsLockLimit } from '../mm/lock-limit.js';
import type { Mm } from '../mm/mm.js';
import { mergeChanged } from '../mm/modify.js';
import type { Vma } from '../mm/vma.js';
import { VM_ACCOUNT, VM_LOCKED, VM_SHARED } from '../mm/vma-flags.js';
import { MAP_FIXED, MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE } from '../uapi/mman.js';
import { type Move, MoveNotices, moveArea } from './mremap-move.js';
import { place } from './placement.js';
import { populate } from './populate.js';
import { unmapRange } from './unmap.js';

/** Arguments of mremap(2). */
export interface MremapArgs {
  readonly oldAddress: number;
  readonly oldSize: number;
  readonly newSize: number;
  readonly flags: number;
  readonly newAddress: number;
}

const KNOWN = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;

/** mremap(2); answers the new address. */
export function* mremap(caller: Caller, raw: MremapArgs): Op<Result<number>> {
  const oldSize = pageUpWrapped(raw.oldSize);
  const args = { ...raw, oldSize, newSize: pageUpWrapped(raw.newSize) };
  const wrong = checkArgs(args);
  if (wrong !== undefined) return wrong;
  const notices = new MoveNotices();
  const result = remap(caller, args, notices);
  if (failed(result)) notices.cancel();
  else yield* populateLocked(caller, args, result);
  yield* notices.complete();
  return result;
}

function* populateLocked(caller: Caller, args: MremapArgs, addr: number): Op<void> {
  const { oldSize, newSize } = args;
  if (newSize <= oldSize || caller.mm.vmas.find(addr)?.has(VM_LOCKED) !== true) return;
  yield* populate(caller, { addr: addr + oldSize, length: newSize - oldSize }, 'next area');
}

const places = (args: MremapArgs): boolean =>
  (args.flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) !== 0;

function checkArgs(args: MremapArgs): Failure | undefined {
  const { oldAddress, oldSize, newSize, flags, newAddress } = args;
  if ((flags & ~KNOWN) !== 0) return fail('EINVAL', 'unknown flag bits');
  if (!isPageAligned(oldAddress)) return fail('EINVAL', 'old_address is not page aligned');
  if (newSize === 0) return fail('EINVAL', 'new_size is zero');
  if (newSize > TASK_SIZE) return fail('EINVAL', 'new_size is larger than user space');
  if (!places(args)) return undefined;
  if (newAddress > TASK_SIZE - newSize) return fail('EINVAL', 'new_address is beyond user space');
  if (!isPageAligned(newAddress)) return fail('EINVAL', 'new_address is not page aligned');
  if ((flags & MREMAP_MAYMOVE) === 0) {
    return fail('EINVAL', 'MREMAP_FIXED and MREMAP_DONTUNMAP need MREMAP_MAYMOVE');
  }
  if ((flags & MREMAP_DONTUNMAP) !== 0 && oldSize !== newSize) {
    return fail('EINVAL', 'MREMAP_DONTUNMAP needs equal sizes');
  }
  const oldEnd = (oldAddress + oldSize) % 2 ** 64; // as the kernel's 64 bits wrap
  const overlap = oldEnd > newAddress && newAddress + newSize > oldAddress;
  return overlap ? fail('EINVAL', 'the old and the new range overlap') : undefined;
}

function remap(caller: Caller, raw: MremapArgs, notices: MoveNotices): Result<number> {
  const { mm } = caller;
  const vma = mm.vmas.find(raw.oldAddress);
  if (vma === undefined) return fail('EFAULT', 'nothing is mapped at old_address');
  if (movesSeveral(mm, vma, raw)) return moveSeveral(caller, raw, notices);
  const args = inWholePages(mm, vma, raw);
  if (failed(args)) return args;
  const { oldAddress, oldSize, newSize } = args;
  const wrong = checkArea(mm, vma, args);
  if (wrong !== undefined) return wrong;
  if (places(args)) return moveAway(caller, vma, args, notices);
  if (newSize < oldSize) return shrink(mm, args, notices);
  if (newSize === oldSize) return oldAddress;
  return leavesArea(vma, args) ? fail('EFAULT', LEAVES) : grow(caller, vma, args, notices);
}

/** Whether an area may become so much larger. */
function checkGrowth(caller: Caller, vma: Vma, growth: number): Failure | undefined {
  if (growth <= 0) return undefined;
  if (vma.has(VM_LOCKED) && exceedsLockLimit(caller, growth)) {
    return fail('EAGAIN', 'more than RLIMIT_MEMLOCK would be locked');
  }
  return vma.has(VM_ACCOUNT) && growth / PAGE_SIZE > caller.mm.memory.frames.total
    ? fail('ENOMEM', 'the growth is larger than the memory of the machine')
    : undefined;
}

/** Sizes in whole pages of the area; huge pages neither part nor grow, nor leave a hole behind. */
function inWholePages(mm: Mm, vma: Vma, args: MremapArgs): Result<MremapArgs> {
  if (!vma.isHugetlb) return args;
  const up = (size: number): number => Math.ceil(size / vma.pageSize) * vma.pageSize;
  const whole = { ...args, oldSize: up(args.oldSize), newSize: up(args.newSize) };
  const aligned = vma.pageStart(args.oldAddress) === args.oldAddress;
  if (!mm.memory.profile.has('mremapHugetlb')) return fail('EINVAL', 'huge pages cannot be moved');
  if (!aligned || args.newAddress % vma.pageSize !== 0) {
    return fail('EINVAL', 'an address is inside a huge page');
  }
  if (whole.newSize > whole.oldSize) return fail('EINVAL', 'huge pages cannot grow');
  return (args.flags & MREMAP_DONTUNMAP) !== 0
    ? fail('EINVAL', 'MREMAP_DONTUNMAP is not for huge pages')
    : whole;
}

const LEAVES = 'the old range ends beyond its area';

/** Whether what is to be kept of the old range crosses the end of its area. */
const leavesArea = (vma: Vma, { oldAddress, oldSize, newSize }: MremapArgs): boolean =>
  Math.min(oldSize, newSize) > vma.end - oldAddress;

/** Whether an unchanged length reaches beyond one area to a place that the caller chose. */
const movesSeveral = (mm: Mm, vma: Vma, args: MremapArgs): boolean =>
  places(args) &&
  args.oldSize === args.newSize &&
  leavesArea(vma, args) &&
  mm.memory.profile.has('mremapMultiVma');

/** Moves to a place that the caller chose, or leaves the old one mapped. */
function moveAway(
  caller: Caller,
  vma: Vma,
  args: MremapArgs,
  notices: MoveNotices,
): Result<number> {
  const { profile } = caller.mm.memory;
  if (leavesArea(vma, args) && profile.has('mremapChecksFirst')) return fail('EFAULT', LEAVES);
  return moveTo(caller, vma, args, notices);
}

function checkArea(mm: Mm, vma: Vma, args: MremapArgs): Failure | undefined {
  if (args.oldSize === 0 && !vma.has(VM_SHARED)) {
    return fail('EINVAL', 'old_size zero is for shared mappings');
  }
  const dontunmap = (args.flags & MREMAP_DONTUNMAP) !== 0;
  return dontunmap && !vma.isAnonymous && !mm.memory.profile.has('dontunmapShared')
    ? fail('EINVAL', 'MREMAP_DONTUNMAP is for anonymous memory on this kernel')
    : undefined;
}

function shrink(mm: Mm, args: MremapArgs, notices: MoveNotices): Result<number> {
  const { oldAddress, oldSize, newSize } = args;
  const tail = { start: oldAddress + newSize, end: oldAddress + oldSize };
  return unmapRange(mm, tail, notices.late) ?? oldAddress;
}

function grow(caller: Caller, vma: Vma, args: MremapArgs, notices: MoveNotices): Result<number> {
  const { mm } = caller;
  const { oldAddress, oldSize, newSize, flags } = args;
  const tooLarge = checkGrowth(caller, vma, newSize - oldSize);
  if (tooLarge !== undefined) return tooLarge;
  const end = oldAddress + newSize;
  const atEnd = vma.end === oldAddress + oldSize && oldSize > 0;
  if (atEnd && end <= TASK_SIZE && mm.vmas.within(vma.end, end).length === 0) {
    vma.end = end;
    mergeChanged(mm, vma, 'next');
    return oldAddress;
  }
  if ((flags & MREMAP_MAYMOVE) === 0) {
    return fail('ENOMEM', 'there is no room to grow and MREMAP_MAYMOVE is not given');
  }
  return moveTo(caller, vma, { ...args, newAddress: 0 }, notices);
}

/** Moves (a part of) one area to where the arguments say, or to where there is room. */
function moveTo(caller: Caller, vma: Vma, args: MremapArgs, notices: MoveNotices): Result<number> {
  const { mm } = caller;
  const { oldAddress, newSize, flags } = args;
  const fixed = (flags & MREMAP_FIXED) !== 0;
  if (fixed) {
    const target = { start: args.newAddress, end: args.newAddress + newSize };
    const failure = unmapRange(mm, target, notices.early);
    if (failure !== undefined) return failure;
  }
  let { oldSize } = args;
  if (oldSize > newSize) {
    const tail = { start: oldAddress + newSize, end: oldAddress + oldSize };
    const failure = unmapRange(mm, tail, notices.late);
    if (failure !== undefined) return failure;
    oldSize = newSize;
  }
  const area = mm.vmas.find(oldAddress); // the target or the tail may have been a part of it
  if (area === undefined) return fail('EFAULT', 'nothing is mapped at old_address any more');
  if (oldSize > area.end - oldAddress) return fail('EFAULT', LEAVES);
  const tooLarge = checkGrowth(caller, area, newSize - oldSize);
  if (tooLarge !== undefined) return tooLarge;
  const to = place(caller, {
    addr: args.newAddress,
    length: newSize,
    flags: fixed ? MAP_FIXED : 0,
    anonymous: vma.isAnonymous,
    pageSize: vma.pageSize,
  });
  if (failed(to)) return to;
  const reported = mm.memory.profile.has('remapEventNewLen') ? oldSize : args.oldSize;
  const move: Move = {
    from: oldAddress,
    to,
    oldSize,
    newSize,
    reported,
    keepsOld: (flags & MREMAP_DONTUNMAP) !== 0,
  };
  return moveArea(mm, area, move, notices);
}

/** Moves several areas one by one; a registered one ends it, those before it stay moved. */
function moveSeveral(caller: Caller, args: MremapArgs, notices: MoveNotices): Result<number> {
  const { mm } = caller;
  const end = args.oldAddress + args.oldSize;
  for (const area of mm.vmas.within(args.oldAddress, end)) {
    if (area.uffd !== undefined) {
      return fail('EFAULT', 'a registered area cannot be moved together with others');
    }
    const from = Math.max(area.start, args.oldAddress);
    const size = Math.min(area.end, end) - from;
    const newAddress = args.newAddress + (from - args.oldAddress);
    const exact = { ...args, oldAddress: from, oldSize: size, newSize: size, newAddress };
    const part = inWholePages(mm, area, exact);
    if (failed(part)) return part;
    const moved = moveTo(caller, area, part, notices);
    if (failed(moved)) return moved;
  }
  return args.newAddress;
}
