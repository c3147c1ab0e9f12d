/**
 * UFFDIO_CONTINUE and UFFDIO_POISON: map what the page cache has, or declare a page lost.
 * Answers to: mfill_atomic_continue(), mfill_atomic_poison().
 */

import { type Failure, fail, failed } from '../base/errno.js';
import type { Op } from '../base/op.js';
import { fileUnlocked } from '../fault/locked.js';
import { installCached, type Place, type Protection } from '../mm/install.js';
import { installMarker } from '../mm/marker.js';
import type { Vma } from '../mm/vma.js';
import { VM_SHARED, VM_UFFD_WP, VM_WRITE } from '../mm/vma-flags.js';
import { MARKER_POISONED } from '../pgtable/pte.js';
import { NO_FRAME } from '../phys/frames.js';
import {
  UFFDIO_CONTINUE_MODE_DONTWAKE,
  UFFDIO_CONTINUE_MODE_WP,
  UFFDIO_POISON_MODE_DONTWAKE,
} from '../uapi/userfaultfd.js';
import type { UffdContext } from './context.js';
import type { RangeFillArgs } from './copy.js';
import { beyondFile, type FillCall, type FillOutcome, refuse, runFill } from './fill.js';
import { checkMode, occupied } from './fill-checks.js';
import { continueHuge } from './fill-huge.js';
import { checkRange } from './range.js';

/** UFFDIO_CONTINUE, behind the window check. */
export function* continueFill(
  context: UffdContext,
  call: FillCall,
  args: RangeFillArgs,
): Op<FillOutcome> {
  const { profile } = context.mm.memory;
  const wpBit = profile.has('continueModeWp') ? UFFDIO_CONTINUE_MODE_WP : 0;
  const invalid =
    checkRange(context.mm, args) ?? checkMode(args.mode, UFFDIO_CONTINUE_MODE_DONTWAKE | wpBit);
  if (invalid !== undefined) return refuse(invalid);
  const asWp = (args.mode & UFFDIO_CONTINUE_MODE_WP) !== 0;
  return yield* runFill(context, call, {
    dst: args.start,
    len: args.len,
    wakes: (args.mode & UFFDIO_CONTINUE_MODE_DONTWAKE) === 0,
    checkArea: (vma) => checkArea(vma, asWp),
    *fillPage(place) {
      const { file } = place.vma;
      const protection = asWp ? 'uffd-wp' : 'plain';
      if (place.vma.isHugetlb) return continueHuge(place, protection);
      const index = place.vma.indexOf(place.addr);
      if (file !== undefined) yield* fileUnlocked(place.mm, file.inode, index, index + 1);
      const again = place.revalidate();
      return failed(again) ? again : mapCached(again, protection);
    },
  });
}

function checkArea(vma: Vma, asWp: boolean): Failure | undefined {
  if (asWp && !vma.has(VM_UFFD_WP)) {
    return fail('EINVAL', 'MODE_WP needs a registration with MODE_WP');
  }
  return vma.isAnonymous ? fail('EINVAL', 'anonymous memory has no page cache') : undefined;
}

function mapCached(place: Place, protection: Protection): Failure | undefined {
  const { mm, vma, addr } = place;
  if (beyondFile(place)) {
    const code = mm.memory.profile.has('continueEofEfault') ? 'EFAULT' : 'EINVAL';
    return fail(code, 'the page lies beyond the end of the file');
  }
  const inode = vma.file?.inode;
  const index = vma.indexOf(addr);
  if (inode?.holds(index) !== true) return fail('EFAULT', 'the page is not in the page cache');
  if (inode.isUnreadable(index) || inode.isBroken(index)) {
    return fail('EIO', 'the content of the page is lost');
  }
  const pfn = inode.settled(index);
  if (pfn === NO_FRAME) return fail('ENOMEM', 'no memory for a page');
  const taken = occupied(place);
  if (taken !== undefined) return taken;
  const writable = vma.has(VM_SHARED) && vma.has(VM_WRITE);
  installCached(place, pfn, { writable, dirty: true, protection });
  return undefined;
}

/** UFFDIO_POISON, behind the window check. */
export function* poison(
  context: UffdContext,
  call: FillCall,
  args: RangeFillArgs,
): Op<FillOutcome> {
  const invalid = checkRange(context.mm, args) ?? checkMode(args.mode, UFFDIO_POISON_MODE_DONTWAKE);
  if (invalid !== undefined) return refuse(invalid);
  return yield* runFill(context, call, {
    dst: args.start,
    len: args.len,
    wakes: (args.mode & UFFDIO_POISON_MODE_DONTWAKE) === 0,
    checkArea: () => undefined,
    *fillPage(place) {
      if (beyondFile(place) && !place.vma.isHugetlb) {
        return fail('EFAULT', 'the page lies beyond the end of the file');
      }
      const taken = occupied(place, 'markers-too');
      if (taken !== undefined) return taken;
      installMarker(place.mm, place.slot, place.addr, MARKER_POISONED);
      return undefined;
    },
  });
}
