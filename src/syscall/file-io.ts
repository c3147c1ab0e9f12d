/**
 * pread(2) and pwrite(2) of shmem files, and read(2) and write(2) between files and user memory.
 * Copies into and out of user memory raise faults like any kernel access: they may wait.
 */

import { type Failure, fail, failed, type Result } from '../base/errno.js';
import type { Op } from '../base/op.js';
import { PAGE_SIZE, pageOffset } from '../base/page.js';
import { copyFromUser, copyToUser, kernelMode } from '../fault/user-copy.js';
import { HugetlbFile } from '../file/hugetlb.js';
import type { Inode } from '../file/inode.js';
import type { MappedFile } from '../file/mapped-file.js';
import { PipeBuffer, PipeEnd } from '../file/pipe.js';
import type { Caller } from '../mm/caller.js';
import { FRAME_DIRTY, NO_FRAME } from '../phys/frames.js';
import { O_RDONLY, O_WRONLY } from '../uapi/fcntl.js';
import { mappedFile } from './truncate.js';

/** Most bytes that one read or write moves. */
const RW_COUNT_MAX = 0x7fff_f000;

/** pread(2) of a memfd: short at the end of the file, zeros in holes. */
export function pread(
  caller: Caller,
  args: { fd: number; count: number; offset: number },
): Result<Uint8Array> {
  const file = seekable(caller, args.fd, args.offset);
  if (failed(file)) return file;
  const { inode } = file;
  const count = Math.max(0, Math.min(args.count, RW_COUNT_MAX, inode.sizeBytes - args.offset));
  const bytes = new Uint8Array(count);
  file.readForCall(
    Math.floor(args.offset / PAGE_SIZE),
    Math.ceil((args.offset + count) / PAGE_SIZE),
  );
  const usable = usableBytes(inode, args.offset, count);
  if (usable === 0 && count > 0) return lost();
  eachPage(args.offset, usable, (index, from, done, lenBytes) => {
    const pfn = inode.readable(index);
    if (pfn === NO_FRAME) return;
    bytes.set(inode.frames.pageBytes(pfn).subarray(from, from + lenBytes), done);
  });
  return bytes.subarray(0, usable);
}

const lost = (): Failure => fail('EIO', 'the page of the file is lost');

/** How many bytes lie in front of the first page that was lost, by memory or by swap. */
function usableBytes(inode: Inode, offset: number, count: number): number {
  let usable = count;
  eachPage(offset, count, (index, _from, done) => {
    if (inode.isBroken(index) || inode.isUnreadable(index)) usable = Math.min(usable, done);
  });
  return usable;
}

/** Largest offset in a file; the page below 2^63 is not told apart from its end. */
const OFFSET_MAX = 2 ** 63 - PAGE_SIZE;

/** A file that can be read and written at an offset. */
function seekable(caller: Caller, fd: number, offset: number): Result<MappedFile> {
  return offset >= 2 ** 63
    ? fail('EINVAL', 'offset is negative')
    : mappedFile(caller, fd, 'ESPIPE');
}

/** pwrite(2) of a memfd: extends the file. */
export function pwrite(
  caller: Caller,
  args: { fd: number; bytes: Uint8Array; offset: number },
): Result<number> {
  const file = seekable(caller, args.fd, args.offset);
  if (failed(file)) return file;
  if (args.offset + args.bytes.length > OFFSET_MAX) return fail('EINVAL', 'the end is negative');
  if (!file.writable) return fail('EBADF', 'the descriptor is read-only');
  if (file instanceof HugetlbFile) return fail('EINVAL', 'a hugetlb file cannot be written');
  const { bytesMax } = file.inode;
  if (args.bytes.length > 0 && args.offset >= bytesMax) {
    return fail('EFBIG', 'the file would be too large');
  }
  if (args.bytes.length > 0) file.inode.growsTo(args.offset);
  let written = 0;
  const wanted = Math.min(args.bytes.length, bytesMax - args.offset);
  const count = usableBytes(file.inode, args.offset, wanted);
  if (count === 0 && wanted > 0) return lost();
  eachPage(args.offset, count, (index, from, done, lenBytes) => {
    if (
      written === done &&
      writePage(file.inode, index, from, args.bytes.subarray(done, done + lenBytes))
    ) {
      written += lenBytes;
      caller.mm.memory.onPage?.({ kind: 'file write', inode: file.inode, index });
    }
  });
  file.inode.sizeBytes = Math.max(file.inode.sizeBytes, args.offset + written);
  return written > 0 || args.bytes.length === 0
    ? written
    : fail('ENOSPC', 'no memory for the pages of the file');
}

function writePage(inode: Inode, index: number, from: number, bytes: Uint8Array): boolean {
  const cached = inode.settled(index);
  if (cached === NO_FRAME && inode.holds(index)) return false;
  const pfn = cached === NO_FRAME ? inode.addZeroed(index) : cached;
  if (pfn === NO_FRAME) return false;
  inode.frames.setFlag(pfn, FRAME_DIRTY);
  inode.frames.write(pfn, bytes, from);
  return true;
}

function eachPage(
  offset: number,
  count: number,
  visit: (index: number, from: number, done: number, lenBytes: number) => void,
): void {
  for (let done = 0; done < count; ) {
    const at = offset + done;
    const lenBytes = Math.min(PAGE_SIZE - pageOffset(at), count - done);
    visit(Math.floor(at / PAGE_SIZE), pageOffset(at), done, lenBytes);
    done += lenBytes;
  }
}

/** pipe(2): both ends, the reader's first. */
export function pipe(caller: Caller): Result<{ readFd: number; writeFd: number }> {
  const buffer = new PipeBuffer();
  const readFd = caller.fds.install(new PipeEnd(buffer, 'read', O_RDONLY));
  if (failed(readFd)) return readFd;
  const writeFd = caller.fds.install(new PipeEnd(buffer, 'write', O_WRONLY));
  if (!failed(writeFd)) return { readFd, writeFd };
  caller.fds.close(readFd);
  return writeFd;
}

function pipeEnd(caller: Caller, fd: number, end: PipeEnd['end']): Result<PipeEnd> {
  const file = caller.fds.lookup(fd);
  if (failed(file)) return file;
  if (file instanceof PipeEnd && file.end === end) return file;
  return fail('EBADF', `descriptor ${fd} is not the ${end} end of a pipe`);
}

/** Arguments of read(2) and write(2) on a pipe: a buffer in user memory. */
export interface TransferArgs {
  readonly fd: number;
  readonly addr: number;
  readonly count: number;
}

/** read(2) of a pipe into user memory. A piece that cannot be stored whole does not count. */
export function* readPipe(caller: Caller, args: TransferArgs): Op<Result<number>> {
  const end = pipeEnd(caller, args.fd, 'read');
  if (failed(end)) return end;
  let done = 0;
  while (done < args.count) {
    const piece = end.buffer.peek(args.count - done);
    if (piece === undefined) break;
    const outcome = yield* copyToUser(caller.mm, kernelMode(caller), args.addr + done, piece);
    if (outcome.error !== undefined) return done > 0 ? done : unreachable('buffer');
    end.buffer.consume(piece.length);
    done += piece.length;
  }
  return done > 0 || args.count === 0 ? done : fail('EAGAIN', 'the pipe is empty');
}

/** write(2) from user memory into a pipe, in pieces of a page. */
export function* writePipe(caller: Caller, args: TransferArgs): Op<Result<number>> {
  const end = pipeEnd(caller, args.fd, 'write');
  if (failed(end)) return end;
  let done = 0;
  while (done < args.count && end.buffer.room > 0) {
    const piece = new Uint8Array(Math.min(PAGE_SIZE, args.count - done));
    const outcome = yield* copyFromUser(caller.mm, kernelMode(caller), args.addr + done, piece);
    if (outcome.error !== undefined) return done > 0 ? done : unreachable('buffer');
    end.buffer.push(piece);
    done += piece.length;
  }
  return done > 0 || args.count === 0 ? done : fail('EAGAIN', 'the pipe is full');
}

const unreachable = (what: string): Failure => fail('EFAULT', `the ${what} cannot be accessed`);
