/**
 * Where a mapping goes when the caller leaves the choice: the top of the highest gap that fits.
 * Answers to: get_unmapped_area().
 */

import { type Failure, fail, type Result } from '../base/errno.js';
import { isPageAligned, PAGE_SIZE, PMD_SIZE, pageDown, pmdDown, TASK_SIZE } from '../base/page.js';
import type { Caller } from '../mm/caller.js';
import { MMAP_BASE, type Mm } from '../mm/mm.js';
import { STACK_GAP } from '../mm/stack-room.js';
import { VM_GROWSDOWN } from '../mm/vma-flags.js';
import { MAP_FIXED, MAP_FIXED_NOREPLACE } from '../uapi/mman.js';

/** What is asked for. */
export interface Wanted {
  /** Hint, or the place itself with MAP_FIXED. */
  readonly addr: number;
  readonly length: number;
  readonly flags: number;
  /** Anonymous memory in whole 2 MiB goes to 2 MiB boundaries. */
  readonly anonymous: boolean;
  /** Bytes of a page: what the address must be a multiple of. @defaultValue 4096 */
  readonly pageSize?: number;
}

/** Chooses the address of a mapping, or says why the wanted one cannot be. */
export function place(caller: Caller, wanted: Wanted): Result<number> {
  const { mm } = caller;
  const { addr, length, flags, pageSize = PAGE_SIZE } = wanted;
  if (length > TASK_SIZE) return fail('ENOMEM', 'length is larger than user space');
  if ((flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) !== 0) return fixed(caller, wanted);
  const hint = pageSize > PAGE_SIZE ? Math.ceil(addr / pageSize) * pageSize : pageDown(addr);
  if (hint !== 0) {
    const raised = Math.max(hint, mm.memory.mmapMinAddr);
    if (raised <= TASK_SIZE - length && isRoomy(mm, raised, raised + length)) return raised;
  }
  if (pageSize > PAGE_SIZE) return highestAligned(mm, length, pageSize);
  return highestGap(mm, length, hint === 0 && wanted.anonymous && length % PMD_SIZE === 0);
}

function fixed(
  { mm, capable }: Caller,
  { addr, length, flags, pageSize = PAGE_SIZE }: Wanted,
): Result<number> {
  if (addr % pageSize !== 0 && pageSize > PAGE_SIZE) {
    return fail('EINVAL', 'addr is not aligned to a huge page');
  }
  if (addr > TASK_SIZE - length) return fail('ENOMEM', 'the range ends beyond user space');
  if (!isPageAligned(addr)) return fail('EINVAL', 'addr is not page aligned');
  if (addr < mm.memory.mmapMinAddr && !capable('CAP_SYS_RAWIO')) {
    return fail('EPERM', 'addr is below vm.mmap_min_addr');
  }
  const keeps = (flags & MAP_FIXED_NOREPLACE) !== 0;
  return keeps && !isFree(mm, addr, addr + length)
    ? fail('EEXIST', 'something is mapped in the range')
    : addr;
}

const isFree = (mm: Mm, start: number, end: number): boolean =>
  mm.vmas.within(start, end).length === 0;

/** Free, and not too close below a stack. */
function isRoomy(mm: Mm, start: number, end: number): boolean {
  const next = mm.vmas.findFrom(start);
  if (next === undefined) return true;
  return end + (next.has(VM_GROWSDOWN) ? STACK_GAP : 0) <= next.start;
}

/** Free gaps below the mmap base, highest first. */
function* gaps(mm: Mm): Generator<{ start: number; end: number }> {
  let end = MMAP_BASE;
  for (const vma of [...mm.vmas].reverse()) {
    if (vma.start >= end) continue;
    if (vma.end < end) yield { start: vma.end, end };
    end = Math.min(end, vma.start);
  }
  yield { start: Math.max(mm.memory.mmapMinAddr, PAGE_SIZE), end };
}

function highestGap(mm: Mm, length: number, aligned: boolean): number | Failure {
  if (aligned) {
    const found = firstFit(mm, length + PMD_SIZE);
    if (found !== undefined) return pmdDown(found + PMD_SIZE);
  }
  return firstFit(mm, length) ?? fail('ENOMEM', 'no gap in the address space is large enough');
}

function highestAligned(mm: Mm, length: number, pageSize: number): number | Failure {
  for (const { start, end } of gaps(mm)) {
    const addr = Math.floor((end - length) / pageSize) * pageSize;
    if (addr >= start) return addr;
  }
  return fail('ENOMEM', 'no gap in the address space is large enough');
}

function firstFit(mm: Mm, length: number): number | undefined {
  for (const { start, end } of gaps(mm)) if (end - start >= length) return end - length;
  return undefined;
}
