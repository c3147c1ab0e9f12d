/**
 * UFFDIO_REGISTER: makes a context responsible for faults in a range.
 * Looks at every area before it changes the first; page tables are not touched.
 * Answers to: userfaultfd_register().
 */

import { type Failure, fail, failed, type Result } from '../base/errno.js';
import type { Mm } from '../mm/mm.js';
import { modifyVma } from '../mm/modify.js';
import type { Vma } from '../mm/vma.js';
import {
  VM_ACCESS,
  VM_MAYWRITE,
  VM_UFFD,
  VM_UFFD_MINOR,
  VM_UFFD_MISSING,
  VM_UFFD_RWP,
  VM_UFFD_WP,
} from '../mm/vma-flags.js';
import { UFFD_FEATURE_RWP } from '../uapi/features.js';
import {
  UFFDIO_REGISTER_MODE_MINOR,
  UFFDIO_REGISTER_MODE_MISSING,
  UFFDIO_REGISTER_MODE_RWP,
  UFFDIO_REGISTER_MODE_WP,
} from '../uapi/userfaultfd.js';
import { mergeSides } from './areas.js';
import type { UffdContext } from './context.js';
import { eligible } from './eligible.js';
import { registeredIoctls } from './masks.js';
import { checkRange, type Range } from './range.js';
import { areasOf } from './unregister.js';

const MODES = [
  [UFFDIO_REGISTER_MODE_MISSING, VM_UFFD_MISSING],
  [UFFDIO_REGISTER_MODE_WP, VM_UFFD_WP],
  [UFFDIO_REGISTER_MODE_MINOR, VM_UFFD_MINOR],
  [UFFDIO_REGISTER_MODE_RWP, VM_UFFD_RWP],
] as const;

/** Arguments of UFFDIO_REGISTER. */
export interface RegisterArgs extends Range {
  readonly mode: number;
}

/** Registers a range; answers the mask of ioctls that work on it. */
export function register(context: UffdContext, args: RegisterArgs): Result<bigint> {
  const { mm } = context;
  const modes = modesOf(context, args.mode);
  if (failed(modes)) return modes;
  const invalid = checkRange(mm, args);
  if (invalid !== undefined) return invalid;
  const areas = areasOf(mm, args);
  if (failed(areas)) return areas;
  for (const vma of areas) {
    const refused = checkArea(context, vma, args, modes);
    if (refused !== undefined) return refused;
  }
  for (const vma of areas) {
    const failure = registerArea(context, vma, args, modes);
    if (failure !== undefined) return failure;
  }
  const huge = areas.some((vma) => vma.isHugetlb);
  return registeredIoctls(mm.memory.profile, modes, huge ? 'huge' : 'base');
}

/** Turns mode bits into VM_UFFD_* bits; unknown or impossible ones are EINVAL. */
function modesOf(context: UffdContext, mode: number): Result<number> {
  const { profile } = context.mm.memory;
  if (mode === 0) return fail('EINVAL', 'mode is zero');
  const known =
    UFFDIO_REGISTER_MODE_MISSING |
    UFFDIO_REGISTER_MODE_WP |
    (profile.has('minorMode') ? UFFDIO_REGISTER_MODE_MINOR : 0) |
    (profile.has('rwpMode') ? UFFDIO_REGISTER_MODE_RWP : 0);
  if (mode >= 2 ** 31 || (mode & ~known) !== 0) return fail('EINVAL', 'mode has unknown bits');
  const modes = MODES.reduce((set, [uapi, vm]) => ((mode & uapi) === 0 ? set : set | vm), 0);
  if ((modes & VM_UFFD_RWP) === 0) return modes;
  if (!context.enabled(UFFD_FEATURE_RWP)) {
    return fail('EINVAL', 'MODE_RWP needs UFFD_FEATURE_RWP at the handshake');
  }
  return (modes & VM_UFFD_WP) === 0 ? modes : fail('EINVAL', 'MODE_WP excludes MODE_RWP');
}

/** EINVAL when a range ends inside a huge page of an area. */
function checkEnd(vma: Vma, { start, len }: Range): Failure | undefined {
  const end = start + len;
  return end < vma.end && vma.pageStart(end) !== end
    ? fail('EINVAL', 'the range ends inside a huge page')
    : undefined;
}

function checkArea(
  context: UffdContext,
  vma: Vma,
  range: Range,
  modes: number,
): Failure | undefined {
  const { profile } = context.mm.memory;
  if (!eligible(profile, vma, modes, context.wpAsync)) {
    return fail('EINVAL', 'a part of the range cannot be registered in this mode');
  }
  if ((modes & VM_UFFD_RWP) !== 0 && !vma.has(VM_ACCESS)) {
    return fail('EINVAL', 'a part of the range is PROT_NONE');
  }
  if (!vma.has(VM_MAYWRITE)) {
    return fail('EPERM', 'a part of the range is a shared mapping of a read-only descriptor');
  }
  const misaligned = checkEnd(vma, range);
  if (misaligned !== undefined) return misaligned;
  if (vma.uffd !== undefined && vma.uffd !== context) {
    return fail('EBUSY', 'a part of the range is registered with another userfaultfd');
  }
  const dropped = vma.flags & (VM_UFFD_WP | VM_UFFD_RWP) & ~modes;
  if (dropped !== 0 && !profile.has('reregisterDropWp')) {
    return fail('EBUSY', 'the registration would lose MODE_WP or MODE_RWP');
  }
  return undefined;
}

function registerArea(
  context: UffdContext,
  vma: Vma,
  range: Range,
  modes: number,
): Failure | undefined {
  const { mm }: { mm: Mm } = context;
  const unchanged = vma.uffd === context && (vma.flags & modes) === modes;
  if (unchanged) return undefined; // a subset takes nothing away
  const start = Math.max(vma.start, range.start);
  const end = Math.min(vma.end, range.start + range.len);
  const flags = (vma.flags & ~VM_UFFD) | modes;
  mm.memory.onPage?.({ kind: 'register', mm, start, end, name: context.name });
  const sides = mergeSides(mm, vma, start);
  const changed = modifyVma(mm, vma, { start, end }, { flags, uffd: context }, sides);
  return failed(changed) ? changed : undefined;
}
