/**
 * Copies between the kernel and user memory, page by page, as far as the pages allow.
 * The caller says in whose name: a system call's buffer, another process's memory, a struct.
 * Answers to: copy_to_user(), copy_from_user(), access_remote_vm().
 */

import type { Op } from '../base/op.js';
import { PAGE_SIZE, pageDown, pageOffset } from '../base/page.js';
import type { Mm } from '../mm/mm.js';
import type { Faulter } from '../mm/uffd-port.js';
import { frameWord } from '../pgtable/tlb.js';
import { type AccessMode, access } from './access.js';
import type { FaultError } from './outcome.js';

/** A copy inside a system call: waits, but a userfaultfd for user mode only refuses it. */
export const kernelMode = (faulter: Faulter): AccessMode => ({
  faulter,
  userMode: false,
  mayWait: true,
  growsStack: true,
});

/** Faulting pages in whatever their rights are: as a copy, but a stack does not grow for it. */
export const populateMode = (faulter: Faulter): AccessMode => ({
  ...kernelMode(faulter),
  growsStack: false,
});

/** Pinning pages for a system call, with the rights of the area as they are at each attempt. */
export const pinMode = (faulter: Faulter): AccessMode => ({
  ...populateMode(faulter),
  readNeedsRight: true,
});

/** How far a copy got, and what stopped it. */
export interface CopyOutcome {
  readonly copied: number;
  readonly error: FaultError | undefined;
}

/** Byte index in physical memory of an address whose page is mapped. */
export function physicalIndex(mm: Mm, addr: number): number {
  const pfn = mm.frameAt(addr);
  mm.memory.frames.fetch(pfn);
  return frameWord(pfn) * 4 + pageOffset(addr);
}

/** Changes bytes of one page, which is mapped. */
export function writePhysical(mm: Mm, addr: number, bytes: Uint8Array): void {
  mm.memory.frames.write(mm.frameAt(addr), bytes, pageOffset(addr));
}

type Chunk = (addr: number, lenBytes: number, done: number) => void;

function* eachPage(
  mm: Mm,
  mode: AccessMode,
  span: { addr: number; lenBytes: number; write: boolean },
  chunk: Chunk,
): Op<CopyOutcome> {
  let done = 0;
  while (done < span.lenBytes) {
    const at = span.addr + done;
    const error = yield* access(mm, mode, at, span.write);
    if (error !== undefined) return { copied: done, error };
    const lenBytes = Math.min(pageDown(at) + PAGE_SIZE - at, span.lenBytes - done);
    chunk(at, lenBytes, done);
    done += lenBytes;
  }
  return { copied: done, error: undefined };
}

/** Copies bytes into user memory. */
export function* copyToUser(
  mm: Mm,
  mode: AccessMode,
  addr: number,
  bytes: Uint8Array,
): Op<CopyOutcome> {
  const span = { addr, lenBytes: bytes.length, write: true };
  return yield* eachPage(mm, mode, span, (at, lenBytes, done) => {
    writePhysical(mm, at, bytes.subarray(done, done + lenBytes));
    mm.memory.onPage?.({ kind: 'write', mm, addr: at, lenBytes, by: 'kernel' });
  });
}

/** Fills `into` from user memory. */
export function* copyFromUser(
  mm: Mm,
  mode: AccessMode,
  addr: number,
  into: Uint8Array,
): Op<CopyOutcome> {
  const span = { addr, lenBytes: into.length, write: false };
  return yield* eachPage(mm, mode, span, (at, lenBytes, done) => {
    const from = physicalIndex(mm, at);
    into.set(mm.memory.frames.bytes.subarray(from, from + lenBytes), done);
  });
}
