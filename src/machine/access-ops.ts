/**
 * User-mode accesses as operations: one instruction each, or a run of bytes page by page.
 * The value, or the signal that the access got instead.
 */

import { type Op, Point } from '../base/op.js';
import { PAGE_SIZE, pageDown, pageOffset } from '../base/page.js';
import { type AccessMode, accessSpan } from '../fault/access.js';
import { type Signal, signalOf } from '../fault/outcome.js';
import { physicalIndex, writePhysical } from '../fault/user-copy.js';
import type { Mm } from '../mm/mm.js';
import { gapBytes } from '../mm/read-section.js';
import { ByteChunks } from '../syscall/byte-chunks.js';
import type { ThreadCore } from './thread-core.js';

/** Sizes of one access in bytes. */
export type AccessSize = 1 | 2 | 4 | 8;

const userMode = (thread: ThreadCore): AccessMode => ({
  faulter: thread,
  userMode: true,
  mayWait: true,
  growsStack: true,
});

/** Makes a span accessible in one instant, or answers the signal. */
function* reach(
  thread: ThreadCore,
  span: { addr: number; lenBytes: number },
  write: boolean,
): Op<Signal | undefined> {
  const failed = yield* accessSpan(thread.mm, userMode(thread), span, write);
  if (failed === undefined) return undefined;
  const { mm } = thread;
  const pageSize = mm.vmas.find(failed.addr)?.pageSize;
  return signalOf(failed.error, failed.addr, mm.memory.profile, pageSize);
}

/** Copies bytes out of pages that are accessible now. */
function gather(mm: Mm, addr: number, lenBytes: number): Uint8Array {
  const bytes = new Uint8Array(lenBytes);
  eachPart(addr, lenBytes, (at, part, done) => {
    const from = physicalIndex(mm, at);
    bytes.set(mm.memory.frames.bytes.subarray(from, from + part), done);
  });
  return bytes;
}

function scatter(mm: Mm, addr: number, bytes: Uint8Array): void {
  eachPart(addr, bytes.length, (at, part, done) => {
    writePhysical(mm, at, bytes.subarray(done, done + part));
  });
  mm.memory.onPage?.({ kind: 'write', mm, addr, lenBytes: bytes.length, by: 'access' });
}

function eachPart(
  addr: number,
  lenBytes: number,
  visit: (at: number, lenBytes: number, done: number) => void,
): void {
  for (let done = 0; done < lenBytes; ) {
    const at = addr + done;
    const part = Math.min(PAGE_SIZE - pageOffset(at), lenBytes - done);
    visit(at, part, done);
    done += part;
  }
}

/** Loads one value; its bytes, low one first. */
export function* load(thread: ThreadCore, addr: number, size: AccessSize): Op<Uint8Array | Signal> {
  const signal = yield* reach(thread, { addr, lenBytes: size }, false);
  return signal ?? gather(thread.mm, addr, size);
}

/** Stores one value, all of its bytes or none. */
export function* store(
  thread: ThreadCore,
  addr: number,
  bytes: Uint8Array,
): Op<undefined | Signal> {
  const signal = yield* reach(thread, { addr, lenBytes: bytes.length }, true);
  if (signal === undefined) scatter(thread.mm, addr, bytes);
  return signal;
}

/** A locked read-modify-write; answers the bytes before it. */
export function* readModifyWrite(
  thread: ThreadCore,
  addr: number,
  size: AccessSize,
  update: (old: Uint8Array) => Uint8Array,
): Op<Uint8Array | Signal> {
  const span = { addr, lenBytes: size };
  const first = thread.system.rmwReadsFirst ? yield* reach(thread, span, false) : undefined;
  const signal = first ?? (yield* reach(thread, span, true));
  if (signal !== undefined) return signal;
  const old = gather(thread.mm, addr, size);
  scatter(thread.mm, addr, update(old));
  return old;
}

/** Reads bytes page by page, as a copy loop in user space does. */
export function* readBytes(
  thread: ThreadCore,
  addr: number,
  lenBytes: number,
): Op<Uint8Array | Signal> {
  const chunks = new ByteChunks();
  for (let done = 0; done < lenBytes; ) {
    if (hasGap(thread, addr, done, lenBytes)) yield new Point(GAP);
    const span = nextSpan(addr + done, lenBytes - done);
    const signal = yield* reach(thread, span, false);
    if (signal !== undefined) return signal;
    chunks.push(gather(thread.mm, span.addr, span.lenBytes));
    done += span.lenBytes;
  }
  return chunks.joined();
}

/** Writes bytes page by page; those before a signal stay written. */
export function* writeBytes(
  thread: ThreadCore,
  addr: number,
  bytes: Uint8Array,
): Op<undefined | Signal> {
  for (let done = 0; done < bytes.length; ) {
    if (hasGap(thread, addr, done, bytes.length)) yield new Point(GAP);
    const span = nextSpan(addr + done, bytes.length - done);
    const signal = yield* reach(thread, span, true);
    if (signal !== undefined) return signal;
    scatter(thread.mm, span.addr, bytes.subarray(done, done + span.lenBytes));
    done += span.lenBytes;
  }
  return undefined;
}

const GAP = 'access:next-page';

/** Whether a switch is possible here: between two pages, while somebody explores schedules. */
const hasGap = ({ mm }: ThreadCore, addr: number, done: number, lenBytes: number): boolean =>
  done > 0 &&
  mm.memory.points.on &&
  (addr + done - pageDown(addr)) % gapBytes(lenBytes, PAGE_SIZE) === 0;

/** The part of a run of bytes that lies in its first page. */
const nextSpan = (addr: number, lenBytes: number) => ({
  addr,
  lenBytes: Math.min(PAGE_SIZE - pageOffset(addr), lenBytes),
});
