/**
 * One operation in progress: what it waits for, how it ended.
 * Steps are taken by the scheduler alone.
 */

import { type Op, type Step, Wait } from '../base/op.js';

/** How a task ended: with a value, or with what was thrown. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: unknown };

/** A task as its scheduler sees it, whatever it ends with. */
export interface Runnable {
  readonly done: boolean;
  /** What it sleeps on; `undefined` while it runs or once it ended. */
  readonly waitingFor: Wait | undefined;
  /** Runs it up to its next sleep or point, which is answered, or to its end. */
  step(): Step | undefined;
  /** Ends it where it sleeps: its cleanup runs, and `reason` is how it ended. */
  abandon(reason: unknown): void;
}

/** An operation that a scheduler runs. */
export class Task<T> implements Runnable {
  readonly #op: Op<T>;
  #waitingFor: Wait | undefined;
  #outcome: Outcome<T> | undefined;
  #running = false;
  #doom: { readonly reason: unknown } | undefined;
  readonly #listeners: ((outcome: Outcome<T>) => void)[] = [];

  constructor(op: Op<T>) {
    this.#op = op;
  }

  get done(): boolean {
    return this.#outcome !== undefined;
  }

  get waitingFor(): Wait | undefined {
    return this.#waitingFor;
  }

  /** How it ended; `undefined` while it has not. */
  get outcome(): Outcome<T> | undefined {
    return this.#outcome;
  }

  /** The value; throws what was thrown. The task has ended. */
  get value(): T {
    const outcome = this.#outcome;
    if (outcome === undefined) throw new Error('the task has not ended');
    if (!outcome.ok) throw outcome.error;
    return outcome.value;
  }

  step(): Step | undefined {
    this.#waitingFor = undefined;
    this.#running = true;
    const stop = this.#toNextStop();
    this.#running = false;
    if (stop === undefined) return undefined;
    if (stop instanceof Wait) this.#waitingFor = stop;
    if (this.#doom === undefined) return stop;
    this.abandon(this.#doom.reason);
    return undefined;
  }

  /** Runs the operation; `undefined` when it ended. */
  #toNextStop(): Step | undefined {
    try {
      const { done, value } = this.#op.next();
      if (done !== true) return value;
      this.#settle({ ok: true, value });
      return undefined;
    } catch (error) {
      this.#settle({ ok: false, error });
      return undefined;
    }
  }

  abandon(reason: unknown): void {
    if (this.#running) {
      this.#doom = { reason }; // it gave itself up: takes effect where it would sleep
      return;
    }
    this.#settle({ ok: false, error: reason });
    this.#op.return(undefined as never);
  }

  /** Runs `listener` when the task ends, at once if it has. */
  onEnd(listener: (outcome: Outcome<T>) => void): void {
    if (this.#outcome === undefined) this.#listeners.push(listener);
    else listener(this.#outcome);
  }

  #settle(outcome: Outcome<T>): void {
    this.#outcome = outcome;
    this.#waitingFor = undefined;
    for (const listener of this.#listeners) listener(outcome);
    this.#listeners.length = 0;
  }
}
