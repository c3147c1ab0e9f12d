/**
 * Keeps the events of a machine until it is told to stop: what the exporters take.
 * Holds them all; a long run wants a listener of its own.
 */

import type { Trace, TraceEvent } from '../base/trace.js';

/** Events that were kept, and a way to stop. */
export class TraceRecording implements Disposable {
  /** The events so far, in order. */
  readonly events: TraceEvent[] = [];
  readonly #trace: Trace;
  readonly #keep = (event: TraceEvent): void => {
    this.events.push(event);
  };

  /** Begins to keep the events of `machine.trace`. */
  constructor(trace: Trace) {
    this.#trace = trace;
    trace.on('event', this.#keep);
  }

  /** Stops; the events stay. */
  stop(): void {
    this.#trace.off('event', this.#keep);
  }

  /** Stops. */
  [Symbol.dispose](): void {
    this.stop();
  }
}
