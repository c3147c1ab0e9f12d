/**
 * The system calls on memory as operations of a thread: arguments as users give them, checked for
 * what C cannot pass, handed to the kernel model below.
 */

import { type U64, unsigned, unsigned32 } from '../base/args.js';
import { type Failure, failed, type Result } from '../base/errno.js';
import type { Op } from '../base/op.js';
import type { Signal } from '../fault/outcome.js';
import { madvise } from '../syscall/madvise.js';
import { mincore } from '../syscall/mincore.js';
import { mmap } from '../syscall/mmap.js';
import { checkFlags, type MovePagesResult, movePages } from '../syscall/move-pages.js';
import { lockRange, mprotect } from '../syscall/mprotect.js';
import { mremap } from '../syscall/mremap.js';
import { msync } from '../syscall/sync.js';
import { munmap } from '../syscall/unmap.js';
import { openTo } from './other-process.js';
import type { ThreadCore } from './thread-core.js';

/** A range of memory as system calls take it. */
export interface AddressRange {
  /** First address in bytes. */
  readonly addr: U64;
  /** Length in bytes; rounded up to whole pages by most calls. */
  readonly length: U64;
}

/** Arguments of {@link Thread.mmap}. */
export interface MmapRequest {
  /** Hint, or the place itself with MAP_FIXED. @defaultValue `0` */
  readonly addr?: U64;
  /** Bytes; rounded up to whole pages. */
  readonly length: U64;
  /** PROT_* bits. */
  readonly prot: number;
  /** MAP_* bits: exactly one of MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE among them. */
  readonly flags: number;
  /** Descriptor of a file; not looked at with MAP_ANONYMOUS. @defaultValue `-1` */
  readonly fd?: number;
  /** Offset in the file in bytes, page aligned. @defaultValue `0` */
  readonly offset?: U64;
}

/** Arguments of {@link Thread.mprotect}. */
export interface MprotectRequest extends AddressRange {
  /** PROT_* bits. */
  readonly prot: number;
}

/** Arguments of {@link Thread.madvise}. */
export interface MadviseRequest extends AddressRange {
  /** One MADV_* value. */
  readonly advice: number;
}

/** Arguments of {@link Thread.msyncSync}. */
export interface MsyncRequest extends AddressRange {
  /** MS_SYNC or MS_ASYNC, and MS_INVALIDATE. */
  readonly flags: number;
}

/** Arguments of {@link Thread.mremap}. */
export interface MremapRequest {
  /** Start of the old range, page aligned. */
  readonly oldAddress: U64;
  /** Bytes of the old range; rounded up to whole pages. */
  readonly oldSize: U64;
  /** Bytes of the new range; rounded up to whole pages, not zero. */
  readonly newSize: U64;
  /** MREMAP_* bits. @defaultValue `0` */
  readonly flags?: number;
  /** Where to move to, with MREMAP_FIXED. @defaultValue `0` */
  readonly newAddress?: U64;
}

/** Arguments of {@link Thread.movePagesSync}. */
export interface MovePagesRequest {
  /** Whose pages. @defaultValue the caller's own process */
  readonly pid?: number;
  /** Addresses; each stands for its page. */
  readonly pages: readonly U64[];
  /** Memory node for each page; without it the call only asks where the pages are. */
  readonly nodes?: readonly number[];
  /** MPOL_MF_* bits. @defaultValue `0` */
  readonly flags?: number;
}

const rangeOf = ({ addr, length }: AddressRange) => ({
  addr: unsigned('addr', addr),
  length: unsigned('length', length),
});

/** Operations of the memory calls. */
export const memoryCalls = {
  *mmap(thread: ThreadCore, request: MmapRequest): Op<Result<number>> {
    return yield* mmap(thread, {
      addr: unsigned('addr', request.addr ?? 0),
      length: unsigned('length', request.length),
      prot: unsigned32('prot', request.prot),
      flags: unsigned32('flags', request.flags),
      fd: request.fd ?? -1,
      offset: unsigned('offset', request.offset ?? 0),
    });
  },

  *munmap(thread: ThreadCore, range: AddressRange): Op<Result<0>> {
    return yield* munmap(thread.mm, rangeOf(range));
  },

  *mprotect(thread: ThreadCore, request: MprotectRequest): Op<Result<0>> {
    return mprotect(thread.mm, { ...rangeOf(request), prot: unsigned32('prot', request.prot) });
  },

  *mremap(thread: ThreadCore, request: MremapRequest): Op<Result<number>> {
    return yield* mremap(thread, {
      oldAddress: unsigned('oldAddress', request.oldAddress),
      oldSize: unsigned('oldSize', request.oldSize),
      newSize: unsigned('newSize', request.newSize),
      flags: unsigned32('flags', request.flags ?? 0),
      newAddress: unsigned('newAddress', request.newAddress ?? 0),
    });
  },

  *madvise(thread: ThreadCore, request: MadviseRequest): Op<Result<0> | Signal> {
    const advice = unsigned32('advice', request.advice);
    return yield* madvise(thread, { ...rangeOf(request), advice });
  },

  *msync(thread: ThreadCore, request: MsyncRequest): Op<Result<0>> {
    return msync(thread.mm, { ...rangeOf(request), flags: unsigned32('flags', request.flags) });
  },

  *movePages(thread: ThreadCore, request: MovePagesRequest): Op<MovePagesResult | Failure> {
    const pages = request.pages.map((page) => unsigned('pages', page));
    const { nodes } = request;
    if (nodes !== undefined && nodes.length !== pages.length) {
      throw new RangeError(`nodes: ${nodes.length} for ${pages.length} pages`);
    }
    const flags = unsigned32('flags', request.flags ?? 0);
    const refused = checkFlags(thread, flags);
    if (refused !== undefined) return refused;
    const state = openTo(thread, request.pid || thread.process.pid); // 0 is the caller's own
    return failed(state) ? state : movePages(state.mm, { pages, nodes, flags });
  },

  *mincore(thread: ThreadCore, range: AddressRange): Op<Uint8Array | Failure> {
    return mincore(thread.mm, rangeOf(range));
  },

  *mlock(thread: ThreadCore, range: AddressRange): Op<Result<0>> {
    return yield* lockRange(thread, rangeOf(range), 'lock');
  },

  *munlock(thread: ThreadCore, range: AddressRange): Op<Result<0>> {
    return yield* lockRange(thread, rangeOf(range), 'unlock');
  },
};
