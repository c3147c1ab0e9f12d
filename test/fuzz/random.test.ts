import { describe, expect, test } from 'vitest';
import { Random } from '../../tools/fuzz/random.js';

/** The same on every machine and in every version: seeds in reports stay good. */
const FIRST = [865, 979, 31, 659, 843];

const draws = (random: Random): number[] => Array.from({ length: 20 }, () => random.below(1000));

describe('random choices of the generator', () => {
  test('a seed and a label give the same stream every time', () => {
    expect(draws(new Random(7, 'anon'))).toEqual(draws(new Random(7, 'anon')));
    expect(draws(new Random(1, 'mixed')).slice(0, 5)).toEqual(FIRST);
  });

  test('neighbouring seeds and other labels give other streams', () => {
    const all = [new Random(7, 'anon'), new Random(8, 'anon'), new Random(7, 'fork')].map(draws);
    expect(new Set(all.map((numbers) => numbers.join())).size).toBe(3);
  });

  test('weights decide how often a choice is drawn, and 0 is never', () => {
    const random = new Random(3);
    const drawn = Array.from({ length: 2000 }, () =>
      random.weighted([
        ['seldom', 1],
        ['often', 9],
        ['never', 0],
      ]),
    );
    const seldom = drawn.filter((choice) => choice === 'seldom').length;
    expect(seldom).toBeGreaterThan(120);
    expect(seldom).toBeLessThan(280);
    expect(drawn).not.toContain('never');
  });

  test('between includes both ends', () => {
    const random = new Random(5);
    const drawn = new Set(Array.from({ length: 200 }, () => random.between(2, 4)));
    expect([...drawn].sort()).toEqual([2, 3, 4]);
  });

  test('nothing to choose from is an error', () => {
    expect(() => new Random(1).pick([])).toThrow('nothing to choose from');
    expect(() => new Random(1).weighted([['a', 0]])).toThrow('nothing to choose from');
  });
});
