/**
 * MADV_HWPOISON and MADV_SOFT_OFFLINE: makes the machine treat frames as broken. Each page is
 * faulted in first; what happens to its frame is in `mm/memory-failure.ts`.
 * Answers to: madvise_inject_error(), kill_procs().
 */

import type { Pfn } from '../base/brand.js';
import { Failure, fail, type Result } from '../base/errno.js';
import { NotModelledError } from '../base/not-modelled.js';
import type { Op } from '../base/op.js';
import { PAGE_SIZE, TASK_SIZE } from '../base/page.js';
import { access } from '../fault/access.js';
import { lostSignal, type Signal } from '../fault/outcome.js';
import { pinMode } from '../fault/user-copy.js';
import type { Caller } from '../mm/caller.js';
import { failFrame, retireFrame } from '../mm/memory-failure.js';
import type { Mm } from '../mm/mm.js';
import { mappingsOf, VmaSite } from '../mm/rmap.js';
import { slotAfter } from '../pgtable/arena.js';
import { pteIsHuge, pteIsPresent, ptePfn } from '../pgtable/pte.js';
import { FRAME_ANON, FRAME_HWPOISON, ZERO_PFN } from '../phys/frames.js';
import { MADV_HWPOISON } from '../uapi/mman.js';

/** A range of whole pages. */
interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * Breaks or retires the frames of a range. A SIGBUS for what the caller lost is delivered once, for
 * the first page, when the call is over; an errno of a later page is then not seen.
 */
export function* injectErrors(
  caller: Caller,
  { start, end }: Range,
  advice: number,
): Op<Result<0> | Signal> {
  if (!caller.capable('CAP_SYS_ADMIN')) return fail('EPERM', 'the advice needs CAP_SYS_ADMIN');
  let signal: Signal | undefined;
  for (let page = start; page < end; page += PAGE_SIZE) {
    const error = yield* access(caller.mm, pinMode(caller), page, false);
    if (error !== undefined) return signal ?? fail('EFAULT', 'a page cannot be faulted in');
    if (pteIsHuge(caller.mm.pte(page)))
      throw new NotModelledError('memory failure of hugetlb pages');
    const pfn = ptePfn(caller.mm.pte(page));
    const ended = advice === MADV_HWPOISON ? breakFrame(caller.mm, pfn) : retire(caller.mm, pfn);
    if (ended instanceof Failure) return signal ?? ended;
    signal ??= ended;
  }
  return signal ?? 0;
}

/** Zeros that belong to nobody need not be moved. */
function retire({ memory }: Mm, pfn: Pfn): Failure | undefined {
  if (pfn === ZERO_PFN) return undefined;
  const outcome = retireFrame(memory, pfn);
  if (outcome === 'moved') return undefined;
  return outcome === 'busy'
    ? fail('EBUSY', 'somebody uses the page')
    : fail('ENOMEM', 'no memory to move the page to');
}

function breakFrame(mm: Mm, pfn: Pfn): Failure | Signal | undefined {
  const { frames, profile } = mm.memory;
  const signals = profile.has('hwpoisonSignals');
  if (frames.has(pfn, FRAME_HWPOISON)) {
    if (signals) return lostSignal(firstMapping(mm, pfn));
    return fail('EHWPOISON', 'the frame was lost before');
  }
  const addr = whereToSignal(mm, pfn);
  const outcome = failFrame(mm.memory, pfn);
  if (outcome === 'refused')
    return fail('EBUSY', 'the zero page, or a merged one before 6.12, cannot be taken away');
  return outcome === 'lost' && signals ? lostSignal(addr) : undefined;
}

/** Where the process knows a page from: for one of a file the first area that could map it. */
function whereToSignal(mm: Mm, pfn: Pfn): number {
  const { frames } = mm.memory;
  if (frames.has(pfn, FRAME_ANON)) {
    return mappingsOf(frames, pfn, pteIsPresent).find((mapping) => mapping.mm === mm)?.addr ?? 0;
  }
  for (const site of frames.owner(pfn)?.sites ?? []) {
    if (!(site instanceof VmaSite) || site.mm !== mm) continue;
    const addr = site.vma.addressOf(frames.ownerIndex(pfn));
    if (addr >= site.vma.start && addr < site.vma.end) return addr;
  }
  return 0;
}

/** Lowest address at which a process maps a frame that belongs to nobody. */
function firstMapping(mm: Mm, pfn: Pfn): number {
  let found: number | undefined;
  mm.visit(0, TASK_SIZE, (first, addr, count) => {
    for (let i = 0; i < count && found === undefined; i++) {
      const pte = mm.load(slotAfter(first, i));
      if (pteIsPresent(pte) && ptePfn(pte) === pfn) found = addr + i * PAGE_SIZE;
    }
  });
  return found ?? 0;
}
