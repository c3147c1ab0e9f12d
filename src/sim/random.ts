/**
 * Numbers that a seed determines: xorshift over 32 bits, the same on every machine.
 * Good enough to choose threads by; for nothing else.
 */

/** A source of numbers that look random and are not. */
export class Random {
  #state: number;

  /** @param seed - Any integer; equal seeds give equal numbers. */
  constructor(seed: number) {
    this.#state = (Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995) | 0 || 1;
    for (let i = 0; i < 4; i++) this.next();
  }

  /** 32 bits, as an unsigned integer. */
  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }

  /** An integer from 0 up to, not including, `limit`. */
  below(limit: number): number {
    return this.next() % limit;
  }

  /** One of the elements; there is at least one. */
  pick<T>(elements: readonly T[]): T {
    return elements[this.below(elements.length)] as T;
  }
}
