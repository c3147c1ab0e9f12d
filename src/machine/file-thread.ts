/**
 * A thread's system calls on descriptors and on the memory of other processes.
 * Each call is one line over an operation; what it does is in `syscall/`.
 */

import { O_RDONLY } from '../uapi/fcntl.js';
import {
  type FallocateRequest,
  fileCalls,
  type PipeFds,
  type PreadRequest,
  type PwriteRequest,
  type RemoteRequest,
  type RemoteWriteRequest,
  type TransferRequest,
  type TruncateRequest,
} from './file-calls.js';
import { MemoryThread } from './memory-thread.js';
import type { WaitOptions } from './runner.js';

/**
 * The calls of a thread on files, pipes and other processes. What Linux answers with an errno is a
 * {@link KernelError}.
 */
export class FileThread extends MemoryThread {
  /**
   * Makes an empty shmem file.
   *
   * @param flags - MFD_* bits.
   * @returns Its descriptor, read-write.
   * @throws KernelError `EINVAL` (flags; name longer than 249), `EMFILE`.
   * @see memfd_create(2)
   */
  memfdCreateSync(name: string, flags = 0): number {
    return this.runSync('memfd_create', fileCalls.memfdCreate(this, name, flags));
  }

  /**
   * Opens a regular file. The machine has one file system in memory without folders: every path
   * is a name of its own, and begins with a slash.
   *
   * @param flags - O_RDONLY, O_WRONLY or O_RDWR, and O_CREAT, O_EXCL, O_TRUNC, O_TMPFILE.
   * @returns Its descriptor.
   * @throws KernelError `ENOENT` (no such file without O_CREAT; no slash), `ENAMETOOLONG`, `EEXIST`
   *   (O_CREAT with O_EXCL), `EMFILE`.
   * @see open(2)
   */
  openSync(path: string, flags = O_RDONLY): number {
    return this.runSync('open', fileCalls.open(this, path, flags));
  }

  /**
   * Takes the name of a regular file away; who has it open or mapped keeps it.
   *
   * @throws KernelError `ENOENT`.
   * @see unlink(2)
   */
  unlinkSync(path: string): void {
    this.runSync('unlink', fileCalls.unlink(this, path));
  }

  /**
   * Writes the dirty pages of a regular file to its disk. Their shared mappings become clean and
   * read-only, so the next store takes a fault; no userfaultfd hears of it.
   *
   * @throws KernelError `EBADF`, `EINVAL` (a pipe or a userfaultfd).
   * @see fsync(2)
   */
  fsyncSync(fd: number): void {
    this.runSync('fsync', fileCalls.fsync(this, fd));
  }

  /**
   * Opens a file again, read-only, as through /proc/self/fd; shared mappings of that descriptor
   * stay read-only.
   *
   * @returns The new descriptor.
   * @throws KernelError `EBADF`, `EINVAL` (a file without pages), `EMFILE`.
   * @see open(2)
   */
  reopenReadOnlySync(fd: number): number {
    return this.runSync('open', fileCalls.reopenReadOnly(this, fd));
  }

  /**
   * Sets the size of a file; what lies beyond is gone from the file and from every mapping.
   *
   * @throws KernelError `EBADF`, `EINVAL` (a file without pages, or a read-only descriptor),
   *   `EFBIG`.
   * @see ftruncate(2)
   */
  ftruncateSync(request: TruncateRequest): void {
    this.runSync('ftruncate', fileCalls.ftruncate(this, request));
  }

  /**
   * Allocates pages of a file, or punches a hole; a regular file knows ranges to zero, to cut out
   * and to push in too. No event, whatever is registered.
   *
   * @throws KernelError `EBADF`, `EINVAL` (length zero), `EOPNOTSUPP` (mode), `ENODEV` (a file
   *   without pages), `EFBIG`, `ENOMEM`.
   * @see fallocate(2)
   */
  fallocateSync(request: FallocateRequest): void {
    this.runSync('fallocate', fileCalls.fallocate(this, request));
  }

  /**
   * Reads a file: short at the end of the file, zeros in holes.
   *
   * @throws KernelError `EBADF`, `EINVAL` (a negative offset), `ESPIPE` (a file without pages).
   * @see pread(2)
   */
  preadSync(request: PreadRequest): Uint8Array {
    return this.runSync('pread', fileCalls.pread(this, request));
  }

  /**
   * Writes a file, which grows.
   *
   * @returns Bytes written; fewer when memory runs out on the way.
   * @throws KernelError `EBADF` (also a read-only descriptor), `EINVAL` (a negative offset),
   *   `ESPIPE` (a file without pages), `EFBIG`, `ENOSPC` (no memory for the first page).
   * @see pwrite(2)
   */
  pwriteSync(request: PwriteRequest): number {
    return this.runSync('pwrite', fileCalls.pwrite(this, request));
  }

  /** Closes a descriptor. @throws KernelError `EBADF`. @see close(2) */
  closeSync(fd: number): void {
    this.runSync('close', fileCalls.close(this, fd));
  }

  /**
   * Duplicates a descriptor; both share the open file.
   *
   * @throws KernelError `EBADF`, `EMFILE`.
   * @see dup(2)
   */
  dupSync(fd: number): number {
    return this.runSync('dup', fileCalls.dup(this, fd));
  }

  /**
   * Makes a pipe that holds 16 pieces of a page at most.
   *
   * @throws KernelError `EMFILE`.
   * @see pipe(2)
   */
  pipeSync(): PipeFds {
    return this.runSync('pipe', fileCalls.pipe(this));
  }

  /**
   * read(2) from a pipe into user memory: the kernel stores, so faults are kernel-mode faults.
   *
   * @returns Bytes stored; a piece that cannot be stored whole does not count.
   * @throws KernelError `EBADF` (not the read end of a pipe), `EFAULT` (nothing stored), `EAGAIN`
   *   (the pipe is empty: it never waits for a writer).
   * @see read(2)
   */
  sysRead(request: TransferRequest, options?: WaitOptions): Promise<number> {
    return this.run('read', fileCalls.sysRead(this, request), options);
  }

  /** {@link Thread.sysRead} without waiting. */
  sysReadSync(request: TransferRequest): number {
    return this.runSync('read', fileCalls.sysRead(this, request));
  }

  /**
   * write(2) from user memory into a pipe: the kernel loads, so faults are kernel-mode faults.
   *
   * @returns Bytes written; fewer when the pipe is full or a page fails.
   * @throws KernelError `EBADF` (not the write end of a pipe), `EFAULT` (nothing loaded), `EAGAIN`
   *   (the pipe is full: it never waits for a reader).
   * @see write(2)
   */
  sysWrite(request: TransferRequest, options?: WaitOptions): Promise<number> {
    return this.run('write', fileCalls.sysWrite(this, request), options);
  }

  /** {@link Thread.sysWrite} without waiting. */
  sysWriteSync(request: TransferRequest): number {
    return this.runSync('write', fileCalls.sysWrite(this, request));
  }

  /**
   * Reads another process's memory; short when a later page fails.
   *
   * @throws KernelError `ESRCH`, `EFAULT` (the first page fails).
   * @see process_vm_readv(2)
   */
  processVmReadv(request: RemoteRequest, options?: WaitOptions): Promise<Uint8Array> {
    return this.run('process_vm_readv', fileCalls.processVmReadv(this, request), options);
  }

  /** {@link Thread.processVmReadv} without waiting. */
  processVmReadvSync(request: RemoteRequest): Uint8Array {
    return this.runSync('process_vm_readv', fileCalls.processVmReadv(this, request));
  }

  /**
   * Writes another process's memory; short when a later page fails.
   *
   * @returns Bytes written.
   * @throws KernelError `ESRCH`, `EFAULT` (the first page fails).
   * @see process_vm_writev(2)
   */
  processVmWritev(request: RemoteWriteRequest, options?: WaitOptions): Promise<number> {
    return this.run('process_vm_writev', fileCalls.processVmWritev(this, request), options);
  }

  /** {@link Thread.processVmWritev} without waiting. */
  processVmWritevSync(request: RemoteWriteRequest): number {
    return this.runSync('process_vm_writev', fileCalls.processVmWritev(this, request));
  }

  /**
   * Reads through /proc/PID/mem, as a debugger does: ignores access rights and never waits.
   *
   * @throws KernelError `ESRCH`, `EIO` (nothing there, or the page is a userfaultfd's to give).
   * @see proc_pid_mem(5), ptrace(2)
   */
  peekSync(request: RemoteRequest): Uint8Array {
    return this.runSync('read', fileCalls.peek(this, request));
  }

  /**
   * Writes through /proc/PID/mem: a private page that is not writable is copied first.
   *
   * @returns Bytes written.
   * @throws KernelError `ESRCH`, `EIO` (nothing there, a page that is a userfaultfd's to give, or a
   *   shared mapping that is not writable).
   * @see proc_pid_mem(5), ptrace(2)
   */
  pokeSync(request: RemoteWriteRequest): number {
    return this.runSync('write', fileCalls.poke(this, request));
  }
}
