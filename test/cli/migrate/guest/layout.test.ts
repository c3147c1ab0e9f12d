import { describe, expect, test } from 'vitest';
import { layoutOf } from '../../../../src/cli/migrate/guest/layout.js';

describe('layoutOf', () => {
  const layout = layoutOf(Float64Array.of(16, 17, 18, 40, 41, 2 ** 34));

  test('joins neighbouring pages into one mapping', () => {
    expect(layout.ranges).toEqual([
      { start: 16 * 4096, pages: 3 },
      { start: 40 * 4096, pages: 2 },
      { start: 2 ** 46, pages: 1 },
    ]);
    expect(layout.pages).toBe(6);
  });

  test('numbers the pages in address order', () => {
    const addresses = [...layout.indexes()].map((page) => layout.addressOf(page));
    expect(addresses).toEqual([16, 17, 18, 40, 41, 2 ** 34].map((page) => page * 4096));
    expect(addresses.map((address) => layout.indexOf(address + 4095))).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('knows no page outside of the mappings', () => {
    expect([0, 15, 19, 39, 42, 2 ** 34 + 1].map((page) => layout.indexOf(page * 4096))).toEqual(
      new Array(6).fill(undefined),
    );
    expect(() => layout.addressOf(6)).toThrow('no page 6');
  });

  test('bridges small gaps when there would be too many mappings', () => {
    const everyThird = Float64Array.from({ length: 10_000 }, (_, index) => 100 + index * 3);
    const { ranges, pages } = layoutOf(everyThird);
    expect(ranges).toHaveLength(1);
    expect(pages).toBe(29_998);
  });
});
