/**
 * One simulated thread of a program: an async function, and the operations it has under way.
 * Usually one at a time; several when it does not await each.
 */

import type { Wait } from '../base/op.js';
import type { Runnable } from '../sched/task.js';

/** An operation of a strand, from the call to its end. */
export interface Activity {
  readonly task: Runnable;
  /** Name of the call, such as `UFFDIO_COPY`. */
  readonly what: string;
  /** Number of the step before which the call was made. */
  readonly since: number;
  /** Where in the program the call was made; only while a failure is replayed. */
  readonly stack: string | undefined;
  /** Order in which it became able to go on; `undefined` while it sleeps. */
  ready: number | undefined;
}

/** What a strand is for. */
export type StrandKind = 'thread' | 'daemon' | 'listener';

/** How often a strand did the same in vain. */
interface Futility {
  key: string;
  count: number;
  /** Value of the simulation's count of useful steps then. */
  useful: number;
}

/** A thread of the program. */
export class Strand {
  readonly activities: Activity[] = [];
  readonly futility: Futility = { key: '', count: 0, useful: 0 };
  /** How its function ended; `undefined` while it runs. */
  ended: { readonly error?: unknown } | undefined;
  /** Number of the step at which it ended. */
  endedAt: number | undefined;
  /** Number of the last step that it took. */
  lastStep = 0;
  /** Calls that it made. */
  calls = 0;
  /** Process of its thread, if it has one. */
  process: { kill(): void } | undefined;
  /** Threads that wait for its end. */
  readonly joiners: Wait[] = [];

  constructor(
    readonly id: number,
    readonly name: string,
    /** A daemon or a listener need not end: it serves the others as long as there are some. */
    readonly kind: StrandKind,
  ) {}

  /** The operation that can go on and waits longest for its turn. */
  get next(): Activity | undefined {
    let first: Activity | undefined;
    for (const activity of this.activities) {
      if (activity.ready === undefined) continue;
      if (first?.ready === undefined || activity.ready < first.ready) first = activity;
    }
    return first;
  }

  /** What it sleeps on; the oldest if several. */
  get sleep(): { readonly activity: Activity; readonly wait: Wait } | undefined {
    for (const activity of this.activities) {
      const wait = activity.task.waitingFor;
      if (wait !== undefined) return { activity, wait };
    }
    return undefined;
  }

  /** Its function goes on although nothing of the machine is under way. */
  get adrift(): boolean {
    return this.kind === 'thread' && this.ended === undefined && this.activities.length === 0;
  }

  drop(activity: Activity): void {
    const at = this.activities.indexOf(activity);
    if (at >= 0) this.activities.splice(at, 1);
  }
}
