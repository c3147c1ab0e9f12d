/**
 * Access to another process's memory: process_vm_readv(2), process_vm_writev(2), and the
 * debugger's way through /proc/PID/mem, which never waits and ignores access rights.
 * Answers to: process_vm_rw(), mem_rw().
 */

import { type Failure, fail, type Result } from '../base/errno.js';
import type { Op } from '../base/op.js';
import { PAGE_SIZE, pageDown, pageOffset } from '../base/page.js';
import { access } from '../fault/access.js';
import { ownCopy, unshare } from '../fault/cow.js';
import { faultInArea } from '../fault/fault.js';
import { kernelMode, physicalIndex } from '../fault/user-copy.js';
import type { Caller } from '../mm/caller.js';
import type { Mm } from '../mm/mm.js';
import type { Vma } from '../mm/vma.js';
import { VM_ACCESS, VM_SHARED, VM_WRITE } from '../mm/vma-flags.js';
import { pteIsPresent, pteIsUffdWp, pteIsWritable } from '../pgtable/pte.js';

/** A range of a process's memory. */
export interface RemoteRange {
  readonly target: Mm;
  readonly addr: number;
  readonly lenBytes: number;
}

type PageCopy = (addr: number, lenBytes: number, done: number) => void;

const UNREACHABLE = 'the memory of the process cannot be accessed';

/** process_vm_readv(2) of one range: short when a later page fails. */
export function* vmRead(caller: Caller, range: RemoteRange): Op<Result<Uint8Array>> {
  const bytes = new Uint8Array(range.lenBytes);
  const { target } = range;
  const done = yield* remote(caller, range, false, (addr, lenBytes, at) => {
    const from = physicalIndex(target, addr);
    bytes.set(target.memory.frames.bytes.subarray(from, from + lenBytes), at);
  });
  if (done === 0 && range.lenBytes > 0) return fail('EFAULT', UNREACHABLE);
  return bytes.subarray(0, done);
}

/** process_vm_writev(2) of one range. */
export function* vmWrite(
  caller: Caller,
  { target, addr }: Omit<RemoteRange, 'lenBytes'>,
  bytes: Uint8Array,
): Op<Result<number>> {
  const range = { target, addr, lenBytes: bytes.length };
  const done = yield* remote(caller, range, true, (at, lenBytes, from) => {
    const part = bytes.subarray(from, from + lenBytes);
    target.memory.frames.bytes.set(part, physicalIndex(target, at));
  });
  return done === 0 && bytes.length > 0 ? fail('EFAULT', UNREACHABLE) : done;
}

function* remote(
  caller: Caller,
  { target, addr, lenBytes }: RemoteRange,
  write: boolean,
  copy: PageCopy,
): Op<number> {
  let done = 0;
  while (done < lenBytes) {
    const at = addr + done;
    const error = yield* access(target, kernelMode(caller), pageDown(at), write);
    if (error !== undefined || (!write && !pin(target, at))) break;
    const part = Math.min(PAGE_SIZE - pageOffset(at), lenBytes - done);
    copy(at, part, done);
    done += part;
  }
  return done;
}

/** Pinning for reading gives the target its own copy of a page that it shares. */
function pin(target: Mm, addr: number): boolean {
  const vma = target.vmas.find(addr);
  if (vma === undefined || !target.memory.profile.has('pinUnshares')) return vma !== undefined;
  return unshare(target, vma, pageDown(addr)) === 'mapped';
}

/** Reads through /proc/PID/mem; EIO where the access would have to wait or there is nothing. */
export function peek({ target, addr, lenBytes }: RemoteRange): Result<Uint8Array> {
  const bytes = new Uint8Array(lenBytes);
  let done = 0;
  while (done < lenBytes) {
    const at = addr + done;
    if (!forceRead(target, pageDown(at))) break;
    const part = Math.min(PAGE_SIZE - pageOffset(at), lenBytes - done);
    const from = physicalIndex(target, at);
    bytes.set(target.memory.frames.bytes.subarray(from, from + part), done);
    done += part;
  }
  return done > 0 || lenBytes === 0 ? bytes.subarray(0, done) : noAccess();
}

/** Writes through /proc/PID/mem: copies on write even where the mapping is read-only. */
export function poke(
  { target, addr }: Omit<RemoteRange, 'lenBytes'>,
  bytes: Uint8Array,
): Result<number> {
  let done = 0;
  while (done < bytes.length) {
    const at = addr + done;
    if (!forceWrite(target, pageDown(at))) break;
    const part = Math.min(PAGE_SIZE - pageOffset(at), bytes.length - done);
    target.memory.frames.bytes.set(bytes.subarray(done, done + part), physicalIndex(target, at));
    done += part;
  }
  return done > 0 || bytes.length === 0 ? done : noAccess();
}

const noAccess = (): Failure => fail('EIO', 'the page is not there and nobody may wait for it');

const TRIES = 4; // marker cleared, page installed, copied, and one to see it

function forceRead(mm: Mm, page: number): boolean {
  const vma = mm.vmas.find(page);
  if (vma === undefined) return false;
  if (!vma.has(VM_ACCESS) && !mm.memory.profile.has('memReadsProtNone')) return false;
  return settle(mm, vma, page, false, pteIsPresent);
}

function forceWrite(mm: Mm, page: number): boolean {
  const vma = mm.vmas.find(page);
  if (vma === undefined) return false;
  if (vma.has(VM_WRITE)) return settle(mm, vma, page, true, pteIsWritable);
  if (vma.has(VM_SHARED) || !settle(mm, vma, page, false, pteIsPresent)) return false;
  return !pteIsUffdWp(mm.pte(page)) && ownCopy(mm, vma, page) === 'mapped';
}

function settle(
  mm: Mm,
  vma: Vma,
  page: number,
  write: boolean,
  done: (pte: ReturnType<Mm['pte']>) => boolean,
): boolean {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    if (done(mm.pte(page))) return true;
    const outcome = faultInArea(mm, vma, page, write);
    if (outcome !== 'mapped') return false;
  }
  return false;
}
