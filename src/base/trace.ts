/**
 * What happens in a machine as typed events, for whoever listens; without a listener none is made.
 * Time is the number of the event: there is no clock. Hits of the translation cache make no event.
 */

import { EventEmitter } from 'eventemitter3';

/** A system call, an ioctl or an access that became an operation begins. */
export interface TraceEnter {
  /** Tells the events apart. */
  readonly kind: 'enter';
  /** Number of the event, counted over the whole machine. */
  readonly step: number;
  /** Number of the call. */
  readonly call: number;
  /** Thread that calls, as `process/thread`. */
  readonly who: string;
  /** Descriptor of the userfaultfd for a call on one; such calls leave their thread free. */
  readonly fd: number | undefined;
  /** Name of the userfaultfd for a call on one. */
  readonly userfaultfd: string | undefined;
  /** Name of the call, such as `mmap` or `UFFDIO_COPY`. */
  readonly what: string;
}

/** A call ends. */
export interface TraceExit {
  /** Tells the events apart. */
  readonly kind: 'exit';
  /** Number of the event. */
  readonly step: number;
  /** Number of the call. */
  readonly call: number;
  /** Thread that called. */
  readonly who: string;
  /** Descriptor of the userfaultfd for a call on one. */
  readonly fd: number | undefined;
  /** Name of the userfaultfd for a call on one. */
  readonly userfaultfd: string | undefined;
  /** Name of the call. */
  readonly what: string;
  /** A number, bytes in hexadecimal, `ok`, an errno, a signal with its code, or `given up`. */
  readonly result: string;
}

/** A fault was put into the queue of a userfaultfd. */
export interface TraceFault {
  /** Tells the events apart. */
  readonly kind: 'fault';
  /** Number of the event. */
  readonly step: number;
  /** Number of the fault. */
  readonly fault: number;
  /** Thread that faults. */
  readonly who: string;
  /** Name of the userfaultfd. */
  readonly userfaultfd: string;
  /** What is missing or forbidden. */
  readonly reason: 'missing' | 'wp' | 'minor' | 'rwp';
  /** The access is a write. */
  readonly write: boolean;
  /** Exact address of the access. */
  readonly addr: number;
}

/** A message was read from a userfaultfd. */
export interface TraceMessage {
  /** Tells the events apart. */
  readonly kind: 'message';
  /** Number of the event. */
  readonly step: number;
  /** Name of the userfaultfd. */
  readonly userfaultfd: string;
  /** Who read it, as `process/thread fd` and the number of the descriptor. */
  readonly reader: string;
  /** Which message. */
  readonly event: 'pagefault' | 'fork' | 'remap' | 'remove' | 'unmap';
  /** Number of the fault for a `pagefault` that was traced. */
  readonly fault: number | undefined;
}

/** A queued fault is over: its thread looks again. */
export interface TraceResolve {
  /** Tells the events apart. */
  readonly kind: 'resolve';
  /** Number of the event. */
  readonly step: number;
  /** Number of the fault. */
  readonly fault: number;
  /** Thread that faulted. */
  readonly who: string;
  /** Name of the userfaultfd. */
  readonly userfaultfd: string;
  /** Exact address of the access. */
  readonly addr: number;
}

/** A call goes to sleep. */
export interface TraceSleep {
  /** Tells the events apart. */
  readonly kind: 'sleep';
  /** Number of the event. */
  readonly step: number;
  /** Number of the call. */
  readonly call: number;
  /** Thread that called. */
  readonly who: string;
  /** Descriptor of the userfaultfd for a call on one. */
  readonly fd: number | undefined;
  /** Why, as a sentence. */
  readonly why: string;
}

/** A sleeping call goes on. */
export interface TraceWake {
  /** Tells the events apart. */
  readonly kind: 'wake';
  /** Number of the event. */
  readonly step: number;
  /** Number of the call. */
  readonly call: number;
  /** Thread that called. */
  readonly who: string;
  /** Descriptor of the userfaultfd for a call on one. */
  readonly fd: number | undefined;
}

/** What became of a page table entry. */
export type EntryChange =
  | 'install'
  | 'zap'
  | 'marker'
  | 'swap'
  | 'protect'
  | 'unprotect'
  | 'migrate';

/** A page table entry changed in a way that programs can notice. */
export interface TraceEntry {
  /** Tells the events apart. */
  readonly kind: 'entry';
  /** Number of the event. */
  readonly step: number;
  /** What became of it. */
  readonly change: EntryChange;
  /** Name of the process; a child that is being made has none yet. */
  readonly process: string;
  /** Address of the page. */
  readonly addr: number;
  /** Frame that is mapped now, if one is. */
  readonly pfn: number | undefined;
}

/** Anything that happened; `kind` tells what. */
export type TraceEvent =
  | TraceEnter
  | TraceExit
  | TraceFault
  | TraceMessage
  | TraceResolve
  | TraceSleep
  | TraceWake
  | TraceEntry;

/** Kinds of events. */
export type TraceKind = TraceEvent['kind'];

/** Events of one kind. */
export type TraceEventOf<K extends TraceKind> = Extract<
  TraceEvent,
  {
    /** Tells the events apart. */
    kind: K;
  }
>;

/** An event before it has its number. */
export type Untimed<E> = E extends TraceEvent ? Omit<E, 'step'> : never;

/** Listeners of {@link Trace.on} by kind; `event` is every kind. */
export type TraceChannels = { [K in TraceKind]: [event: TraceEventOf<K>] } & {
  /** Every kind. */
  event: [event: TraceEvent];
};

/**
 * The events of a machine. Listeners hear of an event when it happens, inside the operation that
 * causes it: they look, and change nothing.
 */
export class Trace {
  /** @internal Whether anybody listens: asked before an event is made. */
  active = false;
  /** @internal Called when the first listener comes, and when the last has gone. */
  onSwitch: (active: boolean) => void = () => {};
  readonly #emitter = new EventEmitter<TraceChannels>();
  #step = 0;
  #ids = 0;

  /** Listens to one kind of event, or with `'event'` to all. */
  on<K extends keyof TraceChannels>(kind: K, listener: (...args: TraceChannels[K]) => void): this {
    this.#emitter.on(kind, listener as never);
    this.#switch();
    return this;
  }

  /** Takes a listener back. */
  off<K extends keyof TraceChannels>(kind: K, listener: (...args: TraceChannels[K]) => void): this {
    this.#emitter.off(kind, listener as never);
    this.#switch();
    return this;
  }

  /** @internal A number for a call or a fault. */
  nextId(): number {
    return ++this.#ids;
  }

  /** @internal */
  emit(event: Untimed<TraceEvent>): void {
    const timed = { ...event, step: ++this.#step } as TraceEvent;
    this.#emitter.emit(timed.kind, timed as never);
    this.#emitter.emit('event', timed);
  }

  #switch(): void {
    const active = this.#emitter.eventNames().length > 0;
    if (active === this.active) return;
    this.active = active;
    this.onSwitch(active);
  }
}
