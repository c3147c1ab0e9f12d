/**
 * A thread's system calls on descriptors and on the memory of other processes.
 * Each call is one line over an operation; what it does is in `syscall/`.
 */

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
 * The calls of a thread on memfds, pipes and other processes. What Linux answers with an errno is a
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
   * Opens a memfd again, read-only, as through /proc/self/fd; shared mappings of that descriptor
   * stay read-only.
   *
   * @returns The new descriptor.
   * @throws KernelError `EBADF`, `EINVAL` (not a memfd), `EMFILE`.
   * @see open(2)
   */
  reopenReadOnlySync(fd: number): number {
    return this.runSync('open', fileCalls.reopenReadOnly(this, fd));
  }

  /**
   * Sets the size of a memfd; what lies beyond is gone from the file and from every mapping.
   *
   * @throws KernelError `EBADF`, `EINVAL` (not a memfd, or a read-only descriptor).
   * @see ftruncate(2)
   */
  ftruncateSync(request: TruncateRequest): void {
    this.runSync('ftruncate', fileCalls.ftruncate(this, request));
  }

  /**
   * Allocates pages of a memfd, or punches a hole. No event, whatever is registered.
   *
   * @throws KernelError `EBADF`, `EINVAL` (length zero), `EOPNOTSUPP` (mode), `ENODEV` (not a
   *   memfd), `EFBIG`, `ENOMEM`.
   * @see fallocate(2)
   */
  fallocateSync(request: FallocateRequest): void {
    this.runSync('fallocate', fileCalls.fallocate(this, request));
  }

  /**
   * Reads a memfd: short at the end of the file, zeros in holes.
   *
   * @throws KernelError `EBADF`, `EINVAL` (not a memfd).
   * @see pread(2)
   */
  preadSync(request: PreadRequest): Uint8Array {
    return this.runSync('pread', fileCalls.pread(this, request));
  }

  /**
   * Writes a memfd, which grows.
   *
   * @returns Bytes written; fewer when memory runs out on the way.
   * @throws KernelError `EBADF` (also a read-only descriptor), `EINVAL` (not a memfd), `ENOSPC` (no
   *   memory for the first page).
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
