/**
 * Events: an operation tells the manager and goes on only after the message was read.
 * From its preparation to its completion the context's window is open: fills are refused.
 * Answers to: userfaultfd_event_wait_completion().
 */

import {
  type Op,
  Point,
  type PointSwitch,
  Wait,
  type WaitQueue,
  type WaitReason,
} from '../base/op.js';
import type { UffdForkNotice, UffdNotice, UffdPort } from '../mm/uffd-port.js';
import type { UffdRemapMsg, UffdRemoveMsg, UffdUnmapMsg } from '../uapi/msg.js';

/** What an event says; a fork's descriptor exists only once it is read. */
export type EventBody = UffdRemapMsg | UffdRemoveMsg | UffdUnmapMsg | { readonly event: 'fork' };

/** A context as its events see it. */
export interface EventSource {
  readonly name: string;
  readonly released: boolean;
  /** Operations that are between opening their window and their event's completion. */
  changing: number;
  /** Whether two windows are open until both are closed. */
  readonly countsWindows: boolean;
  readonly events: EventNotice[];
  readonly eventSleepers: WaitQueue;
  readonly readers: WaitQueue;
  readonly points: PointSwitch;
}

/** The child's side of a fork's event. */
export interface ForkedContext extends UffdPort {
  /** Nobody will ever serve the child: its areas lose their registration, and nothing else. */
  disown(): void;
}

/** Why an operation sleeps that changed a mapping. */
export class EventWait implements WaitReason {
  readonly kind = 'event';

  constructor(
    readonly event: EventBody['event'],
    readonly context: string,
  ) {}

  describe(): string {
    const event = this.event.toUpperCase();
    return `an operation waits until its ${event} event of ${this.context} is read`;
  }
}

/** One event, from the preparation of its operation on. */
export class EventNotice implements UffdNotice {
  /** A reader took the message. */
  taken = false;
  #closed = false;
  #wait: Wait | undefined;

  constructor(
    readonly context: EventSource,
    readonly body: EventBody,
  ) {
    context.changing++;
  }

  *complete(): Op<void> {
    const { context } = this;
    const wait = new Wait(new EventWait(this.body.event, context.name));
    this.#wait = wait;
    try {
      if (context.points.on) yield new Point('event:window-open');
      context.events.push(this);
      context.eventSleepers.add(wait);
      context.readers.wakeAll();
      while (!this.taken && !context.released) yield wait;
      if (!this.taken) this.unheard();
    } finally {
      context.eventSleepers.remove(wait);
      this.#withdraw();
      this.cancel();
    }
  }

  /** A reader took the message: everybody who waits for an event looks whether it was theirs. */
  take(): void {
    this.taken = true;
    const { eventSleepers } = this.context;
    if (this.body.event === 'fork' && this.#wait !== undefined) {
      eventSleepers.remove(this.#wait); // a fork's waiter sleeps anew while its message is read
      eventSleepers.add(this.#wait);
    }
    eventSleepers.wakeAll();
  }

  cancel(): void {
    if (this.#closed) return;
    this.#closed = true;
    const { context } = this;
    context.changing = context.countsWindows ? context.changing - 1 : 0;
  }

  /** The context went before anybody read the message. */
  protected unheard(): void {}

  #withdraw(): void {
    const at = this.context.events.indexOf(this);
    if (at >= 0) this.context.events.splice(at, 1);
  }
}

/** The event of a fork, which carries the child's context. */
export class ForkNotice extends EventNotice implements UffdForkNotice {
  constructor(
    context: EventSource,
    readonly childPort: ForkedContext,
  ) {
    super(context, { event: 'fork' });
  }

  override cancel(): void {
    if (!this.taken) this.unheard();
    super.cancel();
  }

  protected override unheard(): void {
    this.childPort.disown();
  }
}
