/**
 * munmap(2) and everything else that takes a range out of an address space.
 * The range goes first, then each userfaultfd that lost memory hears of it, one after another.
 * Answers to: do_vmi_align_munmap().
 */

import { type Failure, fail, failed, type Result } from '../base/errno.js';
import type { Op } from '../base/op.js';
import { isPageAligned, pageUp, TASK_SIZE } from '../base/page.js';
import type { Mm } from '../mm/mm.js';
import { isolate } from '../mm/modify.js';
import { removeArea } from '../mm/teardown.js';
import type { UffdNotice, UffdPort } from '../mm/uffd-port.js';
import type { Vma } from '../mm/vma.js';

/** Notices of one operation: one for each context and unmapped range, in order of address. */
export class Notices {
  readonly #notices: { uffd: UffdPort; start: number; end: number; notice: UffdNotice }[] = [];

  /** Opens the window of the context that an area is registered with, once for each range. */
  unmapped({ uffd }: Vma, start: number, end: number): void {
    if (uffd === undefined) return;
    const known = this.#notices.some(
      (other) => other.uffd === uffd && other.start === start && other.end === end,
    );
    const notice = known ? undefined : uffd.prepareUnmap(start, end);
    if (notice !== undefined) this.#notices.push({ uffd, start, end, notice });
  }

  /** Sends the events and waits for each. */
  *complete(): Op<void> {
    try {
      for (const { notice } of this.#notices) yield* notice.complete();
    } finally {
      this.cancel(); // when the thread dies in between, the other windows close too
    }
  }

  /** The operation failed: no event. */
  cancel(): void {
    for (const { notice } of this.#notices) notice.cancel();
  }
}

/** munmap(2). */
export function* munmap(mm: Mm, args: { addr: number; length: number }): Op<Result<0>> {
  const { addr } = args;
  const length = pageUp(args.length);
  if (!isPageAligned(addr)) return fail('EINVAL', 'addr is not page aligned');
  if (length === 0) return fail('EINVAL', 'length is zero');
  if (addr > TASK_SIZE || length > TASK_SIZE - addr) {
    return fail('EINVAL', 'the range ends beyond user space');
  }
  const notices = new Notices();
  const failure = unmapRange(mm, { start: addr, end: addr + length }, notices);
  if (failure !== undefined) {
    notices.cancel();
    return failure;
  }
  yield* notices.complete();
  return 0;
}

/** Takes `[start, end)` out of an address space; holes are fine. */
export function unmapRange(
  mm: Mm,
  { start, end }: { start: number; end: number },
  notices: Notices,
): Failure | undefined {
  if (start === end) return undefined;
  if (end > TASK_SIZE) return fail('EINVAL', 'the range ends beyond user space');
  const areas: Vma[] = [];
  for (const vma of mm.vmas.within(start, end)) {
    const part = isolate(mm, vma, Math.max(vma.start, start), Math.min(vma.end, end));
    if (failed(part)) return part;
    areas.push(part);
  }
  for (const vma of areas) notices.unmapped(vma, start, end);
  for (const vma of areas) removeArea(mm, vma);
  if (areas.length > 0) mm.freeUnusedTables(start, end);
  return undefined;
}
