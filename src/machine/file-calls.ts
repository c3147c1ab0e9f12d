/**
 * The system calls on descriptors and on other processes as operations of a thread: arguments as
 * users give them, checked for what C cannot pass, handed to the kernel model below.
 */

import { byteArray, type U64, unsigned, unsigned32 } from '../base/args.js';
import { type Failure, fail, failed, type Result } from '../base/errno.js';
import type { Op } from '../base/op.js';
import { PAGE_SIZE } from '../base/page.js';
import { fileUnlocked, rangeUnlocked } from '../fault/locked.js';
import { MappedFile } from '../file/mapped-file.js';
import { pipe, pread, pwrite, readPipe, writePipe } from '../syscall/file-io.js';
import { forkMemory } from '../syscall/fork.js';
import { peek, poke } from '../syscall/proc-mem.js';
import { vmRead, vmWrite } from '../syscall/process-vm.js';
import { fsync } from '../syscall/sync.js';
import { fallocate, ftruncate, memfdCreate, reopenReadOnly } from '../syscall/truncate.js';
import { create, createUserfaultfd } from '../uffd/file.js';
import type { AddressRange } from './memory-calls.js';
import { openTo, stateOf } from './other-process.js';
import { ProcessState } from './process-state.js';
import type { ThreadCore } from './thread-core.js';

/** Arguments of {@link Thread.ftruncateSync}. */
export interface TruncateRequest {
  /** Descriptor of a memfd or a regular file. */
  readonly fd: number;
  /** New size in bytes. */
  readonly length: U64;
}

/** Arguments of {@link Thread.fallocateSync}. */
export interface FallocateRequest {
  /** Descriptor of a memfd or a regular file. */
  readonly fd: number;
  /** FALLOC_FL_* bits; 0 allocates. */
  readonly mode: number;
  /** First byte. */
  readonly offset: U64;
  /** Bytes. */
  readonly length: U64;
}

/** Arguments of {@link Thread.preadSync}. */
export interface PreadRequest {
  /** Descriptor of a memfd or a regular file. */
  readonly fd: number;
  /** Bytes wanted. */
  readonly count: U64;
  /** First byte. */
  readonly offset: U64;
}

/** Arguments of {@link Thread.pwriteSync}. */
export interface PwriteRequest {
  /** Descriptor of a memfd or a regular file. */
  readonly fd: number;
  /** What to write. */
  readonly bytes: Uint8Array;
  /** First byte. */
  readonly offset: U64;
}

/** Arguments of {@link Thread.sysRead} and {@link Thread.sysWrite}. */
export interface TransferRequest {
  /** End of a pipe. */
  readonly fd: number;
  /** Buffer in the memory of the thread's process. */
  readonly addr: U64;
  /** Bytes. */
  readonly count: U64;
}

/** A range of the memory of a process. */
export interface RemoteRequest extends AddressRange {
  /** The process. */
  readonly pid: number;
}

/** Bytes for the memory of a process. */
export interface RemoteWriteRequest {
  /** The process. */
  readonly pid: number;
  /** First address. */
  readonly addr: U64;
  /** What to write. */
  readonly bytes: Uint8Array;
}

/** Both ends of a pipe. */
export interface PipeFds {
  /** Descriptor to read from. */
  readonly readFd: number;
  /** Descriptor to write to. */
  readonly writeFd: number;
}

/** A child's process as fork(2) makes it; it exists once every FORK event was read. */
function* forkProcess(thread: ThreadCore, name: string): Op<Result<number>> {
  const { system, process } = thread;
  const fds = process.fds.clone(); // before its memory: a pending event holds the files open
  let pid: number | undefined;
  try {
    const mm = yield* forkMemory(process.mm);
    if (failed(mm)) return mm;
    pid = system.nextId();
    const child = new ProcessState(pid, name, mm, fds, thread.credentials, thread.lockedBytesMax);
    system.processes.set(pid, child);
    return pid;
  } finally {
    if (pid === undefined) fds.closeAll();
  }
}

function duplicate(thread: ThreadCore, fd: number): Result<number> {
  const file = thread.fds.lookup(fd);
  return failed(file) ? file : thread.fds.share(file);
}

/** Sleeps until no page of a file's bytes `[from, to)` is being moved to another frame. */
function* settled(thread: ThreadCore, fd: number, from: number, to: number): Op<void> {
  const file = thread.fds.lookup(fd);
  if (!(file instanceof MappedFile)) return;
  const [first, end] = [Math.floor(from / PAGE_SIZE), Math.ceil(to / PAGE_SIZE)];
  yield* fileUnlocked(thread.mm, file.inode, first, end);
}

/** Operations of the calls on descriptors. */
export const fileCalls = {
  *memfdCreate(thread: ThreadCore, name: string, flags: number): Op<Result<number>> {
    const ino = thread.system.nextIno();
    return memfdCreate(thread, { name, flags: unsigned32('flags', flags), ino });
  },

  *open(thread: ThreadCore, path: string, flags: number): Op<Result<number>> {
    const file = thread.system.files.open(path, unsigned32('flags', flags));
    if (failed(file)) return file;
    const fd = thread.fds.install(file);
    if (failed(fd)) file.put();
    return fd;
  },

  *unlink(thread: ThreadCore, path: string): Op<Result<0>> {
    return thread.system.files.unlink(path) ?? 0;
  },

  *fsync(thread: ThreadCore, fd: number): Op<Result<0>> {
    return fsync(thread, fd);
  },

  *reopenReadOnly(thread: ThreadCore, fd: number): Op<Result<number>> {
    return reopenReadOnly(thread, fd);
  },

  *ftruncate(thread: ThreadCore, { fd, length }: TruncateRequest): Op<Result<0>> {
    const lengthBytes = unsigned('length', length);
    yield* settled(thread, fd, lengthBytes, Number.POSITIVE_INFINITY);
    return ftruncate(thread, { fd, length: lengthBytes });
  },

  *fallocate(thread: ThreadCore, request: FallocateRequest): Op<Result<0>> {
    const args = {
      fd: request.fd,
      mode: unsigned32('mode', request.mode),
      offset: unsigned('offset', request.offset),
      length: unsigned('length', request.length),
    };
    yield* settled(thread, args.fd, args.offset, args.offset + args.length);
    return fallocate(thread, args);
  },

  *pread(thread: ThreadCore, request: PreadRequest): Op<Uint8Array | Failure> {
    const count = unsigned('count', request.count);
    const offset = unsigned('offset', request.offset);
    yield* settled(thread, request.fd, offset, offset + count);
    return pread(thread, { fd: request.fd, count, offset });
  },

  *pwrite(thread: ThreadCore, request: PwriteRequest): Op<Result<number>> {
    const bytes = byteArray('bytes', request.bytes);
    const offset = unsigned('offset', request.offset);
    yield* settled(thread, request.fd, offset, offset + bytes.length);
    return pwrite(thread, { fd: request.fd, bytes, offset });
  },

  *close(thread: ThreadCore, fd: number): Op<Result<0>> {
    return thread.fds.close(fd) ?? 0;
  },

  *dup(thread: ThreadCore, fd: number): Op<Result<number>> {
    return duplicate(thread, fd);
  },

  *pipe(thread: ThreadCore): Op<PipeFds | Failure> {
    return pipe(thread);
  },

  *sysRead(thread: ThreadCore, { fd, addr, count }: TransferRequest): Op<Result<number>> {
    const buffer = { addr: unsigned('addr', addr), count: unsigned('count', count) };
    return yield* readPipe(thread, { fd, ...buffer });
  },

  *sysWrite(thread: ThreadCore, { fd, addr, count }: TransferRequest): Op<Result<number>> {
    const buffer = { addr: unsigned('addr', addr), count: unsigned('count', count) };
    return yield* writePipe(thread, { fd, ...buffer });
  },

  *processVmReadv(thread: ThreadCore, request: RemoteRequest): Op<Uint8Array | Failure> {
    const state = openTo(thread, request.pid);
    if (failed(state)) return state;
    const lenBytes = unsigned('length', request.length);
    return yield* vmRead(thread, {
      target: state.mm,
      addr: unsigned('addr', request.addr),
      lenBytes,
    });
  },

  *processVmWritev(thread: ThreadCore, request: RemoteWriteRequest): Op<Result<number>> {
    const state = openTo(thread, request.pid);
    if (failed(state)) return state;
    const range = { target: state.mm, addr: unsigned('addr', request.addr) };
    return yield* vmWrite(thread, range, byteArray('bytes', request.bytes));
  },

  *peek(thread: ThreadCore, request: RemoteRequest): Op<Uint8Array | Failure> {
    const state = stateOf(thread, request.pid);
    if (failed(state)) return state;
    const lenBytes = unsigned('length', request.length);
    const addr = unsigned('addr', request.addr);
    yield* rangeUnlocked(state.mm, addr, lenBytes);
    return peek({ target: state.mm, addr, lenBytes });
  },

  *poke(thread: ThreadCore, request: RemoteWriteRequest): Op<Result<number>> {
    const state = stateOf(thread, request.pid);
    if (failed(state)) return state;
    const range = { target: state.mm, addr: unsigned('addr', request.addr) };
    const bytes = byteArray('bytes', request.bytes);
    yield* rangeUnlocked(state.mm, range.addr, bytes.length);
    return poke(range, bytes);
  },

  *fork(thread: ThreadCore, name: string): Op<Result<number>> {
    return yield* forkProcess(thread, name);
  },

  *userfaultfd(thread: ThreadCore, flags: number): Op<Result<number>> {
    return createUserfaultfd(thread, thread.system.policy, unsigned32('flags', flags));
  },

  /** Opening /dev/userfaultfd and USERFAULTFD_IOC_NEW in one. */
  *devUserfaultfd(thread: ThreadCore, flags: number): Op<Result<number>> {
    if (!thread.mm.memory.profile.has('devUserfaultfd')) {
      return fail('ENOENT', 'this kernel version has no /dev/userfaultfd');
    }
    const { devUserfaultfdMode } = thread.system.policy;
    const others = devUserfaultfdMode & 0o6;
    if (thread.credentials.uid !== 0 && others !== 0o6) {
      return fail('EACCES', '/dev/userfaultfd is not readable and writable for everybody');
    }
    return create(thread, unsigned32('flags', flags));
  },
};
