/**
 * Operations that touch memory: read, write and rmw as one instruction; sysread, syswrite, vmread
 * and vmwrite from inside the kernel. All of them may sleep.
 */

import { u64ToNumber } from '../../base/args.js';
import { assert } from '../../base/assert.js';
import { failed, type Result } from '../../base/errno.js';
import type { Op } from '../../base/op.js';
import { Signal } from '../../fault/outcome.js';
import { type PipeBuffer, PipeEnd } from '../../file/pipe.js';
import { type AccessSize, load, readModifyWrite, store } from '../../machine/access-ops.js';
import { fileCalls, type PipeFds } from '../../machine/file-calls.js';
import type { Args } from '../args.js';
import { bytesText, hexText } from '../format.js';
import { wrap64 } from '../windows.js';
import type { Worker } from '../world.js';
import { type OperationTable, signalText } from './operation.js';

const DEFAULT_VALUE = 0x41;
const KERNEL_BYTES = 8;
const KERNEL_BYTES_MAX = 16384;
/** A pipe holds pieces of a page. */
const PIECE_BYTES = 4096;

/** ADDR and `off=`, as one address. */
function target(args: Args): number {
  const { addr } = args.place();
  return u64ToNumber(wrap64(addr + args.numberKey('off', 0n)));
}

function width(args: Args): AccessSize {
  const size = Number(args.numberKey('size', 1n));
  if (size === 1 || size === 2 || size === 4 || size === 8) return size;
  return args.bad('size: 1, 2, 4 or 8');
}

/** Low bytes of a value, little endian. */
function littleEndian(value: bigint, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes.subarray(0, sizeBytes);
}

function valueText(bytes: Uint8Array): string {
  let value = 0n;
  for (const byte of bytes.toReversed()) value = (value << 8n) | BigInt(byte);
  return hexText(value);
}

function read(args: Args, { thread }: Worker): Op<string> {
  const addr = target(args);
  return counting(args, thread, loaded(load(thread, addr, width(args))));
}

/** Adds the faults that an access took, if the word `faults` asks and no signal ended it. */
function counting(args: Args, { faults }: Worker['thread'], access: Op<string>): Op<string> {
  if (!args.hasWord('faults')) return access;
  return (function* () {
    const { minor, major } = faults;
    const text = yield* access;
    if (text.startsWith('SIG')) return text;
    return `${text} min=${faults.minor - minor} maj=${faults.major - major}`;
  })();
}

function* loaded(access: Op<Uint8Array | Signal>): Op<string> {
  const bytes = yield* access;
  return bytes instanceof Signal ? signalText(bytes) : valueText(bytes);
}

function write(args: Args, { thread }: Worker): Op<string> {
  const addr = target(args);
  const value = args.numberKey('val', BigInt(DEFAULT_VALUE));
  const bytes = littleEndian(value, width(args));
  return counting(args, thread, stored(store(thread, addr, bytes)));
}

function* stored(access: Op<Signal | undefined>): Op<string> {
  const signal = yield* access;
  return signal === undefined ? 'ok' : signalText(signal);
}

function rmw(args: Args, { thread }: Worker): Op<string> {
  const addr = target(args);
  const addend = args.byteKey('val', DEFAULT_VALUE);
  const update = readModifyWrite(thread, addr, 1, ([old = 0]) => Uint8Array.of(old + addend));
  return counting(args, thread, loaded(update));
}

const byteCount = (args: Args): number => args.boundedKey('n', KERNEL_BYTES, KERNEL_BYTES_MAX);

/** Runs with a new pipe, which is gone afterwards. */
function* withPipe(
  { thread }: Worker,
  use: (pipe: PipeFds, buffer: PipeBuffer) => Op<string>,
): Op<string> {
  const pipe = yield* fileCalls.pipe(thread);
  if (failed(pipe)) return pipe.code;
  const end = thread.fds.lookup(pipe.writeFd);
  assert(end instanceof PipeEnd, 'a new pipe has two ends');
  const result = yield* use(pipe, end.buffer);
  thread.fds.close(pipe.readFd);
  thread.fds.close(pipe.writeFd);
  return result;
}

function sysread(args: Args, worker: Worker): Op<string> {
  const addr = target(args);
  const count = byteCount(args);
  const byte = args.byteKey('val', DEFAULT_VALUE);
  return withPipe(worker, ({ readFd }, buffer) => {
    for (let left = count; left > 0; left -= PIECE_BYTES) {
      buffer.push(new Uint8Array(Math.min(left, PIECE_BYTES)).fill(byte));
    }
    return counted(fileCalls.sysRead(worker.thread, { fd: readFd, addr, count }));
  });
}

function syswrite(args: Args, worker: Worker): Op<string> {
  const addr = target(args);
  const count = byteCount(args);
  return withPipe(worker, function* ({ writeFd }, buffer) {
    const written = yield* fileCalls.sysWrite(worker.thread, { fd: writeFd, addr, count });
    return failed(written) ? written.code : `${written} data=${bytesText(arrived(buffer))}`;
  });
}

/** Everything that a pipe holds. */
function arrived(buffer: PipeBuffer): Uint8Array {
  const bytes: number[] = [];
  for (;;) {
    const piece = buffer.peek(PIECE_BYTES);
    if (piece === undefined) return Uint8Array.from(bytes);
    bytes.push(...piece);
    buffer.consume(piece.length);
  }
}

/** The process that `Pn` names; it may not exist. */
function processOf(args: Args, { member }: Worker): number {
  const word = args.word();
  if (!/^P[0-5]$/.test(word)) args.bad(`${word} is no process`);
  return member.world.alive(Number(word.slice(1)))?.process.pid ?? 0;
}

function vmread(args: Args, worker: Worker): Op<string> {
  const pid = processOf(args, worker);
  const addr = target(args);
  const call = fileCalls.processVmReadv(worker.thread, { pid, addr, length: byteCount(args) });
  return (function* () {
    const bytes = yield* call;
    return failed(bytes) ? bytes.code : `${bytes.length} data=${bytesText(bytes)}`;
  })();
}

function vmwrite(args: Args, worker: Worker): Op<string> {
  const pid = processOf(args, worker);
  const addr = target(args);
  const bytes = new Uint8Array(byteCount(args)).fill(args.byteKey('val', DEFAULT_VALUE));
  return counted(fileCalls.processVmWritev(worker.thread, { pid, addr, bytes }));
}

function* counted(call: Op<Result<number>>): Op<string> {
  const count = yield* call;
  return failed(count) ? count.code : `${count}`;
}

/** Operations that touch memory. */
export const ACCESS_OPERATIONS: OperationTable = {
  read,
  write,
  rmw,
  sysread,
  syswrite,
  vmread,
  vmwrite,
};
