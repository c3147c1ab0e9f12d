/**
 * Who goes on: the strategies by which a schedule is made.
 * A strategy sees which threads could take the next step and names one; it owns no other state
 * than its own and never looks at the program.
 */

import { Random } from './random.js';
import { letterOf, ScheduleMismatchError } from './schedule.js';

/** A thread that could take the next step. */
export interface Choice {
  /** Number of the thread, in order of spawning. */
  readonly thread: number;
  /** When it became able to: smaller is earlier. */
  readonly since: number;
  /** It sleeps until a time that no thread has reached yet: choosing it lets time pass. */
  readonly timer: boolean;
}

/** Makes one schedule, choice by choice. */
export interface Strategy {
  /** Names one of the choices, of which there is at least one; `last` took the step before. */
  choose(choices: readonly Choice[], last: number): Choice;
  /** A thread does the same in vain again and again: others should have a turn. */
  futile?(thread: number): void;
}

/** Those that need no time to pass, or, without one, all. */
const timeless = (choices: readonly Choice[]): readonly Choice[] => {
  const ready = choices.filter(({ timer }) => !timer);
  return ready.length > 0 ? ready : choices;
};

const earliest = (choices: readonly Choice[]): Choice =>
  choices.reduce((first, each) => (each.since < first.since ? each : first));

/** First in, first out; a thread goes on until it waits, ends, or does the same in vain. */
export class FifoStrategy implements Strategy {
  #inVain: number | undefined;

  choose(choices: readonly Choice[], last: number): Choice {
    const ready = timeless(choices);
    const others = ready.filter(({ thread }) => thread !== this.#inVain);
    this.#inVain = undefined;
    const able = others.length > 0 ? others : ready;
    return able.find(({ thread }) => thread === last) ?? earliest(able);
  }

  futile(thread: number): void {
    this.#inVain = thread;
  }
}

/** One choice in so many lets time pass although somebody could go on. */
const TIMER_ODDS = 8;

/** Each step by whomever the dice name. */
export class RandomStrategy implements Strategy {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  choose(choices: readonly Choice[]): Choice {
    const ready = this.#random.below(TIMER_ODDS) === 0 ? choices : timeless(choices);
    return this.#random.pick(ready);
  }
}

/** Steps that a program is guessed to have before one run of it is known. */
export const PCT_STEPS = 200;

/**
 * Probabilistic concurrency testing: random priorities, of which the highest that can goes on, and
 * a few places where it becomes the lowest. Finds a bug that needs d orderings with a probability
 * of at least 1 / (threads * steps^(d-1)), whatever the rest of the program does.
 */
export class PctStrategy implements Strategy {
  readonly #random: Random;
  readonly #priorities = new Map<number, number>();
  readonly #changes = new Set<number>();
  #lowest = 0;
  #step = 0;

  /**
   * @param depth - Orderings that the bug needs.
   * @param steps - Steps that the program is taken to have, 1 or more.
   */
  constructor(seed: number, depth = 3, steps = PCT_STEPS) {
    this.#random = new Random(seed);
    for (let i = 1; i < depth; i++) this.#changes.add(this.#random.below(steps));
  }

  choose(choices: readonly Choice[]): Choice {
    let best = this.#best(choices);
    if (this.#changes.has(this.#step++)) {
      this.futile(best.thread);
      best = this.#best(choices);
    }
    return best;
  }

  futile(thread: number): void {
    this.#priorities.set(thread, --this.#lowest);
  }

  #best(choices: readonly Choice[]): Choice {
    return timeless(choices).reduce((first, each) =>
      this.#priority(each.thread) > this.#priority(first.thread) ? each : first,
    );
  }

  #priority(thread: number): number {
    const known = this.#priorities.get(thread);
    if (known !== undefined) return known;
    const priority = this.#random.next() + 1;
    this.#priorities.set(thread, priority);
    return priority;
  }
}

/** The steps of a schedule that was recorded; after its end first in, first out. */
export class ReplayStrategy implements Strategy {
  readonly #fifo = new FifoStrategy();
  #step = 0;

  constructor(
    readonly steps: readonly number[],
    /** Whether a step that cannot be taken is passed over, as shrinking wants. */
    readonly fit: 'strict' | 'loose' = 'strict',
  ) {}

  choose(choices: readonly Choice[], last: number): Choice {
    while (this.#step < this.steps.length) {
      const at = this.#step++;
      const thread = this.steps[at] ?? 0;
      const wanted = choices.find((choice) => choice.thread === thread);
      if (wanted !== undefined) return wanted;
      if (this.fit === 'strict') throw mismatch(at, thread, choices);
    }
    return this.#fifo.choose(choices, last);
  }

  futile(thread: number): void {
    this.#fifo.futile(thread);
  }

  /** Steps of the schedule that were not taken. */
  get left(): number {
    return this.steps.length - this.#step;
  }
}

function mismatch(at: number, thread: number, choices: readonly Choice[]): Error {
  const able = choices.map((choice) => letterOf(choice.thread)).join(', ');
  return new ScheduleMismatchError(
    `the schedule does not fit the program: step ${at + 1} is one of thread ` +
      `${letterOf(thread)}, but only ${able} can go on`,
  );
}
