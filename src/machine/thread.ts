/**
 * A thread: its accesses, and the system calls that it can make.
 * Each call is one line over an operation; what it does is in `syscall/` and `uffd/`.
 */

import { fail } from '../base/errno.js';
import { Credentials } from './credentials.js';
import { KernelError } from './errors.js';
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
import {
  type AddressRange,
  type MadviseRequest,
  type MmapRequest,
  type MprotectRequest,
  type MremapRequest,
  memoryCalls,
} from './memory-calls.js';
import { MemoryThread } from './memory-thread.js';
import type { WaitOptions } from './runner.js';
import { Userfaultfd } from './userfaultfd.js';

/**
 * A thread of a process. It does one thing at a time: while it is blocked, every other call on it
 * is a {@link ThreadBusyError}.
 *
 * Every system call has a promise form, which starts at once and ends when the call would return,
 * and a `…Sync` form, which throws {@link PendingError} where the call would have to wait. What
 * Linux answers with an errno is a {@link KernelError}.
 */
export class Thread extends MemoryThread {
  /**
   * Maps memory: anonymous, or a memfd, private or shared.
   *
   * Waits for the UNMAP events of what MAP_FIXED replaces, and with MAP_POPULATE for faults.
   *
   * @returns Address of the mapping, page aligned.
   * @throws KernelError `EINVAL` (offset not page aligned; length zero; MAP_FIXED address not page
   *   aligned; no mapping type), `EBADF` (fd), `ENODEV` (not a memfd), `EOVERFLOW` (offset +
   *   length), `ENOMEM` (no room; too many areas; larger than memory), `EPERM` (below
   *   vm.mmap_min_addr), `EEXIST` (MAP_FIXED_NOREPLACE), `EACCES` (shared writable mapping of a
   *   read-only descriptor), in this order.
   * @see mmap(2)
   */
  mmap(request: MmapRequest, options?: WaitOptions): Promise<number> {
    return this.run('mmap', memoryCalls.mmap(this, request), options);
  }

  /** {@link Thread.mmap} without waiting. */
  mmapSync(request: MmapRequest): number {
    return this.runSync('mmap', memoryCalls.mmap(this, request));
  }

  /**
   * Unmaps a range; holes are fine. Waits until each UNMAP event is read.
   *
   * @throws KernelError `EINVAL` (addr not page aligned; length zero; beyond user space), `ENOMEM`
   *   (a split would exceed the number of areas).
   * @see munmap(2)
   */
  async munmap(range: AddressRange, options?: WaitOptions): Promise<void> {
    await this.run('munmap', memoryCalls.munmap(this, range), options);
  }

  /** {@link Thread.munmap} without waiting. */
  munmapSync(range: AddressRange): void {
    this.runSync('munmap', memoryCalls.munmap(this, range));
  }

  /**
   * Changes access rights. Registrations and write protection survive.
   *
   * @throws KernelError `EINVAL` (addr not page aligned; unknown bits), `ENOMEM` (wrap-around; a
   *   hole, after the areas before it were changed), `EACCES` (write on a shared mapping of a
   *   read-only descriptor).
   * @see mprotect(2)
   */
  async mprotect(request: MprotectRequest, options?: WaitOptions): Promise<void> {
    await this.run('mprotect', memoryCalls.mprotect(this, request), options);
  }

  /** {@link Thread.mprotect} without waiting. */
  mprotectSync(request: MprotectRequest): void {
    this.runSync('mprotect', memoryCalls.mprotect(this, request));
  }

  /**
   * Grows, shrinks or moves a mapping. Waits for UNMAP (target), REMAP and UNMAP (old place).
   *
   * @returns The new address.
   * @throws KernelError `EINVAL` (flags; alignment; new size zero; overlap; old size zero on a
   *   private mapping), `EFAULT` (nothing mapped; the old range leaves its area), `ENOMEM` (no
   *   room to grow without MREMAP_MAYMOVE).
   * @see mremap(2)
   */
  mremap(request: MremapRequest, options?: WaitOptions): Promise<number> {
    return this.run('mremap', memoryCalls.mremap(this, request), options);
  }

  /** {@link Thread.mremap} without waiting. */
  mremapSync(request: MremapRequest): number {
    return this.runSync('mremap', memoryCalls.mremap(this, request));
  }

  /**
   * Gives advice about a range. Advice that drops pages waits until its REMOVE events are read.
   *
   * @throws KernelError `EINVAL` (advice unknown or not for this mapping; alignment), `ENOMEM`
   *   (a hole, after the mapped parts were done), `EACCES` (MADV_REMOVE on a private mapping),
   *   `EHWPOISON` and `EFAULT` (MADV_POPULATE_* met such a page).
   * @throws {@link NotModelledError} for advice that needs swap, huge pages or guards.
   * @see madvise(2)
   */
  async madvise(request: MadviseRequest, options?: WaitOptions): Promise<void> {
    await this.run('madvise', memoryCalls.madvise(this, request), options);
  }

  /** {@link Thread.madvise} without waiting. */
  madviseSync(request: MadviseRequest): void {
    this.runSync('madvise', memoryCalls.madvise(this, request));
  }

  /**
   * Tells which pages are in memory: one byte for each page, 1 for a resident one.
   *
   * @throws KernelError `EINVAL` (addr not page aligned), `ENOMEM` (a hole).
   * @see mincore(2)
   */
  mincoreSync(range: AddressRange): Uint8Array {
    return this.runSync('mincore', memoryCalls.mincore(this, range));
  }

  /**
   * Locks a range into memory, faulting its pages in.
   *
   * @throws KernelError `EINVAL` (wrap-around), `ENOMEM` (a hole, after the areas before it were
   *   locked; a page that cannot be had), `EAGAIN` (memory is short).
   * @see mlock(2)
   */
  async mlock(range: AddressRange, options?: WaitOptions): Promise<void> {
    await this.run('mlock', memoryCalls.mlock(this, range), options);
  }

  /** {@link Thread.mlock} without waiting. */
  mlockSync(range: AddressRange): void {
    this.runSync('mlock', memoryCalls.mlock(this, range));
  }

  /**
   * Takes a lock of {@link Thread.mlock} back.
   *
   * @throws KernelError `EINVAL` (wrap-around), `ENOMEM` (a hole).
   * @see munlock(2)
   */
  munlockSync(range: AddressRange): void {
    this.runSync('munlock', memoryCalls.munlock(this, range));
  }

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

  /**
   * Forks the process. Waits until the FORK event of each context that asked for one is read.
   *
   * @param name - Name of the child, for diagnosis.
   * @returns Process id of the child; `machine.process(pid)` is the process.
   * @throws KernelError `ENOMEM` (no memory for the child's page tables).
   * @see fork(2)
   */
  fork(name = 'child', options?: WaitOptions): Promise<number> {
    return this.run('fork', fileCalls.fork(this, name), options);
  }

  /** {@link Thread.fork} without waiting. */
  forkSync(name = 'child'): number {
    return this.runSync('fork', fileCalls.fork(this, name));
  }

  /** Changes the user of this thread alone; capabilities go with root. @see setresuid(2) */
  setresuidSync(uid: number): void {
    this.assertIdle();
    const { uid: current } = this.credentials;
    if (current !== 0 && uid !== current) {
      throw new KernelError('setresuid', fail('EPERM', `uid ${current} may not become ${uid}`));
    }
    this.credentials = new Credentials(uid);
  }

  /**
   * Makes a userfaultfd for the memory of this process.
   *
   * @param flags - O_CLOEXEC, O_NONBLOCK, UFFD_USER_MODE_ONLY.
   * @throws KernelError `EPERM` (without UFFD_USER_MODE_ONLY, CAP_SYS_PTRACE or the sysctl),
   *   `EINVAL` (unknown flags), `EMFILE`, in this order.
   * @since Linux 4.3
   * @see userfaultfd(2)
   */
  userfaultfdSync(flags = 0): Userfaultfd {
    const fd = this.runSync('userfaultfd', fileCalls.userfaultfd(this, flags));
    return new Userfaultfd(this, fd);
  }

  /**
   * Makes a userfaultfd through /dev/userfaultfd: only the mode of the device counts.
   *
   * @throws KernelError `ENOENT` (before 6.1), `EACCES` (mode), `EINVAL` (unknown flags), `EMFILE`.
   * @since Linux 6.1
   */
  openDevUserfaultfdSync(flags = 0): Userfaultfd {
    const fd = this.runSync('/dev/userfaultfd', fileCalls.devUserfaultfd(this, flags));
    return new Userfaultfd(this, fd);
  }

  /** A handle for a userfaultfd that is open in this process, such as one inherited by fork. */
  userfaultfdOf(fd: number): Userfaultfd {
    return new Userfaultfd(this, fd);
  }
}
