/**
 * A thread: its accesses, and the system calls that it can make.
 * Each call is one line over an operation; what it does is in `syscall/` and `uffd/`.
 */

import { fail } from '../base/errno.js';
import type { MovePagesResult } from '../syscall/move-pages.js';
import { Credentials } from './credentials.js';
import { KernelError } from './errors.js';
import { fileCalls } from './file-calls.js';
import { FileThread } from './file-thread.js';
import {
  type AddressRange,
  type MadviseRequest,
  type MmapRequest,
  type MovePagesRequest,
  type MprotectRequest,
  type MremapRequest,
  type MsyncRequest,
  memoryCalls,
} from './memory-calls.js';
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
export class Thread extends FileThread {
  /**
   * Maps memory: anonymous, or a file, private or shared.
   *
   * Waits for the UNMAP events of what MAP_FIXED replaces, and with MAP_POPULATE for faults.
   *
   * @returns Address of the mapping, page aligned.
   * @throws KernelError `EINVAL` (offset not page aligned; length zero; MAP_FIXED address not page
   *   aligned; no mapping type), `EBADF` (fd), `ENODEV` (a file without pages), `EOVERFLOW`
   *   (offset + length), `ENOMEM` (no room; too many areas; larger than memory), `EPERM` (below
   *   vm.mmap_min_addr; MAP_LOCKED with an RLIMIT_MEMLOCK of 0), `EEXIST` (MAP_FIXED_NOREPLACE),
   *   `EAGAIN` (MAP_LOCKED beyond RLIMIT_MEMLOCK), `EACCES` (shared writable mapping of a
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
   *   private mapping), `EFAULT` (nothing mapped; the old range leaves its area), `EAGAIN` (a
   *   locked mapping beyond RLIMIT_MEMLOCK), `ENOMEM` (no room to grow without MREMAP_MAYMOVE).
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
   *   `EHWPOISON` and `EFAULT` (MADV_POPULATE_* met such a page), `EPERM` (MADV_HWPOISON and
   *   MADV_SOFT_OFFLINE without CAP_SYS_ADMIN), `EBUSY` (they met the zero page or a pinned one).
   * @throws SignalError SIGBUS, from 6.12 on, when MADV_HWPOISON took content of the caller.
   * @throws {@link NotModelledError} for advice that docs/divergences.md lists.
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
   * Tells on which memory node pages are; with `nodes` moves them to others. Protection by
   * userfaultfd and soft-dirty move along.
   *
   * @returns For each page its node or a negated errno: `EFAULT` (nothing mapped; the zero page;
   *   before 6.12 untouched anonymous memory too), `ENOENT` (no page there), `EACCES` (mapped more
   *   than once, without MPOL_MF_MOVE_ALL).
   * @throws KernelError `EINVAL` (flags), `EPERM` (MPOL_MF_MOVE_ALL without CAP_SYS_NICE; another
   *   user's process), `ESRCH`, `ENODEV` (no such node; the pages before it have moved).
   * @since Linux 2.6.18
   * @see move_pages(2)
   */
  movePagesSync(request: MovePagesRequest): MovePagesResult {
    return this.runSync('move_pages', memoryCalls.movePages(this, request));
  }

  /**
   * Locks a range into memory, faulting its pages in.
   *
   * @throws KernelError `EPERM` (RLIMIT_MEMLOCK is 0 and CAP_IPC_LOCK is missing), `ENOMEM` (more
   *   than RLIMIT_MEMLOCK), `EINVAL` (wrap-around), `ENOMEM` (a hole, after the areas before it
   *   were locked; a page that cannot be had), `EAGAIN` (memory is short).
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
   * Writes the dirty pages of shared file mappings to their disk (MS_SYNC). They become clean and
   * read-only, so the next store takes a fault; no userfaultfd hears of it.
   *
   * @throws KernelError `EINVAL` (flags; addr not page aligned), `ENOMEM` (a hole; what lies around
   *   it is written), `EBUSY` (MS_INVALIDATE and a locked area).
   * @see msync(2)
   */
  msyncSync(request: MsyncRequest): void {
    this.runSync('msync', memoryCalls.msync(this, request));
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
    if (uid !== current) this.mm.dumpable = false;
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
