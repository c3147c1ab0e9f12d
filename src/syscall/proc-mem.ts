/**
 * The debugger's way into memory, /proc/PID/mem: ignores access rights and never waits.
 * Answers to: mem_rw(), access_remote_vm().
 */

import { type Failure, fail, type Result } from '../base/errno.js';
import { PAGE_SIZE, pageDown, pageOffset, TASK_SIZE } from '../base/page.js';
import { ownCopy } from '../fault/cow.js';
import { faultInArea } from '../fault/fault.js';
import { isProgress } from '../fault/outcome.js';
import { growStack } from '../fault/stack.js';
import { physicalIndex, writePhysical } from '../fault/user-copy.js';
import type { Mm } from '../mm/mm.js';
import type { Vma } from '../mm/vma.js';
import { VM_ACCESS, VM_SHARED, VM_WRITE } from '../mm/vma-flags.js';
import { pteIsPresent, pteIsUffdWp, pteIsWritable } from '../pgtable/pte.js';
import { ByteChunks } from './byte-chunks.js';
import type { RemoteRange } from './process-vm.js';

/** Reads through /proc/PID/mem; EIO where the access would have to wait or there is nothing. */
export function peek({ target, addr, lenBytes }: RemoteRange): Result<Uint8Array> {
  growStack(target, addr);
  const chunks = new ByteChunks();
  let done = 0;
  while (done < lenBytes) {
    const at = addr + done;
    if (at >= TASK_SIZE || !forceRead(target, pageDown(at))) break;
    const part = Math.min(PAGE_SIZE - pageOffset(at), lenBytes - done);
    const from = physicalIndex(target, at);
    chunks.push(target.memory.frames.bytes.subarray(from, from + part));
    done += part;
  }
  return done > 0 || lenBytes === 0 ? chunks.joined() : noAccess();
}

/** Writes through /proc/PID/mem: copies on write even where the mapping is read-only. */
export function poke(
  { target, addr }: Omit<RemoteRange, 'lenBytes'>,
  bytes: Uint8Array,
): Result<number> {
  growStack(target, addr);
  let done = 0;
  while (done < bytes.length) {
    const at = addr + done;
    if (at >= TASK_SIZE || !forceWrite(target, pageDown(at))) break;
    const part = Math.min(PAGE_SIZE - pageOffset(at), bytes.length - done);
    writePhysical(target, at, bytes.subarray(done, done + part));
    const written = { mm: target, addr: at, lenBytes: part };
    target.memory.onPage?.({ kind: 'write', ...written, by: 'remote' });
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
  if (vma.has(VM_SHARED) || vma.isHugetlb || !settle(mm, vma, page, false, pteIsPresent))
    return false;
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
    if (!isProgress(outcome)) return false;
  }
  return false;
}
