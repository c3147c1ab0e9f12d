/**
 * What each madvise advice does to the part of one area.
 * Advice that drops pages tells the userfaultfd first and looks at the area again afterwards.
 * Answers to: madvise_vma_behavior().
 */

import { type Failure, fail, failed, type Result } from '../base/errno.js';
import type { Op } from '../base/op.js';
import { PAGE_SIZE } from '../base/page.js';
import { fileUnlocked } from '../fault/locked.js';
import { willNeed } from '../fault/will-need.js';
import { HugetlbInode } from '../file/hugetlb.js';
import type { Inode } from '../file/inode.js';
import { RegularInode } from '../file/regular.js';
import type { Caller } from '../mm/caller.js';
import { installGuards, removeGuards } from '../mm/guard.js';
import { freeLazily } from '../mm/lazyfree.js';
import type { Mm } from '../mm/mm.js';
import { modifyVma } from '../mm/modify.js';
import { pageOut } from '../mm/reclaim.js';
import { splitParts } from '../mm/split-parts.js';
import type { Vma } from '../mm/vma.js';
import {
  VM_DONTCOPY,
  VM_DONTDUMP,
  VM_HUGEPAGE,
  VM_LOCKED,
  VM_MAYWRITE,
  VM_MERGEABLE,
  VM_NOHUGEPAGE,
  VM_RAND_READ,
  VM_SEQ_READ,
  VM_SHARED,
  VM_WIPEONFORK,
} from '../mm/vma-flags.js';
import { ZAP_CONTENT, zapRange } from '../mm/zap.js';
import type { Capability } from '../profile/matrix.js';
import * as advices from '../uapi/mman.js';
import { collapse } from './collapse.js';
import { punchOnDisk } from './fallocate-disk.js';
import { punchHole } from './truncate.js';
import { unmergeRange } from './unmerge.js';

/** A part of an area. */
export interface Part {
  readonly start: number;
  readonly end: number;
}

/** What an advice does to a part of an area; answers how far it got, which may be less. */
export type Advice = (caller: Caller, vma: Vma, part: Part) => Op<Result<number>>;

/** Advice by number on this kernel; `undefined` when the kernel does not know it. */
export function adviceOf(mm: Mm, advice: number): Advice | undefined {
  const missing = MISSING_BEFORE.get(advice);
  if (missing !== undefined && !mm.memory.profile.has(missing)) return undefined;
  return ADVICE.get(advice);
}

const MISSING_BEFORE = new Map<number, Capability>([
  [advices.MADV_DONTNEED_LOCKED, 'madvDontneedLocked'],
  [advices.MADV_COLLAPSE, 'madvCollapse'],
  [advices.MADV_GUARD_INSTALL, 'guardRegions'],
  [advices.MADV_GUARD_REMOVE, 'guardRegions'],
]);

/** Advice that only changes flags of the area. */
const flagAdvice = (
  change: (vma: Vma) => number,
  refuse?: (vma: Vma) => Failure | undefined,
): Advice =>
  function* ({ mm }, vma, part) {
    const refused = refuse?.(vma);
    if (refused !== undefined) return refused;
    const flags = change(vma);
    if (flags === vma.flags) return part.end;
    const changed = modifyVma(mm, vma, part, { flags, uffd: vma.uffd });
    return failed(changed) ? changed : part.end;
  };

const setFlag = (flag: number): Advice => flagAdvice((vma) => vma.flags | flag);
const clearFlag = (flag: number): Advice => flagAdvice((vma) => vma.flags & ~flag);

/** Brings what is in swap or on a disk into memory, without mapping it. */
const needed: Advice = function* ({ mm }, vma, part) {
  willNeed(mm, vma, part.start, part.end);
  return part.end;
};

const cold: Advice = function* ({ mm }, vma, part) {
  if (vma.isHugetlb) return notHuge();
  if (vma.has(VM_LOCKED)) return fail('EINVAL', 'the mapping is locked');
  splitParts(mm, part);
  return part.end;
};

const collapseAdvice: Advice = function* ({ mm }, vma, { start, end }) {
  if (vma.isHugetlb) return notHuge();
  return collapse(mm, vma, start, end);
};

const notHuge = (): Failure => fail('EINVAL', 'huge pages are not for this advice');

/** Tells the userfaultfd and finds the area again; the range is cut to what is still there. */
function* announced(caller: Caller, vma: Vma, part: Part): Op<Result<{ vma: Vma; part: Part }>> {
  const notice = vma.uffd?.prepareRemove(part.start, part.end);
  if (notice === undefined) return { vma, part };
  yield* notice.complete();
  const again = caller.mm.vmas.find(part.start);
  if (again === undefined) return fail('ENOMEM', 'the mapping went while its event was unread');
  return { vma: again, part: { start: part.start, end: Math.min(part.end, again.end) } };
}

/** Drops the pages of a part, or says why not. */
type Drop = (mm: Mm, vma: Vma, part: Part) => Failure | undefined;

const dropping = (drop: Drop, allowsLocked: boolean): Advice =>
  function* (caller, vma, part) {
    const locked = fail('EINVAL', 'the mapping is locked');
    if (!allowsLocked && vma.has(VM_LOCKED)) return locked;
    const settled = yield* announced(caller, vma, part);
    if (failed(settled)) return settled;
    if (!allowsLocked && settled.vma.has(VM_LOCKED)) return locked;
    const failure = drop(caller.mm, settled.vma, settled.part);
    const resumes = caller.mm.memory.profile.has('madviseResumes');
    return failure ?? (resumes ? settled.part.end : part.end);
  };

function dropContent(mm: Mm, vma: Vma, { start, end }: Part): Failure | undefined {
  const misaligned = fail('EINVAL', 'addr is inside a huge page');
  if (vma.pageStart(start) !== start) return misaligned; // another area by now
  zapRange(mm, vma, start, vma.pageStart(end), ZAP_CONTENT);
  if (mm.memory.profile.has('dontneedFreesTables')) mm.freeEmptyTables(start, end);
  return undefined;
}

/** MADV_DONTNEED: of huge pages only whole ones, and without an event when there is none. */
const dontneed = (allowsLocked: boolean): Advice =>
  function* (caller, vma, part) {
    const drop = dropping(dropContent, allowsLocked);
    if (!vma.isHugetlb) return yield* drop(caller, vma, part);
    if (!caller.mm.memory.profile.has('hugetlbDontneed')) return notHuge();
    if (vma.pageStart(part.start) !== part.start)
      return fail('EINVAL', 'addr is inside a huge page');
    const end = vma.pageStart(part.end);
    if (end === part.start) return part.end;
    const reached = yield* drop(caller, vma, { ...part, end });
    return failed(reached) || reached < end ? reached : part.end;
  };

function freePart(mm: Mm, vma: Vma, { start, end }: Part): Failure | undefined {
  if (!vma.isAnonymous) return fail('EINVAL', 'MADV_FREE is for anonymous memory');
  freeLazily(mm, start, end);
  return undefined;
}

const free: Advice = function* (caller, vma, part) {
  return vma.isHugetlb ? notHuge() : yield* dropping(freePart, false)(caller, vma, part);
};

const remove: Advice = function* ({ mm }, vma, part) {
  if (vma.has(VM_LOCKED)) return fail('EINVAL', 'the mapping is locked');
  const { file } = vma;
  if (file === undefined) return fail('EINVAL', 'anonymous memory has no file to punch');
  if ((vma.flags & (VM_SHARED | VM_MAYWRITE)) !== (VM_SHARED | VM_MAYWRITE)) {
    return fail('EACCES', 'the mapping is not shared and writable');
  }
  const offset = vma.indexOf(part.start);
  const pages = vma.indexOf(part.end) - offset;
  const notice = vma.uffd?.prepareRemove(part.start, part.end);
  const held = file.get(); // the mapping may go while the event is unread
  try {
    if (notice !== undefined) yield* notice.complete();
    yield* fileUnlocked(mm, held.inode, offset, offset + pages);
  } finally {
    removePages(held.inode, offset, offset + pages); // even by a thread that is killed as it waits
    held.put();
  }
  return part.end;
};

function removePages(inode: Inode, first: number, end: number): void {
  if (inode instanceof RegularInode) punchOnDisk(inode, first * PAGE_SIZE, end * PAGE_SIZE);
  else if (inode instanceof HugetlbInode) inode.punch(first * PAGE_SIZE, end * PAGE_SIZE);
  else punchHole(inode, first, end);
}

const pageOutAdvice: Advice = function* ({ mm }, vma, part) {
  if (vma.isHugetlb) return notHuge();
  if (vma.has(VM_LOCKED)) return fail('EINVAL', 'the mapping is locked');
  pageOut(mm, vma, part);
  return part.end;
};

const guardInstall: Advice = function* ({ mm }, vma, { start, end }) {
  if (vma.isHugetlb) return notHuge();
  if (vma.has(VM_LOCKED)) return fail('EINVAL', 'the mapping is locked');
  return installGuards(mm, vma, start, end) ?? end;
};

const guardRemove: Advice = function* ({ mm }, vma, { start, end }) {
  if (vma.isHugetlb) return notHuge();
  removeGuards(mm, start, end);
  return end;
};

const unmergeable: Advice = function* (caller, vma, part) {
  if (vma.has(VM_MERGEABLE) && !unmergeRange(caller.mm, vma, part)) {
    return fail('ENOMEM', 'no memory for a copy of a merged page');
  }
  return yield* clearFlag(VM_MERGEABLE)(caller, vma, part);
};

const wipe = flagAdvice(
  (vma) => vma.flags | VM_WIPEONFORK,
  (vma) =>
    vma.isAnonymous && !vma.isShared
      ? undefined
      : fail('EINVAL', 'only private anonymous memory can be wiped'),
);

const ADVICE = new Map<number, Advice>([
  [advices.MADV_NORMAL, clearFlag(VM_RAND_READ | VM_SEQ_READ)],
  [advices.MADV_RANDOM, flagAdvice((vma) => (vma.flags & ~VM_SEQ_READ) | VM_RAND_READ)],
  [advices.MADV_SEQUENTIAL, flagAdvice((vma) => (vma.flags & ~VM_RAND_READ) | VM_SEQ_READ)],
  [advices.MADV_WILLNEED, needed],
  [advices.MADV_DONTNEED, dontneed(false)],
  [advices.MADV_DONTNEED_LOCKED, dontneed(true)],
  [advices.MADV_FREE, free],
  [advices.MADV_REMOVE, remove],
  [advices.MADV_DONTFORK, setFlag(VM_DONTCOPY)],
  [advices.MADV_DOFORK, clearFlag(VM_DONTCOPY)],
  [advices.MADV_DONTDUMP, setFlag(VM_DONTDUMP)],
  [advices.MADV_DODUMP, clearFlag(VM_DONTDUMP)],
  [advices.MADV_WIPEONFORK, wipe],
  [advices.MADV_KEEPONFORK, clearFlag(VM_WIPEONFORK)],
  [
    advices.MADV_MERGEABLE,
    flagAdvice((vma) => (vma.isShared || vma.isHugetlb ? vma.flags : vma.flags | VM_MERGEABLE)),
  ],
  [advices.MADV_UNMERGEABLE, unmergeable],
  [advices.MADV_HUGEPAGE, flagAdvice((vma) => (vma.flags & ~VM_NOHUGEPAGE) | VM_HUGEPAGE)],
  [advices.MADV_NOHUGEPAGE, flagAdvice((vma) => (vma.flags & ~VM_HUGEPAGE) | VM_NOHUGEPAGE)],
  [advices.MADV_COLLAPSE, collapseAdvice],
  [advices.MADV_COLD, cold],
  [advices.MADV_PAGEOUT, pageOutAdvice],
  [advices.MADV_GUARD_INSTALL, guardInstall],
  [advices.MADV_GUARD_REMOVE, guardRemove],
]);
