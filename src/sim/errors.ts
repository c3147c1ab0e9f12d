/**
 * How an exploration fails: one error that says what is wrong, where, and how to see it again.
 * Holds data and makes the text; who finds what is wrong is elsewhere.
 */

import { letterOf } from './schedule.js';

/** What went wrong in a schedule. */
export type ScheduleTrouble =
  | 'error'
  | 'lost wake-up'
  | 'deadlock'
  | 'event unread'
  | 'handler gone'
  | 'fault unresolved'
  | 'outside await'
  | 'stuck'
  | 'livelock'
  | 'too many steps'
  | 'left behind'
  | 'uncontrolled nondeterminism';

/** A thread of a simulation makes call after call without awaiting one: nobody else can go on. */
export class NeverYieldsError extends Error {
  /** Always `'NeverYieldsError'`. */
  override readonly name = 'NeverYieldsError';
}

/** What a {@link ScheduleError} is made of. */
export interface ScheduleFailure {
  readonly trouble: ScheduleTrouble;
  /** Sentences about it, the most important first. */
  readonly lines: readonly string[];
  /** Steps that the failing run took. */
  readonly steps: number;
  /** Names of the threads, in order of their letters in schedules. */
  readonly threads: readonly string[];
  /** The schedule, as {@link replay} takes it. */
  readonly schedule: string;
  /** What the program threw, if that is the trouble. */
  readonly error: unknown;
}

/** Where a failure was found. */
export interface Finding {
  /** Seed of the run, when its strategy had one. */
  readonly seed: number | undefined;
  /** Runs until then, the failing one included. */
  readonly runs: number;
  /** The schedule before it was shortened. */
  readonly original: string;
}

/**
 * A program failed under a schedule: the trouble in words, and the schedule that shows it again.
 *
 * @see replay
 */
export class ScheduleError extends Error {
  /** Always `'ScheduleError'`. */
  override readonly name = 'ScheduleError';
  /** What went wrong, in one or two words. */
  readonly trouble: ScheduleTrouble;
  /** Who sleeps where and why, a line each. */
  readonly details: readonly string[];
  /** The shortest failing schedule that was found. */
  readonly schedule: string;
  /** The schedule that failed first. */
  readonly original: string;
  /** Steps of the failing run. */
  readonly steps: number;
  /** Seed that found it; `undefined` for strategies without one. */
  readonly seed: number | undefined;
  /** Runs until it was found, that one included. */
  readonly runs: number;

  /** @internal */
  constructor(failure: ScheduleFailure, { seed, runs, original }: Finding) {
    const found = seed === undefined ? `run ${runs}` : `seed ${seed}, run ${runs}`;
    const head = `${failure.trouble} after ${failure.steps} steps (${found})`;
    const details = failure.lines.map((line) => `  ${line}`);
    const names = failure.threads.map((name, i) => `${letterOf(i)} ${name}`).join(', ');
    const again = [`  threads:  ${names}`, `  replay:   UFFD_SCHEDULE=${failure.schedule}`];
    super([head, ...details, ...again].join('\n'), { cause: failure.error });
    this.trouble = failure.trouble;
    this.details = failure.lines;
    this.schedule = failure.schedule;
    this.original = original;
    this.steps = failure.steps;
    this.seed = seed;
    this.runs = runs;
  }
}
