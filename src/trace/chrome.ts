/**
 * A trace as Chrome trace-event JSON, which Perfetto (ui.perfetto.dev) and chrome://tracing open.
 * One step is one microsecond. Threads are tracks with nested slices; calls on a userfaultfd leave
 * their thread free and are asynchronous slices; a fault is a flow from its thread to its message.
 * Answers to: the Trace Event Format.
 */

import type { TraceEvent } from '../base/trace.js';
import { callerOf, phraseOf } from './words.js';

/** One record of the Trace Event Format. */
export interface ChromeEvent {
  /** Label of a slice or an instant. */
  readonly name: string;
  /** Category, by which viewers filter. */
  readonly cat?: string;
  /** Phase: B and E (slice), b and e (asynchronous), s, t and f (flow), i (instant), M (name). */
  readonly ph: 'B' | 'E' | 'b' | 'e' | 's' | 't' | 'f' | 'i' | 'M';
  /** Time in microseconds: the step. */
  readonly ts: number;
  /** Number of the process; here of the part of a name before the slash. */
  readonly pid: number;
  /** Number of the track. */
  readonly tid: number;
  /** Joins the parts of an asynchronous slice, or of a flow. */
  readonly id?: number;
  /** Scope of an instant: its thread. */
  readonly s?: 't';
  /** A flow ends at the slice around it. */
  readonly bp?: 'e';
  /** What a viewer shows when the record is selected. */
  readonly args?: Readonly<Record<string, unknown>>;
}

/** A file of the Trace Event Format, in its object form. */
export interface ChromeTrace {
  /** The records. */
  readonly traceEvents: readonly ChromeEvent[];
  /** Unit that viewers prefer. */
  readonly displayTimeUnit: 'ms' | 'ns';
}

/** Where records go: tracks by name. */
class Tracks {
  readonly names: ChromeEvent[] = [];
  readonly #pids = new Map<string, number>();
  readonly #tids = new Map<string, number>();

  /** The track of a caller or of a userfaultfd. */
  of(name: string): { pid: number; tid: number } {
    const process = name.includes('/') ? name.slice(0, name.indexOf('/')) : 'machine';
    const pid = this.#number(this.#pids, process, 0, 'process_name');
    return { pid, tid: this.#number(this.#tids, name, pid, 'thread_name') };
  }

  #number(known: Map<string, number>, name: string, pid: number, what: string): number {
    const number = known.get(name) ?? known.size + 1;
    if (known.has(name)) return number;
    known.set(name, number);
    const [process, tid] = what === 'process_name' ? [number, 0] : [pid, number];
    this.names.push({ name: what, ph: 'M', ts: 0, pid: process, tid, args: { name } });
    return number;
  }
}

/** Turns events into records, and ends what is still open when they are over. */
class Exporter {
  readonly records: ChromeEvent[] = [];
  readonly tracks = new Tracks();
  /** Calls that go on, with the records that end them, innermost last. */
  readonly #open = new Map<number, Omit<ChromeEvent, 'ts'>[]>();

  add(event: TraceEvent): void {
    switch (event.kind) {
      case 'enter':
        this.#begin(event, event.what, 'call');
        break;
      case 'sleep':
        this.#begin(event, 'asleep', 'sleep');
        break;
      case 'wake':
        this.#end(event.call, event.step, 1);
        break;
      case 'exit':
        this.#end(event.call, event.step, Number.POSITIVE_INFINITY, { result: event.result });
        break;
      case 'entry':
        this.#instant(event, 'page tables', 'entry');
        break;
      default:
        this.#faultStep(event);
    }
  }

  /** Ends every slice that is open. */
  finish(step: number): void {
    for (const call of [...this.#open.keys()].reverse()) {
      this.#end(call, step, Number.POSITIVE_INFINITY);
    }
  }

  #begin(event: Extract<TraceEvent, { call: number }>, name: string, cat: string): void {
    const { call, step, fd } = event;
    const at = this.tracks.of(callerOf(event));
    const asynchronous = fd !== undefined;
    const common = { name, cat, ...at, ...(asynchronous ? { id: call } : {}) };
    const args = { what: phraseOf(event) };
    this.records.push({ ...common, ph: asynchronous ? 'b' : 'B', ts: step, args });
    const open = this.#open.get(call) ?? [];
    open.push({ ...common, ph: asynchronous ? 'e' : 'E' });
    this.#open.set(call, open);
  }

  #end(call: number, step: number, count: number, args: ChromeEvent['args'] = {}): void {
    const open = this.#open.get(call) ?? [];
    for (let i = 0; i < count; i++) {
      const record = open.pop();
      if (record === undefined) break;
      this.records.push({ ...record, ts: step, args });
    }
    if (open.length === 0) this.#open.delete(call);
  }

  #faultStep(event: Extract<TraceEvent, { kind: 'fault' | 'message' | 'resolve' }>): void {
    const on = event.kind === 'message' ? event.userfaultfd : event.who;
    this.#instant(event, on, 'fault');
    if (event.fault === undefined) return;
    const ph = ({ fault: 's', message: 't', resolve: 'f' } as const)[event.kind];
    const flow = { name: 'fault', cat: 'fault', ph, ts: event.step, id: event.fault };
    this.records.push({ ...flow, ...this.tracks.of(on), ...(ph === 'f' ? { bp: 'e' } : {}) });
  }

  #instant(event: TraceEvent, on: string, cat: string): void {
    const { step, kind, ...args } = event;
    const name = phraseOf(event);
    this.records.push({ name, cat, ph: 'i', ts: step, ...this.tracks.of(on), s: 't', args });
  }
}

/**
 * Turns events into a Chrome trace; `JSON.stringify` makes the file that Perfetto opens.
 */
export function chromeTrace(events: readonly TraceEvent[]): ChromeTrace {
  const exporter = new Exporter();
  for (const event of events) exporter.add(event);
  exporter.finish((events.at(-1)?.step ?? 0) + 1);
  const traceEvents = [...exporter.tracks.names, ...exporter.records];
  return { traceEvents, displayTimeUnit: 'ms' };
}
