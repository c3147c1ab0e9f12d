/**
 * The range check that all userfaultfd ioctls share.
 * Answers to: validate_range().
 */

import { type Failure, fail } from '../base/errno.js';
import { isPageAligned, TASK_SIZE } from '../base/page.js';
import type { Mm } from '../mm/mm.js';
import type { Vma } from '../mm/vma.js';

/** `struct uffdio_range`: a start and a length in bytes. */
export interface Range {
  readonly start: number;
  readonly len: number;
}

/** Checks a page-aligned range of user space; every failure is EINVAL. */
export function checkRange(mm: Mm, range: Range, name = 'start'): Failure | undefined {
  if (!isPageAligned(range.start)) return fail('EINVAL', `${name} is not page aligned`);
  return checkUnalignedRange(mm, range, name);
}

/** As {@link checkRange} for a start of any alignment: the source of UFFDIO_COPY. */
export function checkUnalignedRange(
  mm: Mm,
  { start, len }: Range,
  name = 'start',
): Failure | undefined {
  if (!isPageAligned(len)) return fail('EINVAL', 'len is not a multiple of the page size');
  if (len === 0) return fail('EINVAL', 'len is zero');
  if (start < minAddress(mm)) return fail('EINVAL', `${name} is below vm.mmap_min_addr`);
  if (start >= TASK_SIZE) return fail('EINVAL', `${name} is beyond user space`);
  if (len > TASK_SIZE - start) return fail('EINVAL', 'the range ends beyond user space');
  return undefined;
}

/** EINVAL unless a range consists of whole pages of an area. */
export const insideHugePage = (vma: Vma, { start, len }: Range): Failure | undefined =>
  start % vma.pageSize !== 0 || len % vma.pageSize !== 0
    ? fail('EINVAL', 'the range does not consist of whole huge pages')
    : undefined;

const minAddress = ({ memory }: Mm): number =>
  memory.profile.has('minAddrCheck') ? memory.mmapMinAddr : 0;
