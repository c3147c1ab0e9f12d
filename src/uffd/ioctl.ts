/**
 * ioctl(2) on a userfaultfd: request number and a C struct, byte for byte.
 * Reads exactly the bytes that Linux reads and writes exactly those that it writes.
 * Answers to: userfaultfd_ioctl().
 */

import { u64ToNumber } from '../base/args.js';
import { type Failure, fail, failed, type Result } from '../base/errno.js';
import type { Op } from '../base/op.js';
import type { Caller } from '../mm/caller.js';
import {
  uffdio_api,
  uffdio_continue,
  uffdio_copy,
  uffdio_move,
  uffdio_poison,
  uffdio_range,
  uffdio_register,
  uffdio_rwprotect,
  uffdio_set_mode,
  uffdio_writeprotect,
  uffdio_zeropage,
} from '../uapi/structs.js';
import {
  UFFDIO_API,
  UFFDIO_CONTINUE,
  UFFDIO_COPY,
  UFFDIO_MOVE,
  UFFDIO_POISON,
  UFFDIO_REGISTER,
  UFFDIO_RWPROTECT,
  UFFDIO_SET_MODE,
  UFFDIO_UNREGISTER,
  UFFDIO_WAKE,
  UFFDIO_WRITEPROTECT,
  UFFDIO_ZEROPAGE,
} from '../uapi/userfaultfd.js';
import {
  apiCommand,
  FILLS,
  type FillCommand,
  fillCommand,
  registerCommand,
  rwProtectCommand,
  setModeCommand,
  unregisterCommand,
  unusable,
  wakeCommand,
  writeProtectCommand,
} from './commands.js';
import type { UffdContext } from './context.js';
import type { Range } from './range.js';

/** The third argument of ioctl: a struct somewhere. */
export interface IoctlMemory {
  /** Its first bytes, or EFAULT. */
  read(lenBytes: number): Op<Result<Uint8Array>>;
  /** Overwrites a part of it, or EFAULT. */
  write(offset: number, bytes: Uint8Array): Op<Failure | undefined>;
}

interface Request {
  readonly context: UffdContext;
  readonly caller: Caller;
  readonly memory: IoctlMemory;
}

type Handler = (request: Request) => Op<Result<number>>;

/** Runs one ioctl; 0 or an errno, as the system call would answer. */
export function* ioctl(
  context: UffdContext,
  caller: Caller,
  number: number,
  memory: IoctlMemory,
): Op<Result<number>> {
  const handler = HANDLERS.get(number);
  if (number !== UFFDIO_API) {
    const failure = unusable(context, undefined);
    if (failure !== undefined) return failure;
  }
  if (handler === undefined) return fail('EINVAL', 'unknown ioctl request');
  return yield* handler({ context, caller, memory });
}

/** Reads the first bytes of a struct and gives them back at full size for its codec. */
function* load<T>(
  memory: IoctlMemory,
  codec: { sizeBytes: number; decode(bytes: Uint8Array): T },
  lenBytes = codec.sizeBytes,
): Op<Result<T>> {
  const bytes = yield* memory.read(lenBytes);
  if (failed(bytes)) return bytes;
  const whole = new Uint8Array(codec.sizeBytes);
  whole.set(bytes);
  return codec.decode(whole);
}

const rangeOf = (range: { start: bigint; len: bigint }): Range => ({
  start: u64ToNumber(range.start),
  len: u64ToNumber(range.len),
});

interface ResultCodec<T> {
  readonly sizeBytes: number;
  decode(bytes: Uint8Array): T;
}

/** Handler of an ioctl whose last field is its result. */
function fillHandler<T, A>(
  codec: ResultCodec<T>,
  command: FillCommand<A>,
  argsOf: (value: T) => A,
): Handler {
  const resultAt = codec.sizeBytes - 8;
  return function* ({ context, caller, memory }) {
    const outcome = yield* fillCommand(context, caller, command, {
      *load() {
        const value = yield* load(memory, codec, resultAt);
        return failed(value) ? value : argsOf(value);
      },
      report: (progress) => memory.write(resultAt, signed64(progress)),
    });
    return outcome.failure ?? 0;
  };
}

function signed64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, BigInt(value), true);
  return bytes;
}

const rangeFillArgs = (value: { range: { start: bigint; len: bigint }; mode: bigint }) => ({
  ...rangeOf(value.range),
  mode: u64ToNumber(value.mode),
});

function* api({ context, caller, memory }: Request): Op<Result<number>> {
  const args = yield* load(memory, uffdio_api);
  if (failed(args)) return args;
  const { failure } = yield* apiCommand(context, caller, args, (answer) =>
    memory.write(0, uffdio_api.encode(answer)),
  );
  return failure ?? 0;
}

function* registerRange({ context, memory }: Request): Op<Result<number>> {
  const ioctlsAt = uffdio_register.offsetOf('ioctls');
  const value = yield* load(memory, uffdio_register, ioctlsAt);
  if (failed(value)) return value;
  const mask = registerCommand(context, rangeFillArgs(value));
  if (failed(mask)) return mask;
  const bytes = uffdio_register.encode({ ioctls: mask }).subarray(ioctlsAt);
  return (yield* memory.write(ioctlsAt, bytes)) ?? 0;
}

const rangeHandler = (command: (context: UffdContext, range: Range) => Result<0>): Handler =>
  function* ({ context, memory }) {
    const value = yield* load(memory, uffdio_range);
    return failed(value) ? value : command(context, rangeOf(value));
  };

function* writeProtectRange({ context, memory }: Request): Op<Result<number>> {
  return yield* writeProtectCommand(context, function* () {
    const value = yield* load(memory, uffdio_writeprotect);
    return failed(value) ? value : rangeFillArgs(value);
  });
}

function* rwProtectRange({ context, memory }: Request): Op<Result<number>> {
  return yield* rwProtectCommand(context, function* () {
    const value = yield* load(memory, uffdio_rwprotect);
    return failed(value) ? value : rangeFillArgs(value);
  });
}

function* setModeOf({ context, memory }: Request): Op<Result<number>> {
  const missing = unusable(context, 'rwpMode');
  if (missing !== undefined) return missing;
  const value = yield* load(memory, uffdio_set_mode);
  return failed(value) ? value : setModeCommand(context, value);
}

const HANDLERS = new Map<number, Handler>([
  [UFFDIO_API, api],
  [UFFDIO_REGISTER, registerRange],
  [UFFDIO_UNREGISTER, rangeHandler(unregisterCommand)],
  [UFFDIO_WAKE, rangeHandler(wakeCommand)],
  [
    UFFDIO_COPY,
    fillHandler(uffdio_copy, FILLS.copy, (value) => ({
      dst: u64ToNumber(value.dst),
      src: u64ToNumber(value.src),
      len: u64ToNumber(value.len),
      mode: u64ToNumber(value.mode),
    })),
  ],
  [UFFDIO_ZEROPAGE, fillHandler(uffdio_zeropage, FILLS.zeropage, rangeFillArgs)],
  [UFFDIO_CONTINUE, fillHandler(uffdio_continue, FILLS.continue, rangeFillArgs)],
  [UFFDIO_POISON, fillHandler(uffdio_poison, FILLS.poison, rangeFillArgs)],
  [
    UFFDIO_MOVE,
    fillHandler(uffdio_move, FILLS.move, (value) => ({
      dst: u64ToNumber(value.dst),
      src: u64ToNumber(value.src),
      len: u64ToNumber(value.len),
      mode: u64ToNumber(value.mode),
    })),
  ],
  [UFFDIO_WRITEPROTECT, writeProtectRange],
  [UFFDIO_RWPROTECT, rwProtectRange],
  [UFFDIO_SET_MODE, setModeOf],
]);
