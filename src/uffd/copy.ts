/**
 * UFFDIO_COPY and UFFDIO_ZEROPAGE: fill missing pages with bytes or with zeros.
 * Private memory gets pages of its own, shared shmem new pages in the file.
 * Answers to: mfill_atomic_copy(), mfill_atomic_zeropage().
 */

import type { Pfn } from '../base/brand.js';
import { type Failure, fail, failed } from '../base/errno.js';
import type { Op } from '../base/op.js';
import {
  installAnon,
  installCached,
  installZero,
  type Place,
  type Protection,
} from '../mm/install.js';
import { VM_SHARED, VM_UFFD_WP, VM_WRITE } from '../mm/vma-flags.js';
import { NO_FRAME } from '../phys/frames.js';
import {
  UFFDIO_COPY_MODE_DONTWAKE,
  UFFDIO_COPY_MODE_WP,
  UFFDIO_ZEROPAGE_MODE_DONTWAKE,
} from '../uapi/userfaultfd.js';
import type { UffdContext } from './context.js';
import { type CopyArgs, kindOf, readSource } from './copy-source.js';
import {
  beyondFile,
  type FillCall,
  type FillOutcome,
  type FillPlace,
  refuse,
  runFill,
} from './fill.js';
import { checkMode, occupied } from './fill-checks.js';
import { copyHugePage } from './fill-huge.js';
import { checkRange, checkUnalignedRange, type Range } from './range.js';

/** UFFDIO_COPY, behind the window check. */
export function* copy(context: UffdContext, call: FillCall, args: CopyArgs): Op<FillOutcome> {
  const { mm } = context;
  const invalid =
    checkSource(context, args) ??
    checkRange(mm, { start: args.dst, len: args.len }, 'dst') ??
    checkMode(args.mode, UFFDIO_COPY_MODE_DONTWAKE | UFFDIO_COPY_MODE_WP);
  if (invalid !== undefined) return refuse(invalid);
  const asWp = (args.mode & UFFDIO_COPY_MODE_WP) !== 0;
  return yield* runFill(context, call, {
    dst: args.dst,
    len: args.len,
    wakes: (args.mode & UFFDIO_COPY_MODE_DONTWAKE) === 0,
    checkArea: (vma) =>
      asWp && !vma.has(VM_UFFD_WP)
        ? fail('EINVAL', 'MODE_WP needs a registration with MODE_WP')
        : undefined,
    fillPage: (place) =>
      place.vma.isHugetlb
        ? copyHugePage(call, args, place, asWp)
        : copyPage(call, args, place, asWp),
  });
}

function checkSource(context: UffdContext, { src, dst, len }: CopyArgs): Failure | undefined {
  if (typeof src !== 'number') return undefined;
  if (context.mm.memory.profile.has('copySrcRangeCheck')) {
    return checkUnalignedRange(context.mm, { start: src, len }, 'src');
  }
  const badTarget = checkRange(context.mm, { start: dst, len }, 'dst');
  if (badTarget !== undefined) return badTarget;
  return src + len >= 2 ** 64 ? fail('EINVAL', 'src + len wraps around') : undefined;
}

function* copyPage(
  call: FillCall,
  args: CopyArgs,
  place: FillPlace,
  asWp: boolean,
): Op<Failure | undefined> {
  const { frames } = place.mm.memory;
  if (frames.available <= 0) return fail('ENOMEM', 'no memory for a page');
  const { vma } = place;
  const before = kindOf(vma);
  const bytes = yield* readSource(call, args, place.offset);
  if (failed(bytes)) return bytes;
  const again = typeof args.src === 'number' ? place.revalidate() : place;
  if (failed(again)) return again;
  const rechecks = place.mm.memory.profile.has('copyRechecksArea');
  if (rechecks && kindOf(again.vma) !== before) {
    return fail('EAGAIN', 'the destination became another mapping while the source was awaited');
  }
  const pfn = frames.alloc();
  if (pfn === NO_FRAME) return fail('ENOMEM', 'no memory for a page');
  frames.write(pfn, bytes);
  const failure = installFill(again, pfn, wpFor(again, asWp));
  frames.put(pfn);
  return failure;
}

/** 5.10 protects only what could be written. */
function wpFor({ vma, mm }: Place, asWp: boolean): Protection {
  const allowed = mm.memory.profile.has('copyWpNotWritable') || vma.has(VM_WRITE);
  return asWp && allowed ? 'uffd-wp' : 'plain';
}

/** Puts a filled frame where the fill goes: into private memory, or into the file. */
function installFill(place: Place, pfn: Pfn, protection: Protection): Failure | undefined {
  return place.vma.has(VM_SHARED)
    ? installShared(place, pfn, protection)
    : installPrivate(place, pfn, protection);
}

function installPrivate(place: Place, pfn: Pfn, protection: Protection): Failure | undefined {
  if (beyondFile(place)) return fail('EFAULT', 'the page lies beyond the end of the file');
  const taken = occupied(place);
  if (taken !== undefined) return taken;
  installAnon(place, pfn, protection);
  return undefined;
}

function installShared(place: Place, pfn: Pfn, protection: Protection): Failure | undefined {
  const inode = place.vma.file?.inode;
  if (inode === undefined) return fail('EINVAL', 'the area has no file');
  if (beyondFile(place)) return beyondSharedFile(place);
  const index = place.vma.indexOf(place.addr);
  if (inode.holds(index)) {
    return fail('EEXIST', 'the page is in the page cache already (UFFDIO_CONTINUE maps it)');
  }
  const taken = occupied(place);
  if (taken !== undefined) return taken;
  inode.add(index, pfn);
  const writable = place.vma.has(VM_WRITE);
  installCached(place, pfn, { writable, dirty: true, protection });
  return undefined;
}

function beyondSharedFile({ mm }: Place): Failure {
  const code = mm.memory.profile.has('copyEofEnomem') ? 'ENOMEM' : 'EFAULT';
  return fail(code, 'the page lies beyond the end of the file');
}

/** Arguments of UFFDIO_ZEROPAGE, UFFDIO_CONTINUE and UFFDIO_POISON. */
export interface RangeFillArgs extends Range {
  readonly mode: number;
}

/** UFFDIO_ZEROPAGE, behind the window check. */
export function* zeropage(
  context: UffdContext,
  call: FillCall,
  args: RangeFillArgs,
): Op<FillOutcome> {
  const invalid =
    checkRange(context.mm, args) ?? checkMode(args.mode, UFFDIO_ZEROPAGE_MODE_DONTWAKE);
  if (invalid !== undefined) return refuse(invalid);
  return yield* runFill(context, call, {
    dst: args.start,
    len: args.len,
    wakes: (args.mode & UFFDIO_ZEROPAGE_MODE_DONTWAKE) === 0,
    checkArea: (vma) =>
      vma.isHugetlb ? fail('EINVAL', 'there is no huge page of zeros') : undefined,
    *fillPage(place) {
      return place.vma.has(VM_SHARED) ? zeroShared(place) : zeroPrivate(place);
    },
  });
}

function zeroPrivate(place: Place): Failure | undefined {
  if (beyondFile(place)) return fail('EFAULT', 'the page lies beyond the end of the file');
  const taken = occupied(place, 'markers-too');
  if (taken !== undefined) return taken;
  installZero(place, 'plain');
  return undefined;
}

function zeroShared(place: Place): Failure | undefined {
  const { frames } = place.mm.memory;
  const pfn = frames.allocZeroed();
  if (pfn === NO_FRAME) return fail('ENOMEM', 'no memory for a page');
  const failure = installShared(place, pfn, 'plain');
  frames.put(pfn);
  return failure;
}
