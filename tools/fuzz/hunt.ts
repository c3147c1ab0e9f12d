/**
 * Runs seed after seed on both sides and says where they differ. Keeps some scenarios ahead of the
 * comparison, so that the kernel's side works while the emulator does. Prints nothing.
 */

import { setImmediate } from 'node:timers/promises';
import { compare, successShare } from './compare.js';
import { generate } from './generate.js';
import type { Part } from './parts.js';
import { type Divergence, diverge, shrink } from './shrink.js';
import type { Outcome, Pair } from './sides.js';
import { shapeOf } from './simplify.js';

const AHEAD = 8;

/** What to run. */
export interface Plan {
  readonly profile: string;
  readonly seed: number;
  readonly count: number;
  readonly parts: ReadonlySet<Part>;
  /** Goes on after a divergence, and reports each shape once. */
  readonly all: boolean;
  /** Says that time is up. */
  readonly isOver: () => boolean;
}

/** What the caller hears of. */
export interface Listener {
  seed(tally: Tally): void;
  found(seed: number, divergence: Divergence): void;
}

/** What a hunt saw. */
export interface Tally {
  seeds: number;
  differing: number;
  /** Differing after shrinking in a way not seen before. */
  shapes: number;
  unmodelled: Map<string, number>;
  trouble: Map<string, number>;
  /** Operations that do something, and those of them that succeeded. */
  operations: number;
  succeeded: number;
  failures: Map<string, number>;
}

const count = (map: Map<string, number>, key: string): void => {
  map.set(key, (map.get(key) ?? 0) + 1);
};

function emptyTally(): Tally {
  return {
    seeds: 0,
    differing: 0,
    shapes: 0,
    unmodelled: new Map(),
    trouble: new Map(),
    operations: 0,
    succeeded: 0,
    failures: new Map(),
  };
}

interface Running {
  readonly seed: number;
  readonly text: string;
  readonly expected: Promise<Outcome>;
}

class Hunt {
  readonly tally = emptyTally();
  readonly #seen = new Set<string>();

  constructor(
    private readonly pair: Pair,
    private readonly plan: Plan,
    private readonly listener: Listener,
  ) {}

  async run(): Promise<Tally> {
    const { seed, count: seeds, isOver, all } = this.plan;
    const ahead: Running[] = [];
    let next = seed;
    const isLeft = (): boolean => next < seed + seeds && !isOver();
    while (ahead.length > 0 || isLeft()) {
      while (ahead.length < AHEAD && isLeft()) ahead.push(this.#start(next++));
      const running = ahead.shift();
      if (running === undefined || !(await this.#finish(running)) || all) continue;
      await Promise.all(ahead.map(({ expected }) => expected));
      break;
    }
    return this.tally;
  }

  #start(seed: number): Running {
    const text = generate(this.plan.profile, seed, this.plan.parts);
    return { seed, text, expected: this.pair.expected.run(text) };
  }

  /** Compares; true if the sides differ. */
  async #finish({ seed, text, expected: pending }: Running): Promise<boolean> {
    await setImmediate(); // what the kernel's side has to say may come in
    const actual = await this.pair.actual.run(text);
    const expected = await pending;
    this.#count(expected);
    const comparison = compare(expected, actual);
    if (comparison.kind === 'unmodelled') count(this.tally.unmodelled, comparison.operation);
    if (comparison.kind === 'trouble') count(this.tally.trouble, comparison.reason);
    if (comparison.kind === 'differs') await this.#report(seed, text);
    this.listener.seed(this.tally);
    return comparison.kind === 'differs';
  }

  #count({ transcript }: Outcome): void {
    const { operations, succeeded, failures } = successShare(transcript);
    this.tally.seeds++;
    this.tally.operations += operations;
    this.tally.succeeded += succeeded;
    for (const failure of failures) count(this.tally.failures, failure);
  }

  async #report(seed: number, text: string): Promise<void> {
    this.tally.differing++;
    const found = await diverge(this.pair, text.split('\n'));
    if (found === undefined) return count(this.tally.trouble, 'differed only once');
    const small = await shrink(this.pair, found);
    const shape = shapeOf(small.lines);
    if (this.#seen.has(shape)) return;
    this.#seen.add(shape);
    this.tally.shapes++;
    this.listener.found(seed, small);
  }
}

/** Runs a plan. */
export function hunt(pair: Pair, plan: Plan, listener: Listener): Promise<Tally> {
  return new Hunt(pair, plan, listener).run();
}
