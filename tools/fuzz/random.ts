/**
 * The generator's own random numbers: xorshift of 32 bits behind a splitmix start, so that a seed
 * and a label give the same scenario on every machine. Never reads a clock or Math.random.
 */

const SCALE = 2 ** 32;

/** Something with its weight; a weight of 0 is never drawn. */
export type Weighted<T> = readonly (readonly [T, number])[];

/** Spreads a seed and a label over 32 bits. */
function mixed(seed: number, label: string): number {
  let state = (seed + 0x9e3779b9) | 0;
  for (const char of label) state = Math.imul(state ^ char.charCodeAt(0), 0x01000193);
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
  return state ^ (state >>> 16) || 1;
}

/** A stream of random choices. */
export class Random {
  #state: number;

  constructor(seed: number, label = '') {
    this.#state = mixed(seed, label);
    for (let round = 0; round < 4; round++) this.#next();
  }

  #next(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return state >>> 0;
  }

  /** A whole number from 0 to `count - 1`. */
  below(count: number): number {
    return Math.floor((this.#next() / SCALE) * count);
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True in so many percent of the draws. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(choices: readonly T[]): T {
    const choice = choices[this.below(choices.length)];
    if (choice === undefined) throw new RangeError('nothing to choose from');
    return choice;
  }

  /** Each choice with a percentage, in the order given. */
  some<T>(choices: readonly T[], percent: number): T[] {
    return choices.filter(() => this.chance(percent));
  }

  weighted<T>(choices: Weighted<T>): T {
    const total = choices.reduce((sum, [, weight]) => sum + weight, 0);
    let left = this.below(total);
    for (const [choice, weight] of choices) {
      if (left < weight) return choice;
      left -= weight;
    }
    throw new RangeError('nothing to choose from');
  }
}
