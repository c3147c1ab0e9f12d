/**
 * One userfaultfd: features, owner address space, and the three queues of who waits for what.
 * Implements the port that memory management asks; the ioctls work on it from their own files.
 * Never waits for anything but a wake-up, and never resolves a fault by itself.
 * Answers to: struct userfaultfd_ctx, handle_userfault().
 */

import { type Op, Point, type PointSwitch, WaitQueue } from '../base/op.js';
import type { Mm } from '../mm/mm.js';
import {
  REASON_FLAGS,
  type UffdFault,
  type UffdForkNotice,
  type UffdNotice,
  type UffdVerdict,
} from '../mm/uffd-port.js';
import {
  UFFD_FEATURE_EVENT_FORK,
  UFFD_FEATURE_EVENT_REMAP,
  UFFD_FEATURE_EVENT_REMOVE,
  UFFD_FEATURE_EVENT_UNMAP,
  UFFD_FEATURE_EXACT_ADDRESS,
  UFFD_FEATURE_RWP_ASYNC,
  UFFD_FEATURE_SIGBUS,
  UFFD_FEATURE_THREAD_ID,
  UFFD_FEATURE_WP_ASYNC,
  UFFD_FEATURE_WP_UNPOPULATED,
} from '../uapi/features.js';
import { UFFD_PAGEFAULT_FLAG_WRITE, UFFD_USER_MODE_ONLY } from '../uapi/userfaultfd.js';
import { forgetRegistrations, unregisterAreas } from './areas.js';
import { EventNotice, type EventSource, type ForkedContext, ForkNotice } from './event.js';
import { FaultMessage } from './fault-message.js';

/** A userfaultfd context. */
export class UffdContext implements ForkedContext, EventSource {
  /** Enabled features; settled by the handshake. */
  features = 0;
  /** The handshake succeeded. */
  initialised = false;
  /** Nobody holds the file any more: nothing may start to wait. */
  released = false;
  /** Operations that are between opening their window and their event's completion. */
  changing = 0;
  /** Faults that nobody has read, oldest first. */
  readonly pending: FaultMessage[] = [];
  /** Faults that were read and not resolved, oldest read first. */
  readonly waiting: FaultMessage[] = [];
  /** Events that nobody has read, oldest first. */
  readonly events: EventNotice[] = [];
  /** Threads that wait for their event to be read. */
  readonly eventSleepers = new WaitQueue();
  /** Threads asleep in read or poll. */
  readonly readers = new WaitQueue();

  constructor(
    readonly mm: Mm,
    /** Flags of userfaultfd(2). */
    readonly flags: number,
    /** Name for diagnosis, such as `userfaultfd 3 of guest`. */
    public name: string,
  ) {}

  enabled(feature: number): boolean {
    return (this.features & feature) !== 0;
  }

  get points(): PointSwitch {
    return this.mm.memory.points;
  }

  get wpUnpopulated(): boolean {
    return this.enabled(UFFD_FEATURE_WP_UNPOPULATED);
  }

  get answersWithSigbus(): boolean {
    return this.enabled(UFFD_FEATURE_SIGBUS);
  }

  get wpAsync(): boolean {
    return this.enabled(UFFD_FEATURE_WP_ASYNC);
  }

  get rwpAsync(): boolean {
    return this.enabled(UFFD_FEATURE_RWP_ASYNC);
  }

  /** Fills and protections are refused: an operation changes the mapping. */
  get windowOpen(): boolean {
    return this.changing > 0;
  }

  get countsWindows(): boolean {
    return this.mm.memory.profile.has('windowIsCounter');
  }

  /** Something can be read at once. */
  get readable(): boolean {
    return this.pending.length > 0 || this.events.length > 0;
  }

  *handleFault(fault: UffdFault): Op<UffdVerdict> {
    if (this.enabled(UFFD_FEATURE_SIGBUS)) return 'sigbus';
    if (!fault.userMode && (this.flags & UFFD_USER_MODE_ONLY) !== 0) return 'sigbus';
    if (!fault.mayWait) return 'sigbus';
    if (this.released) return 'retry';
    const message = this.messageFor(fault);
    this.pending.push(message);
    const { mm } = this;
    mm.memory.onPage?.({ kind: 'fault', mm, fault, message });
    this.traceRaised(message, fault);
    try {
      if (this.points.on) yield new Point('fault:queued');
      if (!fault.stillFaulting()) return 'retry';
      this.readers.wakeAll();
      while (!message.ended && !this.released) yield message.wait;
    } finally {
      this.forget(message);
      this.traceResolved(message, fault);
    }
    return 'retry';
  }

  private traceRaised(message: FaultMessage, { faulter, reason, write, addr }: UffdFault): void {
    const { trace } = this.mm.memory;
    if (!trace.active) return;
    message.serial = trace.nextId();
    const where = { who: faulter.name, userfaultfd: this.name, addr };
    trace.emit({ kind: 'fault', fault: message.serial, ...where, reason, write });
  }

  private traceResolved(message: FaultMessage, { faulter, addr }: UffdFault): void {
    const { trace } = this.mm.memory;
    if (!trace.active || message.serial === 0) return;
    const where = { who: faulter.name, userfaultfd: this.name, addr };
    trace.emit({ kind: 'resolve', fault: message.serial, ...where });
  }

  private messageFor(fault: UffdFault): FaultMessage {
    const flags = REASON_FLAGS[fault.reason] | (fault.write ? UFFD_PAGEFAULT_FLAG_WRITE : 0);
    const exact = this.enabled(UFFD_FEATURE_EXACT_ADDRESS);
    return new FaultMessage({
      flags,
      address: exact ? fault.addr : fault.page,
      ptid: this.enabled(UFFD_FEATURE_THREAD_ID) ? fault.faulter.tid : 0,
      fault,
      context: this.name,
    });
  }

  /** Takes a message out of whichever queue it is in. */
  forget(message: FaultMessage): void {
    for (const queue of [this.pending, this.waiting]) {
      const at = queue.indexOf(message);
      if (at >= 0) queue.splice(at, 1);
    }
  }

  /**
   * Wakes threads whose message address lies in `[start, end)`: unread ones first, in each queue
   * the newest first.
   */
  wakeRange(start: number, end: number): void {
    for (const queue of [this.pending, this.waiting]) {
      for (let i = queue.length - 1; i >= 0; i--) {
        const message = queue[i];
        if (message === undefined || message.address < start || message.address >= end) continue;
        queue.splice(i, 1);
        message.end(); // makes the thread runnable: it runs later, so the queue stays as it is
      }
    }
  }

  prepareFork(child: Mm): UffdForkNotice | undefined {
    if (!this.enabled(UFFD_FEATURE_EVENT_FORK)) return undefined;
    const copy = new UffdContext(child, this.flags, `${this.name}'`);
    copy.features = this.features;
    copy.initialised = true;
    return new ForkNotice(this, copy);
  }

  prepareRemap(from: number, to: number, lenBytes: number): UffdNotice | undefined {
    if (!this.enabled(UFFD_FEATURE_EVENT_REMAP)) return undefined;
    return new EventNotice(this, { event: 'remap', from, to, len: lenBytes });
  }

  prepareRemove(start: number, end: number): UffdNotice | undefined {
    if (!this.enabled(UFFD_FEATURE_EVENT_REMOVE)) return undefined;
    return new EventNotice(this, { event: 'remove', start, end });
  }

  prepareUnmap(start: number, end: number): UffdNotice | undefined {
    if (!this.enabled(UFFD_FEATURE_EVENT_UNMAP)) return undefined;
    return new EventNotice(this, { event: 'unmap', start, end });
  }

  disown(): void {
    if (this.released) return;
    this.released = true;
    forgetRegistrations(this.mm, this);
  }

  /** The last reference is gone: everybody who waits goes on with default behaviour. */
  release(): void {
    this.released = true;
    const { mm } = this;
    const waiters = [...this.pending, ...this.waiting].map(({ address }) => address);
    mm.memory.onPage?.({ kind: 'close', mm, waiters });
    unregisterAreas(mm, this);
    this.wakeRange(0, Number.POSITIVE_INFINITY);
    this.eventSleepers.wakeAll();
    this.readers.wakeAll();
  }
}
