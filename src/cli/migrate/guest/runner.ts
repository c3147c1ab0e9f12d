/**
 * Plays the trace on a guest against the virtual clock: so many accesses as fit before a point in
 * time, with the faults on the way resolved by whoever handles them. Also the place where the
 * accesses are counted for the heat map. Decides nothing about the migration.
 */
import type { FaultPendingError } from '../../../machine/errors.js';
import type { TimeModel } from '../model.js';
import type { HeatMap } from '../timeline/heat-map.js';
import type { AccessBatch } from '../trace/access.js';
import type { TraceReader } from '../trace/reader.js';
import type { Guest } from './guest.js';

/** Whoever holds the userfaultfd of the guest. */
export interface FaultHandler {
  /**
   * Called when the guest stopped for faults: it has resolved them already and interrupted the
   * guest, or it resolves this one now. Returns how long the guest was held up, in nanoseconds.
   */
  settle(fault: FaultPendingError | undefined): Promise<number> | number;
}

/** What a runner works with. */
export interface RunnerParts {
  readonly guest: Guest;
  readonly reader: TraceReader;
  readonly model: TimeModel;
  readonly heat: HeatMap;
  /** Called once per batch of accesses: the place for signs of life. */
  readonly onBatch?: () => Promise<void> | void;
}

/** Plays a trace on a guest; the guest's clock is `nowNs`. */
export class Runner {
  /** The guest's virtual time. */
  nowNs = 0;
  /** Resolves faults; without one, a fault is an error. */
  handler: FaultHandler | undefined;
  /** Whether the trace has been played to its end. */
  isFinished = false;
  /** When that was. */
  finishedAtNs = 0;
  /** Whether the heat map counts what is played. */
  isCounted = true;
  readonly #parts: RunnerParts;
  #batch: AccessBatch | undefined;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
  }

  /** Plays until the clock reaches a time; when the trace ends before, the guest just idles. */
  async runUntil(deadlineNs: number): Promise<void> {
    while (this.nowNs < deadlineNs) {
      const left = await this.#accessesLeft();
      if (left === 0) break;
      const { accessNs } = this.#parts.model;
      const fitting = Math.ceil((deadlineNs - this.nowNs) / accessNs);
      await this.#play(Math.min(left, fitting));
    }
    if (deadlineNs !== Number.POSITIVE_INFINITY) this.nowNs = Math.max(this.nowNs, deadlineNs);
  }

  /** Plays until this step of the trace, or its end. */
  async runToStep(step: number): Promise<void> {
    const { guest } = this.#parts;
    while (guest.step < step) {
      const left = await this.#accessesLeft();
      if (left === 0) break;
      await this.#play(Math.min(left, step - guest.step));
    }
  }

  /** Reads the trace up to this step without playing it. */
  async skipToStep(step: number): Promise<void> {
    const { guest } = this.#parts;
    while (guest.step < step) {
      const left = await this.#accessesLeft();
      if (left === 0) break;
      guest.step += Math.min(left, step - guest.step);
    }
  }

  async #play(accesses: number): Promise<void> {
    const { guest, model, heat } = this.#parts;
    const batch = this.#batch!;
    const from = guest.step - batch.firstStep;
    const fault = guest.play(batch, from, from + accesses);
    const played = guest.step - batch.firstStep - from;
    if (this.isCounted) {
      heat.count(batch, { from, to: from + played, atNs: this.nowNs, accessNs: model.accessNs });
    }
    this.nowNs += played * model.accessNs;
    if (fault && !this.handler) throw fault;
    if (fault || guest.isInterrupted) this.nowNs += (await this.handler?.settle(fault)) ?? 0;
  }

  #finish(): void {
    this.isFinished = true;
    this.finishedAtNs = this.nowNs;
  }

  /** How many accesses of the batch are left; takes the next batch when there are none. */
  async #accessesLeft(): Promise<number> {
    const { guest, reader, onBatch } = this.#parts;
    while (!this.isFinished) {
      const left = this.#batch ? this.#batch.firstStep + this.#batch.length - guest.step : 0;
      if (left > 0) return left;
      this.#batch = await reader.next();
      if (!this.#batch) this.#finish();
      await onBatch?.();
    }
    return 0;
  }
}
