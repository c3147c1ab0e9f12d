/**
 * Access to another process's memory: process_vm_readv(2) and process_vm_writev(2).
 * The pages of a batch are pinned first and copied afterwards, as they were when they were pinned.
 * Answers to: process_vm_rw().
 */

import type { Pfn } from '../base/brand.js';
import { fail, type Result } from '../base/errno.js';
import type { Op } from '../base/op.js';
import { PAGE_SIZE, pageDown, pageOffset, TASK_SIZE } from '../base/page.js';
import { access } from '../fault/access.js';
import { unshare } from '../fault/cow.js';
import { pinMode } from '../fault/user-copy.js';
import type { Caller } from '../mm/caller.js';
import type { Mm } from '../mm/mm.js';
import { releaseMm } from '../mm/teardown.js';
import { ptePfn } from '../pgtable/pte.js';
import type { Frames } from '../phys/frames.js';
import { ByteChunks } from './byte-chunks.js';

/** A range of a process's memory. */
export interface RemoteRange {
  readonly target: Mm;
  readonly addr: number;
  readonly lenBytes: number;
}

/** Pages that are pinned at once. */
const BATCH_PAGES = 1024;

const UNREACHABLE = 'the memory of the process cannot be accessed';

/** process_vm_readv(2) of one range: short when a later page fails. */
export function* vmRead(caller: Caller, range: RemoteRange): Op<Result<Uint8Array>> {
  const { frames } = range.target.memory;
  const chunks = new ByteChunks();
  const done = yield* remote(caller, range, false, (pfn, from, lenBytes) => {
    chunks.push(frames.pageBytes(pfn).subarray(from, from + lenBytes));
  });
  if (typeof done !== 'number') return done;
  return done === 0 && range.lenBytes > 0 ? fail('EFAULT', UNREACHABLE) : chunks.joined();
}

/** process_vm_writev(2) of one range. */
export function* vmWrite(
  caller: Caller,
  { target, addr }: Omit<RemoteRange, 'lenBytes'>,
  bytes: Uint8Array,
): Op<Result<number>> {
  const { frames } = target.memory;
  const range = { target, addr, lenBytes: bytes.length };
  const done = yield* remote(caller, range, true, (pfn, from, lenBytes, at) => {
    frames.write(pfn, bytes.subarray(at, at + lenBytes), from);
    tellWrite(target, pfn, addr + at, lenBytes);
  });
  return done === 0 && bytes.length > 0 ? fail('EFAULT', UNREACHABLE) : done;
}

/** Tells who watches, unless the page went while it was pinned. */
function tellWrite(target: Mm, pfn: Pfn, addr: number, lenBytes: number): void {
  const { onPage } = target.memory;
  if (onPage === undefined || target.frameAt(addr) !== pfn) return;
  onPage({ kind: 'write', mm: target, addr, lenBytes, by: 'remote' });
}

/** Copies a part of one pinned page; `done` counts from the start of the range. */
type PageCopy = (pfn: Pfn, from: number, lenBytes: number, done: number) => void;

function* remote(
  caller: Caller,
  range: RemoteRange,
  write: boolean,
  copy: PageCopy,
): Op<Result<number>> {
  const { addr, lenBytes } = range;
  if (lenBytes >= 2 ** 63) return fail('EINVAL', 'the length is negative');
  if (addr >= TASK_SIZE) return 0;
  range.target.users++; // it outlives its process until the call is over
  try {
    return yield* copyBatches(caller, range, write, copy);
  } finally {
    releaseMm(range.target);
  }
}

function* copyBatches(
  caller: Caller,
  range: RemoteRange,
  write: boolean,
  copy: PageCopy,
): Op<number> {
  const { addr, lenBytes } = range;
  let done = 0;
  while (done < lenBytes) {
    const start = pageDown(addr + done);
    const end = Math.min(start + BATCH_PAGES * PAGE_SIZE, addr + lenBytes);
    const pinned = new Pinned(range.target.memory.frames);
    try {
      yield* pinPages(caller, range.target, { start, end }, write, pinned);
    } finally {
      done = copyPinned(range, pinned, done, copy); // a caller that dies copies what it has
      pinned.release();
    }
    if (start + pinned.pages.length * PAGE_SIZE < end) break;
  }
  return done;
}

/** Frames that stay where they are until they are copied. */
class Pinned {
  /** Frames of the base pages, in order. */
  readonly pages: Pfn[] = [];
  /** What is pinned for each: the first frame of a huge page. */
  private readonly owners: Pfn[] = [];

  constructor(readonly frames: Frames) {}

  add(mm: Mm, addr: number): void {
    const owner = ptePfn(mm.pte(addr));
    this.frames.pin(owner);
    this.owners.push(owner);
    this.pages.push(mm.frameAt(addr));
  }

  release(): void {
    for (const pfn of this.owners) this.frames.unpin(pfn);
  }
}

function* pinPages(
  caller: Caller,
  target: Mm,
  { start, end }: { start: number; end: number },
  write: boolean,
  pinned: Pinned,
): Op<void> {
  for (let page = start; page < end; page += PAGE_SIZE) {
    const error = yield* access(target, pinMode(caller), page, write);
    if (error !== undefined || (!write && !mayRead(target, page))) return;
    pinned.add(target, page);
  }
}

/** Pinning gives the target its own copy of a page that it shares. */
function mayRead(target: Mm, page: number): boolean {
  const vma = target.vmas.find(page);
  if (vma === undefined) return false;
  return !target.memory.profile.has('pinUnshares') || unshare(target, vma, page) === 'mapped';
}

function copyPinned(
  { addr, lenBytes }: RemoteRange,
  { pages }: Pinned,
  from: number,
  copy: PageCopy,
): number {
  let done = from;
  for (const pfn of pages) {
    const offset = pageOffset(addr + done);
    const part = Math.min(PAGE_SIZE - offset, lenBytes - done);
    copy(pfn, offset, part, done);
    done += part;
  }
  return done;
}
