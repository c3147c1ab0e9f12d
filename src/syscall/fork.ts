/**
 * fork(2): a copy of an address space, and of the contexts that asked to hear of it.
 * The parent waits until each FORK event is read; the child exists from then on.
 * Answers to: dup_mmap(), dup_userfaultfd().
 */

import { type Failure, fail, type Result } from '../base/errno.js';
import type { Op } from '../base/op.js';
import { AnonVma } from '../mm/anon-vma.js';
import { copyEntries, needsCopy } from '../mm/copy.js';
import { Mm } from '../mm/mm.js';
import { adoptOwner, linkVma } from '../mm/rmap.js';
import { tearDown } from '../mm/teardown.js';
import type { UffdForkNotice, UffdPort } from '../mm/uffd-port.js';
import { Vma } from '../mm/vma.js';
import { VM_DONTCOPY, VM_LOCKED, VM_UFFD, VM_WIPEONFORK } from '../mm/vma-flags.js';
import { NO_TABLE } from '../pgtable/arena.js';

type ForkNotices = Map<UffdPort, UffdForkNotice>;

/** Copies the address space of a process for its child. */
export function* forkMemory(parent: Mm): Op<Result<Mm>> {
  parent.endReading();
  const child = new Mm(parent.memory);
  child.dumpable = parent.dumpable;
  const notices: ForkNotices = new Map();
  const failure = child.root === NO_TABLE ? outOfMemory() : copyAreas(parent, child, notices);
  if (failure !== undefined) {
    for (const notice of notices.values()) notice.cancel();
    tearDown(child);
    return failure;
  }
  let ended = false;
  try {
    for (const notice of notices.values()) yield* notice.complete();
    ended = true;
  } finally {
    for (const notice of notices.values()) notice.cancel();
    if (!ended) tearDown(child); // the parent died while its event was unread
  }
  return child;
}

const outOfMemory = (): Failure => fail('ENOMEM', 'no memory for the page tables of the child');

function copyAreas(parent: Mm, child: Mm, notices: ForkNotices): Failure | undefined {
  for (const from of parent.vmas) {
    if (from.has(VM_DONTCOPY)) continue;
    const to = copyArea(child, from, notices);
    if (from.has(VM_WIPEONFORK)) continue;
    inheritOwners(from, to);
    const pair = { parent, child, from, to };
    const failure = needsCopy(pair) ? copyEntries(pair) : undefined;
    if (failure !== undefined) return failure;
  }
  return undefined;
}

function copyArea(child: Mm, from: Vma, notices: ForkNotices): Vma {
  const { start, end, pgoff } = from;
  const uffd = inheritContext(child, from, notices);
  const kept = uffd === undefined ? from.flags & ~VM_UFFD : from.flags;
  const to = new Vma({ start, end, pgoff, flags: kept & ~VM_LOCKED, file: from.file?.get() });
  to.uffd = uffd;
  linkVma(child, to);
  return to;
}

/** The child's context for an area: one for each of the parent's that has EVENT_FORK. */
function inheritContext(child: Mm, from: Vma, notices: ForkNotices): UffdPort | undefined {
  const { uffd } = from;
  if (uffd === undefined) return undefined;
  let notice = notices.get(uffd);
  if (notice === undefined) {
    notice = uffd.prepareFork(child);
    if (notice === undefined) return undefined;
    notices.set(uffd, notice);
  }
  return notice.childPort;
}

/** The child's pages belong to the parent's owners; its new ones to an owner of its own. */
function inheritOwners(from: Vma, to: Vma): void {
  if (from.anonVma === undefined) return;
  for (const owner of from.anonChain) adoptOwner(to, owner);
  const own = new AnonVma();
  to.anonVma = own;
  adoptOwner(to, own);
}
