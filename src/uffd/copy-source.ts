/**
 * Where UFFDIO_COPY takes its bytes from: memory, which may have to be waited for, or the bytes
 * themselves; and what must be the same about the destination after the wait.
 * Answers to: copy_from_user() in mfill_atomic_pte_copy().
 */

import { type Failure, fail } from '../base/errno.js';
import type { Op } from '../base/op.js';
import { PAGE_SIZE } from '../base/page.js';
import { copyFromUser, kernelMode } from '../fault/user-copy.js';
import type { Vma } from '../mm/vma.js';
import { VM_SHARED, VM_UFFD } from '../mm/vma-flags.js';
import type { FillCall } from './fill.js';

/** Arguments of UFFDIO_COPY. */
export interface CopyArgs {
  readonly dst: number;
  /** Address in the caller's memory, or the bytes themselves. */
  readonly src: number | Uint8Array;
  readonly len: number;
  readonly mode: number;
}

/** What must not change about the destination while its source is awaited. */
export const kindOf = (vma: Vma): string =>
  [vma.flags & (VM_SHARED | VM_UFFD), vma.file?.link, vma.addressOf(0)].join();

/** The bytes of one page of the source; waits where the source itself is missing. */
export function* readSource(
  { caller }: FillCall,
  { src }: CopyArgs,
  offset: number,
  lenBytes = PAGE_SIZE,
): Op<Uint8Array | Failure> {
  if (typeof src !== 'number') return src.subarray(offset, offset + lenBytes);
  const page = new Uint8Array(lenBytes);
  const { error } = yield* copyFromUser(caller.mm, kernelMode(caller), src + offset, page);
  return error === undefined ? page : fail('EFAULT', 'the source cannot be read');
}
