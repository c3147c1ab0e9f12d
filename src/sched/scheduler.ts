/**
 * Runs operations to completion, first in, first out, without a clock.
 * A task that an operation wakes goes on after that operation has returned or gone to sleep;
 * tasks woken together run in the order in which they were woken.
 * A controller takes the choice over: then tasks go on only when it says so, point by point.
 * Nothing here is async: promises are made above, from the end of a task.
 */

import { type Op, Point, type Step, Wait } from '../base/op.js';
import { type Runnable, Task } from './task.js';

/** Steps of one settling before it is called endless. */
const STEPS_MAX = 10_000_000;

/** Tasks wake each other without end. */
export class LivelockError extends Error {
  /** Always `'LivelockError'`. */
  override readonly name = 'LivelockError';
}

/** An operation as whoever begins it describes it. */
export interface Begun {
  /** Name of the call, such as `UFFDIO_COPY`. */
  readonly what: string;
  /** The thread that makes it; `undefined` for a call that belongs to no thread. */
  readonly thread?: object;
}

/** Decides which task goes on; hears of every task that can. */
export interface Controller {
  /** Puts something else in the place of an operation that is about to begin. */
  alter<T>(op: Op<T>, begun: Begun): Op<T>;
  /** An operation was begun and waits for its first step. */
  begun(task: Runnable, begun: Begun): void;
  /** Somebody makes a call that runs to its end at once. */
  calledAtOnce(): void;
  /** A sleeping operation was woken. */
  woken(task: Runnable): void;
}

/** The run queue of one machine. */
export class Scheduler {
  /** Who decides; first in, first out when nobody does. */
  controller: Controller | undefined;
  readonly #runnable: Runnable[] = [];
  #depth = 0;
  #raised: { readonly error: unknown } | undefined;

  /** Whether it runs something now. */
  get busy(): boolean {
    return this.#depth > 0;
  }

  /** Starts an operation; it runs at once, up to its first sleep or its end. */
  start<T>(op: Op<T>): Task<T> {
    this.controller?.calledAtOnce();
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

  /** Begins an operation whose steps the controller grants. */
  post<T>(op: Op<T>, begun: Begun, controller: Controller): Task<T> {
    const task = new Task(controller.alter(op, begun));
    controller.begun(task, begun);
    return task;
  }

  /** Grants a posted task one step: to its next point, sleep or end. */
  advance(task: Runnable): Step | undefined {
    this.#depth++;
    let stop: Step | undefined;
    try {
      stop = task.step();
      if (stop instanceof Wait) stop.arm(() => this.#ready(task));
    } finally {
      this.#depth--;
    }
    this.#rethrow();
    return stop;
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

  #ready(task: Runnable): void {
    if (this.controller === undefined) this.#runnable.push(task);
    else this.controller.woken(task);
  }

  #step(task: Runnable): void {
    let stop = task.step();
    while (stop instanceof Point) stop = task.step();
    stop?.arm(() => this.#ready(task));
  }
}
