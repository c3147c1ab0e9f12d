/**
 * The calls on a userfaultfd as operations: typed requests, raw structs, messages.
 * A descriptor is looked up at each call, so that a closed one is EBADF.
 */

import { mask64, type U64, unsigned, unsigned32 } from '../base/args.js';
import { type Failure, fail, failed, type Result } from '../base/errno.js';
import type { Op } from '../base/op.js';
import { copyFromUser, copyToUser, kernelMode } from '../fault/user-copy.js';
import { type UffdMsg, uffd_msg } from '../uapi/msg.js';
import { UFFD_API } from '../uapi/userfaultfd.js';
import {
  type ApiOutcome,
  apiCommand,
  FILLS,
  type FillCommand,
  fillCommand,
  registerCommand,
  rwProtectCommand,
  setModeCommand,
  unregisterCommand,
  wakeCommand,
  writeProtectCommand,
} from '../uffd/commands.js';
import { UffdFile } from '../uffd/file.js';
import type { FillOutcome } from '../uffd/fill.js';
import { type IoctlMemory, ioctl } from '../uffd/ioctl.js';
import {
  nextMessage,
  notReady,
  pollWait,
  type Reader,
  readMessages,
  takeMessage,
} from '../uffd/read.js';
import type { ThreadCore } from './thread-core.js';

/** Arguments of {@link Userfaultfd.api}. */
export interface ApiRequest {
  /** Must be UFFD_API. @defaultValue `UFFD_API` */
  readonly api?: U64;
  /** UFFD_FEATURE_* bits to enable, all 64 of them checked. @defaultValue `0` */
  readonly features?: U64;
}

/** A range of the owner's memory. */
export interface UffdRange {
  /** First address, page aligned. */
  readonly start: U64;
  /** Bytes, a multiple of the page size. */
  readonly len: U64;
}

/** A range and mode bits. */
export interface UffdRangeMode extends UffdRange {
  /** Mode bits of the ioctl. */
  readonly mode: U64;
}

/** A range and optional mode bits. */
export interface FillRange extends UffdRange {
  /** Mode bits of the ioctl. @defaultValue `0` */
  readonly mode?: U64;
}

/** Arguments of {@link Userfaultfd.copy}. */
export interface CopyRequest {
  /** First address to fill, page aligned. */
  readonly dst: U64;
  /** Bytes to copy, or their address in the memory of the handle's process. */
  readonly src: Uint8Array | U64;
  /** Bytes, a multiple of the page size. @defaultValue the length of `src` */
  readonly len?: U64;
  /** UFFDIO_COPY_MODE_* bits. @defaultValue `0` */
  readonly mode?: U64;
}

/** Arguments of {@link Userfaultfd.move}. */
export interface MoveRequest {
  /** First address to fill, page aligned. */
  readonly dst: U64;
  /** First address to empty, page aligned. */
  readonly src: U64;
  /** Bytes, a multiple of the page size. */
  readonly len: U64;
  /** UFFDIO_MOVE_MODE_* bits. @defaultValue `0` */
  readonly mode?: U64;
}

/** Arguments of {@link Userfaultfd.setMode}. */
export interface SetModeRequest {
  /** UFFD_FEATURE_* bits to switch on. @defaultValue `0` */
  readonly enable?: U64;
  /** UFFD_FEATURE_* bits to switch off. @defaultValue `0` */
  readonly disable?: U64;
}

/** Whose descriptor it is: who calls, and the number. */
export interface UffdRef {
  readonly thread: ThreadCore;
  readonly fd: number;
}

/** A reader that gets its descriptors in the process of the handle. */
const readerOf = ({ thread, fd }: UffdRef): Reader => ({
  name: `${thread.name} fd ${fd}`,
  install: (file) => thread.fds.install(file),
});

/** The open file, or EBADF; ENOTTY for a descriptor of another kind. */
export function uffdFile({ thread, fd }: UffdRef): Result<UffdFile> {
  const file = thread.fds.lookup(fd);
  if (failed(file)) return file;
  return file instanceof UffdFile ? file : fail('ENOTTY', `descriptor ${fd} is no userfaultfd`);
}

const rangeOf = ({ start, len }: UffdRange) => ({
  start: unsigned('start', start),
  len: unsigned('len', len),
});

const fillRangeOf = (request: FillRange) => ({
  ...rangeOf(request),
  mode: unsigned('mode', request.mode ?? 0),
});

function copyArgsOf({ dst, src, len, mode }: CopyRequest) {
  const isBytes = src instanceof Uint8Array;
  const lenBytes = len ?? (isBytes ? src.length : undefined);
  if (lenBytes === undefined) throw new TypeError('len: needed when src is an address');
  const count = unsigned('len', lenBytes);
  if (isBytes && src.length < count) {
    throw new RangeError(`src: ${src.length} bytes, but len is ${count}`);
  }
  return {
    dst: unsigned('dst', dst),
    src: isBytes ? src : unsigned('src', src),
    len: count,
    mode: unsigned('mode', mode ?? 0),
  };
}

function* fillWith<A>(ref: UffdRef, command: FillCommand<A>, args: A): Op<FillOutcome> {
  const file = uffdFile(ref);
  if (failed(file)) return { failure: file, progress: undefined };
  return yield* holding(
    file,
    fillCommand(file.context, ref.thread, command, {
      *load() {
        return args;
      },
      *report() {
        return undefined;
      },
    }),
  );
}

/** Runs an operation that holds the file open: closing the last descriptor does not end it. */
function* holding<T>(file: UffdFile, op: Op<T>): Op<T> {
  file.get();
  try {
    return yield* op;
  } finally {
    file.put();
  }
}

/** A struct that a JavaScript caller holds. */
const bytesMemory = (bytes: Uint8Array): IoctlMemory => ({
  *read(lenBytes) {
    return bytes.length >= lenBytes
      ? bytes.subarray(0, lenBytes)
      : fail('EFAULT', `the struct needs ${lenBytes} bytes, there are ${bytes.length}`);
  },
  *write(offset, part) {
    if (bytes.length < offset + part.length) return fail('EFAULT', 'the struct is truncated');
    bytes.set(part, offset);
    return undefined;
  },
});

/** A struct in user memory. */
const userMemory = (thread: ThreadCore, addr: number): IoctlMemory => ({
  *read(lenBytes) {
    const bytes = new Uint8Array(lenBytes);
    const { error } = yield* copyFromUser(thread.mm, kernelMode(thread), addr, bytes);
    return error === undefined ? bytes : fail('EFAULT', 'the struct cannot be read');
  },
  *write(offset, part) {
    const { error } = yield* copyToUser(thread.mm, kernelMode(thread), addr + offset, part);
    return error === undefined ? undefined : fail('EFAULT', 'the struct cannot be written');
  },
});

const isInterrupted = (result: Result<unknown>): boolean =>
  failed(result) && result.code === 'EINTR';

/** Operations of a userfaultfd. */
export const uffdCalls = {
  *api(ref: UffdRef, request: ApiRequest): Op<ApiOutcome | Failure> {
    const file = uffdFile(ref);
    if (failed(file)) return file;
    const args = {
      api: mask64('api', request.api ?? UFFD_API),
      features: mask64('features', request.features ?? 0),
    };
    return yield* apiCommand(file.context, ref.thread, args, function* () {
      return undefined;
    });
  },

  *register(ref: UffdRef, request: UffdRangeMode): Op<Result<bigint>> {
    const file = uffdFile(ref);
    return failed(file) ? file : registerCommand(file.context, fillRangeOf(request));
  },

  *unregister(ref: UffdRef, range: UffdRange): Op<Result<0>> {
    const file = uffdFile(ref);
    return failed(file) ? file : unregisterCommand(file.context, rangeOf(range));
  },

  *wake(ref: UffdRef, range: UffdRange): Op<Result<0>> {
    const file = uffdFile(ref);
    return failed(file) ? file : wakeCommand(file.context, rangeOf(range));
  },

  *copy(ref: UffdRef, request: CopyRequest): Op<FillOutcome> {
    return yield* fillWith(ref, FILLS.copy, copyArgsOf(request));
  },

  *zeropage(ref: UffdRef, request: FillRange): Op<FillOutcome> {
    return yield* fillWith(ref, FILLS.zeropage, fillRangeOf(request));
  },

  *continue(ref: UffdRef, request: FillRange): Op<FillOutcome> {
    return yield* fillWith(ref, FILLS.continue, fillRangeOf(request));
  },

  *poison(ref: UffdRef, request: FillRange): Op<FillOutcome> {
    return yield* fillWith(ref, FILLS.poison, fillRangeOf(request));
  },

  *move(ref: UffdRef, { dst, src, len, mode }: MoveRequest): Op<FillOutcome> {
    return yield* fillWith(ref, FILLS.move, {
      dst: unsigned('dst', dst),
      src: unsigned('src', src),
      len: unsigned('len', len),
      mode: unsigned('mode', mode ?? 0),
    });
  },

  *writeprotect(ref: UffdRef, request: UffdRangeMode): Op<Result<0>> {
    const file = uffdFile(ref);
    if (failed(file)) return file;
    const args = fillRangeOf(request);
    return yield* writeProtectCommand(file.context, function* () {
      return args;
    });
  },

  *rwprotect(ref: UffdRef, request: UffdRangeMode): Op<Result<0>> {
    const file = uffdFile(ref);
    if (failed(file)) return file;
    const args = fillRangeOf(request);
    return yield* rwProtectCommand(file.context, function* () {
      return args;
    });
  },

  *setMode(ref: UffdRef, request: SetModeRequest): Op<Result<0>> {
    const file = uffdFile(ref);
    if (failed(file)) return file;
    return setModeCommand(file.context, {
      enable: mask64('enable', request.enable ?? 0),
      disable: mask64('disable', request.disable ?? 0),
    });
  },

  *ioctl(ref: UffdRef, request: number, arg: Uint8Array | U64): Op<Result<number>> {
    const file = uffdFile(ref);
    if (failed(file)) return file;
    const { thread } = ref;
    const memory =
      arg instanceof Uint8Array ? bytesMemory(arg) : userMemory(thread, unsigned('arg', arg));
    const number = unsigned32('request', request);
    return yield* holding(file, ioctl(file.context, thread, number, memory));
  },

  /** read(2) into bytes, or into user memory at an address. */
  *read(ref: UffdRef, into: Uint8Array | { addr: U64; count: U64 }): Op<Result<number>> {
    const file = uffdFile(ref);
    if (failed(file)) return file;
    const { thread } = ref;
    const isBytes = into instanceof Uint8Array;
    const count = isBytes ? into.length : unsigned('count', into.count);
    const addr = isBytes ? 0 : unsigned('addr', into.addr);
    const messages = readMessages(file, readerOf(ref), count, function* (msg, offset) {
      const bytes = uffd_msg.encode(msg);
      if (!isBytes) return yield* userMemory(thread, addr).write(offset, bytes);
      into.set(bytes, offset);
      return undefined;
    });
    const result = yield* holding(file, messages);
    // SA_RESTART: a caught signal starts the call again, as the newest reader.
    return isInterrupted(result) ? yield* uffdCalls.read(ref, into) : result;
  },

  /** Takes one message, waiting for it whatever O_NONBLOCK says. */
  *nextMessage(ref: UffdRef): Op<Result<UffdMsg>> {
    const file = uffdFile(ref);
    if (failed(file)) return file;
    const result = yield* holding(file, nextMessage(file.context, readerOf(ref), true));
    return isInterrupted(result) ? yield* uffdCalls.nextMessage(ref) : result;
  },

  /** poll(2) without a timeout. */
  *poll(ref: UffdRef): Op<Result<number>> {
    const file = uffdFile(ref);
    return failed(file) ? file : yield* holding(file, pollWait(file));
  },

  /** Takes one message if there is one. */
  *takeMessage(ref: UffdRef): Op<Result<UffdMsg | undefined>> {
    const file = uffdFile(ref);
    if (failed(file)) return file;
    return notReady(file.context) ?? takeMessage(file.context, readerOf(ref));
  },
};
