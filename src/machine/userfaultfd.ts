/**
 * What a user holds of a userfaultfd: the ioctls, read, poll, and the friendlier ways on top.
 * One queue behind all of them: `read`, `for await` and `on` are readers of the same messages.
 */

import { EventEmitter } from 'eventemitter3';
import type { U64 } from '../base/args.js';
import { type Failure, failed } from '../base/errno.js';
import type { Op } from '../base/op.js';
import type { Runnable } from '../sched/task.js';
import { O_NONBLOCK } from '../uapi/fcntl.js';
import type { UffdMsg, UffdRemapMsg, UffdRemoveMsg, UffdUnmapMsg } from '../uapi/msg.js';
import { type Fdinfo, fdinfo } from '../uffd/fdinfo.js';
import type { UffdFile } from '../uffd/file.js';
import { notReady, poll } from '../uffd/read.js';
import type { Era } from './era.js';
import { KernelError } from './errors.js';
import { PageFault } from './page-fault.js';
import { postFor, unwrap, type WaitOptions } from './runner.js';
import { PageServer, type PageSource } from './serve.js';
import { type UffdRange, uffdCalls, uffdFile } from './uffd-calls.js';
import { UffdIoctls } from './uffd-ioctls.js';

/** A child was forked. */
export interface ForkMessage {
  /** Tells this message from the others. */
  readonly event: 'fork';
  /** Descriptor of the child's userfaultfd, in the process that read the message. */
  readonly ufd: number;
  /** The same as a handle. */
  readonly uffd: Userfaultfd;
}

/** A message read from a userfaultfd; `event` tells which. */
export type UffdMessage = PageFault | ForkMessage | UffdRemapMsg | UffdRemoveMsg | UffdUnmapMsg;

/** Listeners of {@link Userfaultfd.on} by event. */
export interface UffdEvents {
  /** A thread waits for a page. */
  pagefault: [message: PageFault];
  /** A child was forked. */
  fork: [message: ForkMessage];
  /** mremap moved a range. */
  remap: [message: UffdRemapMsg];
  /** madvise is about to drop pages. */
  remove: [message: UffdRemoveMsg];
  /** A range was unmapped. */
  unmap: [message: UffdUnmapMsg];
}

/**
 * A handle of a userfaultfd: one descriptor in one process.
 *
 * @example
 * ```ts
 * import { Machine, MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ } from 'uffd-emulator';
 * import { UFFDIO_REGISTER_MODE_MISSING } from 'uffd-emulator';
 *
 * const { main } = new Machine().spawn();
 * const flags = MAP_PRIVATE | MAP_ANONYMOUS;
 * const addr = main.mmapSync({ length: 4096, prot: PROT_READ, flags });
 * const uffd = main.userfaultfdSync();
 * uffd.apiSync();
 * uffd.registerSync({ start: addr, len: 4096, mode: UFFDIO_REGISTER_MODE_MISSING });
 * uffd.on('pagefault', (fault) => fault.copySync(new Uint8Array(4096).fill(7)));
 * console.log(main.load8Sync(addr)); // 7
 * ```
 *
 * @since Linux 4.3
 * @see userfaultfd(2), ioctl_userfaultfd(2)
 */
export class Userfaultfd extends UffdIoctls implements AsyncIterable<UffdMessage>, Disposable {
  readonly #emitter = new EventEmitter<UffdEvents>();
  #pump: Runnable | undefined;
  #closedIn: Era | undefined;

  /**
   * read(2): takes as many 32-byte messages as fit.
   *
   * Faults come before events, each first in, first out. A fault's thread stays asleep; an event's
   * operation goes on. With O_NONBLOCK and nothing there: `EAGAIN`; without it the call waits for
   * the first message.
   *
   * @param buffer - At least 32 bytes.
   * @returns Bytes read, a multiple of 32.
   * @throws KernelError `EINVAL` (no handshake; buffer too small), `EAGAIN`, `EMFILE` (a FORK
   *   message needs a descriptor; it stays queued), `EBADF`.
   * @since Linux 4.3
   * @see userfaultfd(2), read(2)
   */
  read(buffer: Uint8Array, options?: WaitOptions): Promise<number> {
    return this.run('read', uffdCalls.read(this, buffer), options);
  }

  /** {@link Userfaultfd.read} without waiting. */
  readSync(buffer: Uint8Array): number {
    return this.runSync('read', uffdCalls.read(this, buffer));
  }

  /**
   * read(2) into user memory.
   *
   * @param into - `addr` of the buffer and its length `count`, in bytes.
   * @returns Bytes read, a multiple of 32.
   * @throws KernelError as {@link Userfaultfd.read}; `EFAULT` (the buffer; the message is lost: an
   *   event is complete, a fault needs a wake).
   * @since Linux 4.3
   */
  readToUser(into: { addr: U64; count: U64 }, options?: WaitOptions): Promise<number> {
    return this.run('read', uffdCalls.read(this, into), options);
  }

  /**
   * Takes one message, waiting for it whatever O_NONBLOCK says.
   *
   * @throws KernelError `EINVAL` (no handshake), `EMFILE` (as {@link Userfaultfd.read}), `EBADF`.
   */
  async readMsg(options?: WaitOptions): Promise<UffdMessage> {
    return this.#messageOf(await this.run('read', uffdCalls.nextMessage(this), options));
  }

  /** Takes one message if there is one; errors as {@link Userfaultfd.readMsg}. */
  readMsgSync(): UffdMessage | undefined {
    const msg = this.runSync('read', uffdCalls.takeMessage(this));
    return msg === undefined ? undefined : this.#messageOf(msg);
  }

  /** Messages as they come; leaving the loop stops reading. Ends with `EBADF` after close. */
  async *[Symbol.asyncIterator](): AsyncIterator<UffdMessage> {
    for (;;) yield await this.readMsg();
  }

  /**
   * Calls `listener` for each message of a kind. A listener is a reader: it runs as soon as the
   * thread behind the message sleeps, and consumes messages as `read` does, of every kind; a
   * message nobody listens to is an error where the machine was made to run.
   *
   * A listener may resolve the fault at once with the `…Sync` calls; then even `…Sync` accesses
   * go through.
   */
  on<E extends keyof UffdEvents>(event: E, listener: (...args: UffdEvents[E]) => void): this {
    const unready = notReady(this.#file('read').context);
    if (unready !== undefined) throw new KernelError('read', unready);
    this.#emitter.on(event, listener as never);
    this.#startPump();
    return this;
  }

  /** Removes a listener; with the last one gone nothing is consumed any more. */
  off<E extends keyof UffdEvents>(event: E, listener: (...args: UffdEvents[E]) => void): this {
    this.#emitter.off(event, listener as never);
    if (this.#emitter.eventNames().length === 0) this.#stopPump();
    return this;
  }

  /**
   * Serves missing pages of a range from `source(offset)`, and zeros where memory was removed.
   *
   * @returns A handle whose `close()` (or `using`) stops serving.
   */
  serve(region: UffdRange, source: PageSource): PageServer {
    return new PageServer(this, region, source);
  }

  /**
   * poll(2): POLLIN when a message can be read, POLLERR before the handshake and, always, on a
   * descriptor without O_NONBLOCK.
   *
   * @throws KernelError `EBADF`.
   * @see userfaultfd(2), poll(2)
   */
  poll(): number {
    return poll(this.#file('poll'));
  }

  /**
   * poll(2) without a timeout: waits until revents is not zero, which it is at once where
   * {@link Userfaultfd.poll} answers POLLERR. Another reader may be faster than who was woken.
   *
   * @returns revents: POLLIN or POLLERR.
   * @throws KernelError `EBADF`; `EINTR` (a signal was caught: poll is not started again).
   * @see userfaultfd(2), poll(2)
   */
  pollWait(options?: WaitOptions): Promise<number> {
    return this.run('poll', uffdCalls.poll(this), options);
  }

  /** What /proc/PID/fdinfo shows. @throws KernelError `EBADF`. @see proc_pid_fdinfo(5) */
  fdinfo(): Fdinfo {
    return fdinfo(this.#file('fdinfo').context);
  }

  /** fcntl(F_GETFL): access mode and O_NONBLOCK. */
  get statusFlags(): number {
    return this.#file('fcntl').statusFlags;
  }

  /** fcntl(F_SETFL): only O_NONBLOCK can be changed. */
  set statusFlags(flags: number) {
    const file = this.#file('fcntl');
    file.statusFlags = (file.statusFlags & ~O_NONBLOCK) | (flags & O_NONBLOCK);
  }

  /** dup(2): another descriptor of the same open file. @throws KernelError `EBADF`, `EMFILE`. */
  dup(): Userfaultfd {
    const file = this.#file('dup');
    return new Userfaultfd(this.thread, unwrap('dup', this.thread.fds.share(file)));
  }

  /**
   * Closes the descriptor. When it was the last reference: registrations end, everybody who waits
   * goes on with default behaviour, unread events complete.
   *
   * @throws KernelError `EBADF`.
   */
  close(): void {
    const { thread } = this;
    this.#closedIn = thread.system.eras.current;
    this.#stopPump();
    thread.system.scheduler.run(() => {
      unwrap('close', thread.fds.close(this.fd) ?? 0);
    });
  }

  /** Closes the descriptor unless `close` did. */
  [Symbol.dispose](): void {
    if (this.exists && !this.#closed && !failed(uffdFile(this))) this.close();
  }

  /** @internal Stops consuming; the answer makes it listen again, as it did. */
  suspend(): () => void {
    const listeners = this.#emitter
      .eventNames()
      .flatMap((event) => this.#emitter.listeners(event).map((listener) => ({ event, listener })));
    const { system } = this.thread;
    const listened = this.#pump?.done === false;
    this.#emitter.removeAllListeners();
    this.#stopPump();
    return () => {
      this.#emitter.removeAllListeners();
      for (const { event, listener } of listeners) this.#emitter.on(event, listener as never);
      system.listeners.add(this);
      if (listened) this.#startPump(); // it had not ended with its process
    };
  }

  /** Whether it was closed in the state that the machine is in. */
  get #closed(): boolean {
    const era = this.#closedIn;
    return era !== undefined && this.thread.system.isCurrent({ era, name: this.name });
  }

  /** @internal The open file, for passing it on. */
  openFile(): UffdFile {
    return this.#file('sendmsg');
  }

  #file(what: string): UffdFile {
    return unwrap(what, uffdFile(this));
  }

  #messageOf(msg: UffdMsg): UffdMessage {
    if (msg.event === 'pagefault') return new PageFault(this, msg);
    if (msg.event !== 'fork') return msg;
    return { event: 'fork', ufd: msg.ufd, uffd: new Userfaultfd(this.thread, msg.ufd) };
  }

  #startPump(): void {
    if (this.#pump !== undefined && !this.#pump.done) return;
    this.thread.system.listeners.add(this);
    this.#pump = postFor(this.thread, 'listen', this.#deliver());
  }

  #stopPump(): void {
    this.thread.system.listeners.delete(this);
    if (this.#pump === undefined) return;
    this.thread.system.scheduler.cancel(this.#pump, undefined);
    this.#pump = undefined;
  }

  *#deliver(): Op<void> {
    const failure = yield* deliverForever(this, (msg) => this.#emit(this.#messageOf(msg)));
    if (!this.#closed) this.thread.system.scheduler.raise(new KernelError('read', failure));
  }

  #emit(message: UffdMessage): void {
    const { scheduler } = this.thread.system;
    const { event } = message;
    try {
      if (this.#emitter.emit(event, message as never)) return;
      const { name } = this.#file('read').context;
      scheduler.raise(new Error(`nobody listens to the ${event} message of ${name}`));
    } catch (error) {
      scheduler.raise(error); // comes out where the machine was made to run
    }
  }
}

/** Reads messages one after another until one cannot be read; answers why. */
function* deliverForever(uffd: UffdIoctls, deliver: (msg: UffdMsg) => void): Op<Failure> {
  for (;;) {
    const msg = yield* uffdCalls.nextMessage(uffd);
    if (failed(msg)) return msg;
    deliver(msg);
  }
}
