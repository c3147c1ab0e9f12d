/**
 * UFFDIO_UNREGISTER: takes registrations away from a range of the owner's memory.
 * Checks every area before it changes the first; wakes only where missing pages were caught.
 * Answers to: userfaultfd_unregister().
 */

import { type Failure, fail, failed, type Result } from '../base/errno.js';
import type { Mm } from '../mm/mm.js';
import { modifyVma } from '../mm/modify.js';
import type { Vma } from '../mm/vma.js';
import { VM_UFFD, VM_UFFD_MISSING } from '../mm/vma-flags.js';
import { clearProtection, mergeSides, withoutUffd } from './areas.js';
import { UffdContext } from './context.js';
import { eligible } from './eligible.js';
import { checkRange, type Range } from './range.js';

/** UFFDIO_UNREGISTER. */
export function unregister(context: UffdContext, range: Range): Result<0> {
  const { mm } = context;
  const invalid = checkRange(mm, range);
  if (invalid !== undefined) return invalid;
  const areas = areasOf(mm, range);
  if (failed(areas)) return areas;
  for (const vma of areas) {
    const refused = checkArea(context, vma);
    if (refused !== undefined) return refused;
  }
  for (const vma of areas) {
    const failure = dropRegistration(context, vma, range);
    if (failure !== undefined) return failure;
  }
  return 0;
}

/** Areas that intersect a range of the owner's memory; what REGISTER and UNREGISTER ask first. */
export function areasOf(mm: Mm, { start, len }: Range): Result<Vma[]> {
  if (mm.dead) return fail('ENOMEM', 'the address space of the owner is gone');
  if (mm.vmas.findFrom(start) === undefined && mm.memory.profile.has('noVmaAboveEnomem')) {
    return fail('ENOMEM', 'nothing is mapped at or above start');
  }
  const areas = mm.vmas.within(start, start + len);
  if (areas[0] === undefined) return fail('EINVAL', 'nothing is mapped in the range');
  return areas[0].isHugetlb && areas[0].pageStart(start) !== start
    ? fail('EINVAL', 'the range begins inside a huge page')
    : areas;
}

function checkArea(context: UffdContext, vma: Vma): Failure | undefined {
  const { profile } = context.mm.memory;
  const foreign = vma.uffd !== undefined && vma.uffd !== context;
  if (foreign && !profile.has('unregisterForeign')) {
    return fail('EINVAL', 'a part of the range is registered with another userfaultfd');
  }
  return eligible(profile, vma, vma.flags & VM_UFFD, context.wpAsync)
    ? undefined
    : fail('EINVAL', 'a part of the range can never be registered');
}

function dropRegistration(context: UffdContext, vma: Vma, range: Range): Failure | undefined {
  const { mm } = context;
  if (vma.uffd === undefined) return undefined;
  const start = Math.max(vma.start, range.start);
  const end = Math.min(vma.end, range.start + range.len);
  mm.memory.onPage?.({ kind: 'unregister', mm, start, end, name: context.name });
  // Only a registration for missing pages wakes; others sleep on until UFFDIO_WAKE.
  const owner = vma.uffd;
  if (vma.has(VM_UFFD_MISSING) && owner instanceof UffdContext) owner.wakeRange(start, end);
  if (mm.memory.profile.has('unregisterClearsWp')) clearProtection(mm, vma, start, end);
  const sides = mergeSides(mm, vma, start);
  const changed = modifyVma(mm, vma, { start, end }, withoutUffd(vma), sides);
  return failed(changed) ? changed : undefined;
}
