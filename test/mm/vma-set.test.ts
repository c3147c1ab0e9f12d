/** The ordered set of areas: every question against a plain list. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Vma } from '../../src/mm/vma.js';
import { VmaSet } from '../../src/mm/vma-set.js';

const area = (start: number, end: number): Vma =>
  new Vma({ start, end, flags: 0, file: undefined, pgoff: 0 });

/** Disjoint ranges with gaps of any width, in random order of insertion. */
const ranges = fc
  .uniqueArray(fc.nat({ max: 60 }), { maxLength: 20 })
  .map((points) => points.sort((a, b) => a - b))
  .map((points) =>
    points.flatMap((start, i) => (i % 2 === 0 && points[i + 1] ? [[start, points[i + 1]]] : [])),
  )
  .chain((list) => fc.shuffledSubarray(list as [number, number][]));

function setOf(list: readonly [number, number][]): { set: VmaSet; sorted: Vma[] } {
  const set = new VmaSet();
  const made = list.map(([start, end]) => area(start, end));
  for (const vma of made) set.insert(vma);
  return { set, sorted: made.sort((a, b) => a.start - b.start) };
}

describe('VmaSet', () => {
  test('keeps ascending order whatever the order of insertion', () => {
    fc.assert(
      fc.property(ranges, (list) => {
        const { set, sorted } = setOf(list);
        expect([...set]).toEqual(sorted);
        expect(set.size).toBe(list.length);
      }),
    );
  });

  test('finds the area around an address, the next one above, the last one below', () => {
    fc.assert(
      fc.property(ranges, fc.nat({ max: 70 }), (list, addr) => {
        const { set, sorted } = setOf(list);
        expect(set.find(addr)).toBe(sorted.find((v) => v.start <= addr && addr < v.end));
        expect(set.findFrom(addr)).toBe(sorted.find((v) => addr < v.end));
        expect(set.lastBelow(addr)).toBe(sorted.filter((v) => v.end <= addr).at(-1));
      }),
    );
  });

  test('lists the areas that a range meets; a range that ends at a start does not meet it', () => {
    fc.assert(
      fc.property(ranges, fc.nat({ max: 70 }), fc.integer({ min: 1, max: 30 }), (list, at, len) => {
        const { set, sorted } = setOf(list);
        const expected = sorted.filter((v) => v.end > at && v.start < at + len);
        expect(set.within(at, at + len)).toEqual(expected);
      }),
    );
  });

  test('knows the area before one', () => {
    fc.assert(
      fc.property(ranges, (list) => {
        const { set, sorted } = setOf(list);
        expect(sorted.map((vma) => set.before(vma))).toEqual([
          ...(sorted.length > 0 ? [undefined] : []),
          ...sorted.slice(0, -1),
        ]);
      }),
    );
  });

  test('loses exactly the area that is removed', () => {
    fc.assert(
      fc.property(ranges, fc.nat(), (list, n) => {
        const { set, sorted } = setOf(list);
        const gone = sorted[n % Math.max(sorted.length, 1)];
        if (gone !== undefined) set.remove(gone);
        set.remove(area(0, 1));
        expect([...set]).toEqual(sorted.filter((vma) => vma !== gone));
      }),
    );
  });

  test('hands out lists that later changes leave alone', () => {
    const { set } = setOf([
      [0, 1],
      [2, 3],
    ]);
    const before = set.within(0, 9);
    for (const vma of before) set.remove(vma);
    expect([before.length, set.size]).toEqual([2, 0]);
  });
});

describe('an area', () => {
  test('translates between addresses and page indexes', () => {
    const vma = new Vma({ start: 0x5000, end: 0x9000, flags: 0, file: undefined, pgoff: 7 });
    expect([0x5000, 0x8000].map((addr) => vma.indexOf(addr))).toEqual([7, 10]);
    expect([7, 10, 3].map((index) => vma.addressOf(index))).toEqual([0x5000, 0x8000, 0x1000]);
  });
});
