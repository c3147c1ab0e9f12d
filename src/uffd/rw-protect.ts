/**
 * UFFDIO_RWPROTECT and UFFDIO_SET_MODE: hide pages from every access, and switch at run time
 * whether such faults are told or resolve themselves.
 * Answers to: ioctl_userfaultfd(2) of Linux 7.3.
 */

import { type Failure, fail, type Result } from '../base/errno.js';
import { clearUffdRwp, setUffdRwp } from '../mm/protect.js';
import { VM_UFFD_RWP } from '../mm/vma-flags.js';
import { UFFD_FEATURE_RWP, UFFD_FEATURE_RWP_ASYNC } from '../uapi/features.js';
import { UFFDIO_RWPROTECT_MODE_DONTWAKE, UFFDIO_RWPROTECT_MODE_RWP } from '../uapi/userfaultfd.js';
import type { UffdContext } from './context.js';
import { checkMode } from './fill-checks.js';
import { checkRange, insideHugePage } from './range.js';
import type { WriteProtectArgs } from './write-protect.js';

const KNOWN = UFFDIO_RWPROTECT_MODE_RWP | UFFDIO_RWPROTECT_MODE_DONTWAKE;

/** UFFDIO_RWPROTECT; looks at every area before it changes the first. */
export function rwProtect(context: UffdContext, args: WriteProtectArgs): Result<0> {
  const { mm } = context;
  const invalid = checkRange(mm, args) ?? checkMode(args.mode, KNOWN);
  if (invalid !== undefined) return invalid;
  if (args.mode === KNOWN) return fail('EINVAL', 'MODE_RWP excludes MODE_DONTWAKE');
  if (mm.dead) return fail('ESRCH', 'the address space of the owner is gone');
  const end = args.start + args.len;
  const areas = mm.vmas.within(args.start, end);
  if (areas.length === 0) return fail('ENOENT', 'nothing is mapped in the range');
  for (const vma of areas) {
    const refused = vma.has(VM_UFFD_RWP) ? insideHugePage(vma, args) : UNREGISTERED;
    if (refused !== undefined) return refused;
  }
  const hides = (args.mode & UFFDIO_RWPROTECT_MODE_RWP) !== 0;
  for (const vma of areas) {
    const from = Math.max(vma.start, args.start);
    const to = Math.min(vma.end, end);
    if (hides) setUffdRwp(mm, vma, from, to);
    else clearUffdRwp(mm, vma, from, to);
  }
  if (args.mode === 0) context.wakeRange(args.start, end);
  return 0;
}

const UNREGISTERED = fail('ENOENT', 'a part of the range is not registered with MODE_RWP');

/** Arguments of UFFDIO_SET_MODE: features to switch on and off. */
export interface SetModeArgs {
  readonly enable: bigint;
  readonly disable: bigint;
}

/** UFFDIO_SET_MODE; a context that goes asynchronous wakes everybody who waits. */
export function setMode(context: UffdContext, { enable, disable }: SetModeArgs): Result<0> {
  const invalid = checkFeatures(context, enable, disable);
  if (invalid !== undefined) return invalid;
  if (context.mm.dead) return fail('ESRCH', 'the address space of the owner is gone');
  context.features = (context.features | Number(enable)) & ~Number(disable);
  if (enable !== 0n) context.wakeRange(0, Number.POSITIVE_INFINITY);
  return 0;
}

function checkFeatures(context: UffdContext, enable: bigint, disable: bigint): Failure | undefined {
  if ((enable & disable) !== 0n) return fail('EINVAL', 'enable and disable overlap');
  if (((enable | disable) & ~BigInt(UFFD_FEATURE_RWP_ASYNC)) !== 0n) {
    return fail('EINVAL', 'only UFFD_FEATURE_RWP_ASYNC can be switched');
  }
  return enable !== 0n && !context.enabled(UFFD_FEATURE_RWP)
    ? fail('EINVAL', 'UFFD_FEATURE_RWP_ASYNC needs UFFD_FEATURE_RWP')
    : undefined;
}
