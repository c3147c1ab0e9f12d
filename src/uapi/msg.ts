/**
 * `struct uffd_msg`: the 32 bytes that read(2) on a userfaultfd returns for each message.
 * Owns the union of five layouts behind one event code and shows it as a discriminated union.
 * Addresses are numbers here, as all of them are user addresses below 2^47.
 * Answers to linux/userfaultfd.h and userfaultfd(2), "Reading from the userfaultfd".
 */

import { struct, u8, u32, u64 } from './struct.js';
import { u64ToNumber } from './u64.js';
import {
  UFFD_EVENT_FORK,
  UFFD_EVENT_PAGEFAULT,
  UFFD_EVENT_REMAP,
  UFFD_EVENT_REMOVE,
  UFFD_EVENT_UNMAP,
} from './userfaultfd.js';

/** A thread waits for a page. @since Linux 4.3 */
export interface UffdPagefaultMsg {
  /** Tells this message from the others. */
  readonly event: 'pagefault';
  /** UFFD_PAGEFAULT_FLAG_* bits; none of WP, MINOR and RWP means a missing page. */
  readonly flags: number;
  /** Address of the access, rounded down to its page unless EXACT_ADDRESS is enabled. */
  readonly address: number;
  /** Thread that waits, if THREAD_ID is enabled, else 0. */
  readonly ptid: number;
}

/** A child was forked. @since Linux 4.11 */
export interface UffdForkMsg {
  /** Tells this message from the others. */
  readonly event: 'fork';
  /** Descriptor of the child's userfaultfd, in the process that reads the message. */
  readonly ufd: number;
}

/** mremap moved a range. @since Linux 4.11 */
export interface UffdRemapMsg {
  /** Tells this message from the others. */
  readonly event: 'remap';
  /** Old start of the range. */
  readonly from: number;
  /** New start of the range. */
  readonly to: number;
  /** Length in bytes. */
  readonly len: number;
}

/** madvise is about to drop the pages of a range. @since Linux 4.11 */
export interface UffdRemoveMsg {
  /** Tells this message from the others. */
  readonly event: 'remove';
  /** First address of the range. */
  readonly start: number;
  /** First address behind the range. */
  readonly end: number;
}

/** A range was unmapped. @since Linux 4.11 */
export interface UffdUnmapMsg {
  /** Tells this message from the others. */
  readonly event: 'unmap';
  /** First address of the range. */
  readonly start: number;
  /** First address behind the range. */
  readonly end: number;
}

/** A message read from a userfaultfd; `event` tells which. */
export type UffdMsg = UffdPagefaultMsg | UffdForkMsg | UffdRemapMsg | UffdRemoveMsg | UffdUnmapMsg;

/** The codec of `struct uffd_msg`. */
export interface UffdMsgCodec {
  /** Tag of the C struct. */
  readonly name: 'uffd_msg';
  /** `sizeof` the struct: 32. */
  readonly sizeBytes: 32;
  /**
   * Reads one message; reserved bytes are ignored.
   * Less than 32 bytes, an unknown event code or an address above 2^53 - 1 is a `RangeError`.
   */
  decode(bytes: Uint8Array): UffdMsg;
  /**
   * Writes one message, to a new array or to the start of `into`, and returns that array. Every
   * byte that the event does not use is zero. A value that does not fit is a `RangeError`.
   */
  encode(msg: UffdMsg, into?: Uint8Array): Uint8Array;
}

const SIZE_BYTES = 32;

const header = struct('uffd_msg', SIZE_BYTES, { event: u8(0) });
const pagefault = struct('uffd_msg', SIZE_BYTES, {
  event: u8(0),
  flags: u64(8),
  address: u64(16),
  ptid: u32(24),
});
const fork = struct('uffd_msg', SIZE_BYTES, { event: u8(0), ufd: u32(8) });
const remap = struct('uffd_msg', SIZE_BYTES, {
  event: u8(0),
  from: u64(8),
  to: u64(16),
  len: u64(24),
});
const range = struct('uffd_msg', SIZE_BYTES, { event: u8(0), start: u64(8), end: u64(16) });

/** The message that read(2) on a userfaultfd returns, 32 bytes. @since Linux 4.3 */
export const uffd_msg: UffdMsgCodec = {
  name: 'uffd_msg',
  sizeBytes: SIZE_BYTES,
  decode(bytes) {
    const { event } = header.decode(bytes);
    switch (event) {
      case UFFD_EVENT_PAGEFAULT:
        return decodePagefault(bytes);
      case UFFD_EVENT_FORK:
        return { event: 'fork', ufd: fork.decode(bytes).ufd };
      case UFFD_EVENT_REMAP:
        return decodeRemap(bytes);
      case UFFD_EVENT_REMOVE:
        return { event: 'remove', ...decodeRange(bytes) };
      case UFFD_EVENT_UNMAP:
        return { event: 'unmap', ...decodeRange(bytes) };
      default:
        throw new RangeError(`uffd_msg.event: 0x${event.toString(16)} is no UFFD_EVENT_*`);
    }
  },
  encode(msg, into) {
    switch (msg.event) {
      case 'pagefault':
        return pagefault.encode({ ...msg, event: UFFD_EVENT_PAGEFAULT }, into);
      case 'fork':
        return fork.encode({ ...msg, event: UFFD_EVENT_FORK }, into);
      case 'remap':
        return remap.encode({ ...msg, event: UFFD_EVENT_REMAP }, into);
      case 'remove':
        return range.encode({ ...msg, event: UFFD_EVENT_REMOVE }, into);
      case 'unmap':
        return range.encode({ ...msg, event: UFFD_EVENT_UNMAP }, into);
    }
  },
};

function decodePagefault(bytes: Uint8Array): UffdPagefaultMsg {
  const { flags, address, ptid } = pagefault.decode(bytes);
  return { event: 'pagefault', flags: u64ToNumber(flags), address: u64ToNumber(address), ptid };
}

function decodeRemap(bytes: Uint8Array): UffdRemapMsg {
  const { from, to, len } = remap.decode(bytes);
  return { event: 'remap', from: u64ToNumber(from), to: u64ToNumber(to), len: u64ToNumber(len) };
}

function decodeRange(bytes: Uint8Array): Pick<UffdRemoveMsg, 'start' | 'end'> {
  const { start, end } = range.decode(bytes);
  return { start: u64ToNumber(start), end: u64ToNumber(end) };
}
