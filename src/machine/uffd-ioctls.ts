/**
 * The ioctls of a userfaultfd as methods of its handle, typed and raw.
 * One line each over the operations of `uffd-calls.ts`. Answers to: ioctl_userfaultfd(2).
 */

import type { U64 } from '../base/args.js';
import { type Failure, failed } from '../base/errno.js';
import type { Op } from '../base/op.js';
import type { Signal } from '../fault/outcome.js';
import type { ApiOutcome } from '../uffd/commands.js';
import type { FillOutcome } from '../uffd/fill.js';
import type { ApiAnswer } from '../uffd/handshake.js';
import type { Era } from './era.js';
import { KernelError } from './errors.js';
import { atOnce, beginFor, inTime, postFor, unwrap, type WaitOptions } from './runner.js';
import type { ThreadCore } from './thread-core.js';
import { traced } from './traced.js';
import {
  type ApiRequest,
  type CopyRequest,
  type FillRange,
  type MoveRequest,
  type SetModeRequest,
  type UffdRange,
  type UffdRangeMode,
  uffdCalls,
  uffdFile,
} from './uffd-calls.js';

/** What the handshake answers. */
export interface ApiResult {
  /** `UFFD_API`. */
  readonly api: bigint;
  /** Every feature that the kernel supports, not the enabled ones. */
  readonly features: bigint;
  /** Mask of the ioctls of the userfaultfd itself. */
  readonly ioctls: bigint;
}

/** What a registration answers. */
export interface RegisterResult {
  /** Mask of the ioctls that work on the range, one bit for each `_UFFDIO_*` number. */
  readonly ioctls: bigint;
}

/**
 * The ioctls. Each has a promise form and a `…Sync` form; they run at once and wait only where
 * UFFDIO_COPY reads a source address that is itself missing. Errors are {@link KernelError} with
 * the errno in the kernel's order of checks; for those with a result field `error.progress` is
 * that field: bytes done before the error, a negated errno, or `undefined` when it was untouched.
 *
 * Common to all but `api`: `EINVAL` before the handshake; `EBADF` after close. Common to fills
 * (`copy`, `zeropage`, `continue`, `poison`, `move`) and `writeprotect`: `EAGAIN` while an event
 * of this userfaultfd is unread; `ESRCH` when the owner's memory is gone. Fills that stop part-way
 * are `EAGAIN` with a positive `progress`; call again with the rest to learn the reason.
 */
export class UffdIoctls {
  /** Number of the descriptor in the process that holds the handle. */
  readonly fd: number;
  /** @internal */
  readonly era: Era;
  readonly #thread: ThreadCore;

  /** @internal */
  constructor(thread: ThreadCore, fd: number) {
    this.#thread = thread;
    this.fd = fd;
    this.era = thread.system.eras.current;
  }

  /** @internal Name for diagnosis. */
  get name(): string {
    return `the handle of userfaultfd ${this.fd}`;
  }

  /** @internal Whether it exists in the state that the machine is in. */
  get exists(): boolean {
    return this.#thread.system.isCurrent(this);
  }

  /** @internal Who calls. */
  get thread(): ThreadCore {
    this.#thread.system.assertCurrent(this);
    return this.#thread;
  }

  /**
   * Does the handshake: settles the features and makes the userfaultfd usable.
   *
   * @returns What the kernel supports; the enabled features are those that were asked for.
   * @throws KernelError `EINVAL` (api is not UFFD_API), `EPERM` (EVENT_FORK without
   *   CAP_SYS_PTRACE), `EINVAL` (an unknown feature; done before).
   * @since Linux 4.3
   * @see ioctl_userfaultfd(2), UFFDIO_API
   */
  async api(request: ApiRequest = {}): Promise<ApiResult> {
    return answered(await this.run('UFFDIO_API', uffdCalls.api(this, request)));
  }

  /** {@link UffdIoctls.api} at once. */
  apiSync(request: ApiRequest = {}): ApiResult {
    return answered(this.runSync('UFFDIO_API', uffdCalls.api(this, request)));
  }

  /**
   * Registers a range: faults of the chosen modes come here from now on. Page tables stay.
   *
   * @param request - `mode` is a set of UFFDIO_REGISTER_MODE_*; the range may have holes.
   * @throws KernelError `EINVAL` (mode; range; nothing mapped; memory that cannot have the mode),
   *   `ENOMEM` (owner gone), `EPERM` (shared mapping of a read-only descriptor), `EBUSY` (another
   *   userfaultfd; from 7.3 also when WP would be lost).
   * @since Linux 4.3
   * @see ioctl_userfaultfd(2), UFFDIO_REGISTER
   */
  async register(request: UffdRangeMode): Promise<RegisterResult> {
    return { ioctls: await this.run('UFFDIO_REGISTER', uffdCalls.register(this, request)) };
  }

  /** {@link UffdIoctls.register} at once. */
  registerSync(request: UffdRangeMode): RegisterResult {
    return { ioctls: this.runSync('UFFDIO_REGISTER', uffdCalls.register(this, request)) };
  }

  /**
   * Takes the registration off a range and its write protection with it. Wakes who waits there,
   * but only where missing pages were caught.
   *
   * @throws KernelError `EINVAL` (range; nothing mapped; another userfaultfd's, from 6.17),
   *   `ENOMEM` (owner gone).
   * @since Linux 4.3
   * @see ioctl_userfaultfd(2), UFFDIO_UNREGISTER
   */
  async unregister(range: UffdRange): Promise<void> {
    await this.run('UFFDIO_UNREGISTER', uffdCalls.unregister(this, range));
  }

  /** {@link UffdIoctls.unregister} at once. */
  unregisterSync(range: UffdRange): void {
    this.runSync('UFFDIO_UNREGISTER', uffdCalls.unregister(this, range));
  }

  /**
   * Wakes threads that wait in a range; they look again at their page.
   *
   * @throws KernelError `EINVAL` (range). The range may be unmapped or unregistered.
   * @since Linux 4.3
   * @see ioctl_userfaultfd(2), UFFDIO_WAKE
   */
  async wake(range: UffdRange): Promise<void> {
    await this.run('UFFDIO_WAKE', uffdCalls.wake(this, range));
  }

  /** {@link UffdIoctls.wake} at once. */
  wakeSync(range: UffdRange): void {
    this.runSync('UFFDIO_WAKE', uffdCalls.wake(this, range));
  }

  /**
   * Copies bytes into missing pages of one registered area and wakes who waits there.
   * Replaces markers; never a page. Waits only if `src` is an address that is itself missing.
   *
   * @returns Bytes copied: all of them.
   * @throws KernelError `EINVAL` (src, dst, len, mode; MODE_WP without a WP registration),
   *   `ENOENT` (dst unmapped, unregistered, or leaving its area), `EEXIST` (a page is there, or in
   *   the page cache of a shared mapping), `EFAULT` (source; beyond the file), `ENOMEM`.
   * @since Linux 4.3
   * @see ioctl_userfaultfd(2), UFFDIO_COPY
   */
  copy(request: CopyRequest, options?: WaitOptions): Promise<number> {
    return this.#fill('UFFDIO_COPY', uffdCalls.copy(this, request), options);
  }

  /** {@link UffdIoctls.copy} without waiting. */
  copySync(request: CopyRequest): number {
    return this.#fillSync('UFFDIO_COPY', uffdCalls.copy(this, request));
  }

  /**
   * Fills missing pages with zeros: the shared zero page in private memory, new pages in shmem.
   *
   * @returns Bytes done: all of them.
   * @throws KernelError `EINVAL` (range; mode), `ENOENT` (start unmapped, unregistered, or leaving
   *   its area), `EFAULT` (beyond the file), `EEXIST` (a page is there, or in the page cache of a
   *   shared mapping; in private memory a marker too), `ENOMEM`.
   * @since Linux 4.3
   * @see ioctl_userfaultfd(2), UFFDIO_ZEROPAGE
   */
  zeropage(request: FillRange): Promise<number> {
    return this.#fill('UFFDIO_ZEROPAGE', uffdCalls.zeropage(this, request));
  }

  /** {@link UffdIoctls.zeropage} at once. */
  zeropageSync(request: FillRange): number {
    return this.#fillSync('UFFDIO_ZEROPAGE', uffdCalls.zeropage(this, request));
  }

  /**
   * Maps pages that the page cache has: how a MINOR fault is resolved.
   *
   * @returns Bytes mapped: all of them.
   * @throws KernelError `EINVAL` (before 5.13; range; mode), `ENOENT` (unmapped, unregistered,
   *   or leaving its area), `EINVAL` (MODE_WP without a WP registration; anonymous memory; beyond
   *   the file, from 7.1 `EFAULT`), `EFAULT` (not in the page cache), `EIO` (its content is lost),
   *   `ENOMEM`, `EEXIST` (a page is mapped).
   * @since Linux 5.13
   * @see ioctl_userfaultfd(2), UFFDIO_CONTINUE
   */
  continue(request: FillRange): Promise<number> {
    return this.#fill('UFFDIO_CONTINUE', uffdCalls.continue(this, request));
  }

  /** {@link UffdIoctls.continue} at once. */
  continueSync(request: FillRange): number {
    return this.#fillSync('UFFDIO_CONTINUE', uffdCalls.continue(this, request));
  }

  /**
   * Declares missing pages lost: every access gets SIGBUS, in children too.
   *
   * @returns Bytes done: all of them.
   * @throws KernelError `EINVAL` (before 6.6; range; mode), `ENOENT` (start unmapped, unregistered,
   *   or leaving its area), `EFAULT` (beyond the file), `EEXIST` (a page or a marker is there).
   * @since Linux 6.6
   * @see ioctl_userfaultfd(2), UFFDIO_POISON
   */
  poison(request: FillRange): Promise<number> {
    return this.#fill('UFFDIO_POISON', uffdCalls.poison(this, request));
  }

  /** {@link UffdIoctls.poison} at once. */
  poisonSync(request: FillRange): number {
    return this.#fillSync('UFFDIO_POISON', uffdCalls.poison(this, request));
  }

  /**
   * Moves anonymous pages to missing ones without copying. Only in the owner's own process.
   *
   * @returns Bytes moved: all of them.
   * @throws KernelError `EINVAL` (before 6.8; another process than the owner; dst, src, mode),
   *   `ENOENT` (dst or src unmapped), `EINVAL` (areas that are shared, too short, not writable, not
   *   alike, or not registered here), `EEXIST` (anything is at dst), `ENOENT` (src is empty, unless
   *   ALLOW_SRC_HOLES), `EBUSY` (a page that another process shares), `EFAULT` (a marker at src).
   * @since Linux 6.8
   * @see ioctl_userfaultfd(2), UFFDIO_MOVE
   */
  move(request: MoveRequest): Promise<number> {
    return this.#fill('UFFDIO_MOVE', uffdCalls.move(this, request));
  }

  /** {@link UffdIoctls.move} at once. */
  moveSync(request: MoveRequest): number {
    return this.#fillSync('UFFDIO_MOVE', uffdCalls.move(this, request));
  }

  /**
   * Write-protects pages (MODE_WP), or takes protection off and wakes who waits (mode 0).
   * Empty anonymous pages are protected only with WP_UNPOPULATED or WP_ASYNC.
   *
   * @throws KernelError `EINVAL` (range; mode), `ENOENT` (nothing mapped, or a part without a WP
   *   registration; areas before it stay changed).
   * @since Linux 5.7
   * @see ioctl_userfaultfd(2), UFFDIO_WRITEPROTECT
   */
  async writeprotect(request: UffdRangeMode): Promise<void> {
    await this.run('UFFDIO_WRITEPROTECT', uffdCalls.writeprotect(this, request));
  }

  /** {@link UffdIoctls.writeprotect} at once. */
  writeprotectSync(request: UffdRangeMode): void {
    this.runSync('UFFDIO_WRITEPROTECT', uffdCalls.writeprotect(this, request));
  }

  /**
   * Hides present pages from every access (MODE_RWP), or shows them again and wakes who waits
   * (mode 0). Empty pages are not armed.
   *
   * @throws KernelError `EINVAL` (before 7.3; range; mode), `ENOENT` (nothing mapped, or a part
   *   without an RWP registration; then nothing was changed).
   * @since Linux 7.3
   */
  async rwprotect(request: UffdRangeMode): Promise<void> {
    await this.run('UFFDIO_RWPROTECT', uffdCalls.rwprotect(this, request));
  }

  /** {@link UffdIoctls.rwprotect} at once. */
  rwprotectSync(request: UffdRangeMode): void {
    this.runSync('UFFDIO_RWPROTECT', uffdCalls.rwprotect(this, request));
  }

  /**
   * Switches features of a running userfaultfd: RWP_ASYNC alone. Switching it on wakes everybody
   * who waits.
   *
   * @throws KernelError `EINVAL` (before 7.3; overlap; another feature; no UFFD_FEATURE_RWP).
   * @since Linux 7.3
   */
  async setMode(request: SetModeRequest): Promise<void> {
    await this.run('UFFDIO_SET_MODE', uffdCalls.setMode(this, request));
  }

  /** {@link UffdIoctls.setMode} at once. */
  setModeSync(request: SetModeRequest): void {
    this.runSync('UFFDIO_SET_MODE', uffdCalls.setMode(this, request));
  }

  /**
   * ioctl(2) with a request number and a C struct: the raw path, byte for byte.
   *
   * @param request - UFFDIO_* number.
   * @param arg - The struct, which is read and filled in place, or its address in user memory.
   * @returns 0. A result field is in the struct, also after an error.
   * @throws KernelError `EINVAL` (unknown request), `EFAULT` (truncated or unreachable struct),
   *   and those of the call.
   * @since Linux 4.3
   * @see ioctl_userfaultfd(2)
   */
  async ioctl(request: number, arg: Uint8Array | U64, options?: WaitOptions): Promise<number> {
    return this.run('ioctl', uffdCalls.ioctl(this, request, arg), options);
  }

  /** {@link UffdIoctls.ioctl} without waiting. */
  ioctlSync(request: number, arg: Uint8Array | U64): number {
    return this.runSync('ioctl', uffdCalls.ioctl(this, request, arg));
  }

  /** @internal */
  protected async run<T>(
    what: string,
    op: Op<T | Failure | Signal>,
    options: WaitOptions = {},
  ): Promise<T> {
    options.signal?.throwIfAborted();
    const { scheduler } = this.thread.system;
    return unwrap(
      what,
      await inTime(scheduler, postFor(this.thread, what, this.#traced(what, op)), options),
    );
  }

  /** @internal */
  protected runSync<T>(what: string, op: Op<T | Failure | Signal>): T {
    const { scheduler } = this.thread.system;
    return unwrap(what, atOnce(scheduler, what, beginFor(this.thread, this.#traced(what, op))));
  }

  #traced<T>(what: string, op: Op<T>): Op<T> {
    const { name, system } = this.thread;
    const file = uffdFile(this);
    const userfaultfd = failed(file) ? undefined : file.context.name;
    return traced(system.memory, { who: name, fd: this.fd, userfaultfd, what }, op);
  }

  async #fill(what: string, op: Op<FillOutcome>, options?: WaitOptions): Promise<number> {
    return filled(what, await this.run(what, op, options));
  }

  #fillSync(what: string, op: Op<FillOutcome>): number {
    return filled(what, this.runSync(what, op));
  }
}

/** What a handshake answered; the zeros of a refused one are not shown. */
function answered({ failure, answer }: ApiOutcome): ApiAnswer {
  if (failure !== undefined) throw new KernelError('UFFDIO_API', failure);
  return answer;
}

/** Bytes done; a failure carries the result field along. */
function filled(what: string, { failure, progress }: FillOutcome): number {
  if (failure !== undefined) throw new KernelError(what, failure, progress);
  return progress ?? 0;
}
