/**
 * One operation in progress: what it waits for, how it ended.
 * Steps are taken by the scheduler alone.
 */

import type { Op, Wait } from '../base/op.js';

/** How a task ended: with a value, or with what was thrown. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: unknown };

/** An operation that a scheduler runs. */
export class Task<T> {
  /** What it sleeps on; `undefined` while it runs or once it ended. */
  waitingFor: Wait | undefined;
  #outcome: Outcome<T> | undefined;
  #listeners: ((outcome: Outcome<T>) => void)[] = [];

  constructor(readonly op: Op<T>) {}

  get done(): boolean {
    return this.#outcome !== undefined;
  }

  /** How it ended; `undefined` while it has not. */
  get outcome(): Outcome<T> | undefined {
    return this.#outcome;
  }

  /** Called once, by the scheduler. */
  settle(outcome: Outcome<T>): void {
    this.#outcome = outcome;
    this.waitingFor = undefined;
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener(outcome);
  }

  /** Runs `listener` when the task ends, at once if it has. */
  onEnd(listener: (outcome: Outcome<T>) => void): void {
    if (this.#outcome === undefined) this.#listeners.push(listener);
    else listener(this.#outcome);
  }

  /** The value; throws what was thrown. The task has ended. */
  get value(): T {
    const outcome = this.#outcome;
    if (outcome === undefined) throw new Error('the task has not ended');
    if (!outcome.ok) throw outcome.error;
    return outcome.value;
  }
}
