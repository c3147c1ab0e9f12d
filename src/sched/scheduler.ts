/**
 * Runs operations to completion, first in, first out, without a clock.
 * A task that an operation wakes goes on after that operation has returned or gone to sleep;
 * tasks woken together run in the order in which they were woken.
 * Nothing here is async: promises are made above, from the end of a task.
 */

import type { Op } from '../base/op.js';
import { type Runnable, Task } from './task.js';

/** Steps of one settling before it is called endless. */
const STEPS_MAX = 10_000_000;

/** Tasks wake each other without end. */
export class LivelockError extends Error {
  /** Always `'LivelockError'`. */
  override readonly name = 'LivelockError';
}

/** The run queue of one machine. */
export class Scheduler {
  readonly #runnable: Runnable[] = [];
  #depth = 0;
  #raised: { readonly error: unknown } | undefined;

  /** Starts an operation; it runs at once, up to its first sleep or its end. */
  start<T>(op: Op<T>): Task<T> {
    const task = new Task(op);
    this.#depth++;
    try {
      this.#step(task);
    } finally {
      this.#depth--;
    }
    if (this.#depth === 0) this.settle();
    return task;
  }

  /** Runs everything that can run; what is thrown in a listener comes out here. */
  settle(): void {
    this.#depth++;
    try {
      for (let steps = 0; this.#runnable.length > 0; steps++) {
        if (steps === STEPS_MAX) throw new LivelockError(`${STEPS_MAX} steps without an end`);
        const task = this.#runnable.shift();
        if (task !== undefined && !task.done) this.#step(task);
      }
    } finally {
      this.#depth--;
    }
    this.#rethrow();
  }

  /** Runs something that may wake tasks; they go on when it has returned. */
  run<T>(body: () => T): T {
    this.#depth++;
    let result: T;
    try {
      result = body();
    } finally {
      this.#depth--;
    }
    if (this.#depth === 0) this.settle();
    return result;
  }

  /** Ends a sleeping task: its cleanup runs, and `reason` is how it ended. */
  cancel(task: Runnable, reason: unknown): void {
    if (!task.done) this.run(() => task.abandon(reason));
  }

  /** Hands an error of a callback to whoever made the machine run. */
  raise(error: unknown): void {
    this.#raised ??= { error };
  }

  #rethrow(): void {
    const raised = this.#raised;
    if (raised === undefined || this.#depth > 0) return;
    this.#raised = undefined;
    throw raised.error;
  }

  #step(task: Runnable): void {
    task.step()?.arm(() => this.#runnable.push(task));
  }
}
