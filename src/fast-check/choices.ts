/**
 * A schedule made of numbers: each says which of the threads that can go on does. Zero is first in,
 * first out, and so is everything after the last number: fewer and smaller numbers are a simpler
 * schedule, which is what fast-check shrinks towards.
 */

import { type Choice, FifoStrategy, type Strategy } from '../sim/strategy.js';

/** Takes choices from a list. */
export class ChoiceStrategy implements Strategy {
  readonly #fifo = new FifoStrategy();
  #step = 0;

  constructor(readonly numbers: readonly number[]) {}

  choose(choices: readonly Choice[], last: number): Choice {
    const first = this.#fifo.choose(choices, last);
    const number = this.numbers[this.#step++] ?? 0;
    const others = choices.filter((choice) => choice !== first);
    const at = number % choices.length;
    return at === 0 ? first : (others[at - 1] as Choice);
  }
}
