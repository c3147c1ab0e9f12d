/**
 * Schedules as values of fast-check: a property takes one beside its other values, and a
 * counterexample is shrunk towards few choices and shown as a schedule that can be replayed.
 *
 * @module
 */

import { type Arbitrary, array, nat } from 'fast-check';
import type { ExploreOptions } from '../sim/explore.js';
import type { Body } from '../sim/run.js';
import { runUnder } from '../sim/single.js';
import { ChoiceStrategy } from './choices.js';

/** Options of {@link FcSchedule.run}. */
export type ScheduleRunOptions = Pick<ExploreOptions, 'machine' | 'maxSteps' | 'strict'>;

/** A schedule that fast-check chose. */
export class FcSchedule {
  readonly #numbers: readonly number[];
  #shown: string | undefined;

  /**
   * Makes a schedule by hand.
   *
   * @param numbers - Which of the threads that can go on does, step by step; 0 is the oldest.
   */
  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }

  /**
   * Runs a program once under the schedule, on a machine of its own.
   *
   * @returns Steps that it took.
   * @throws ScheduleError when it fails.
   */
  async run(body: Body, options: ScheduleRunOptions = {}): Promise<number> {
    const { schedule, steps, error } = await runUnder(
      new ChoiceStrategy(this.#numbers),
      body,
      options,
    );
    this.#shown = schedule;
    if (error !== undefined) throw error;
    return steps;
  }

  /** The schedule that was run, as `replay` takes it; before that, the choices. */
  toString(): string {
    return this.#shown ?? `choices ${this.#numbers.join(' ')}`;
  }
}

/** Options of {@link fcSchedule}. */
export interface FcScheduleOptions {
  /** Steps that are chosen; what comes after goes first in, first out. @defaultValue `100` */
  readonly steps?: number;
}

/**
 * An arbitrary of schedules. Shrinks towards first in, first out.
 *
 * @example
 * ```ts
 * import fc from 'fast-check';
 * import { fcSchedule } from 'uffd-emulator/fast-check';
 *
 * await fc.assert(
 *   fc.asyncProperty(fc.integer(), fcSchedule(), async (value, schedule) => {
 *     await schedule.run(async (sim) => {
 *       const cell = sim.channel<number>('cell');
 *       sim.spawn('sender', () => cell.send(value));
 *       if ((await cell.receive()) !== value) throw new Error('another value came');
 *     });
 *   }),
 * );
 * ```
 */
export function fcSchedule({ steps = 100 }: FcScheduleOptions = {}): Arbitrary<FcSchedule> {
  const numbers = array(nat({ max: 51 }), { maxLength: steps, size: 'max' });
  return numbers.map((chosen) => new FcSchedule(chosen));
}
