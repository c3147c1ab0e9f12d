/** Versions against a model that copies everything: whatever changes between, all come back. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Parts, type Version, Versions } from '../../src/base/versions.js';

class Cells implements Parts<number> {
  readonly cells: number[] = new Array(8).fill(0);
  kept = 0;

  constructor(readonly versions: Versions) {}

  set(part: number, value: number): void {
    this.versions.keep(this, part);
    this.cells[part] = value;
  }

  take(part: number): number {
    this.kept++;
    return this.cells[part] ?? 0;
  }

  give(part: number, value: number): void {
    this.cells[part] = value;
  }
}

const set = fc.tuple(fc.constant('set' as const), fc.nat({ max: 7 }), fc.nat());
const mark = fc.tuple(fc.constant('mark' as const), fc.constant(0), fc.constant(0));
const goTo = fc.tuple(fc.constant('go to' as const), fc.nat(), fc.constant(0));

test('every version comes back, from every other', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(set, set, mark, goTo), { maxLength: 60 }), (steps) => {
      const cells = new Cells(new Versions());
      const marked: { version: Version; cells: number[] }[] = [];
      for (const [what, n, value] of steps) {
        const known = marked[n % Math.max(1, marked.length)];
        if (what === 'set') cells.set(n, value);
        else if (what === 'mark') {
          marked.push({ version: cells.versions.mark(), cells: [...cells.cells] });
        } else if (known !== undefined) {
          cells.versions.goTo(known.version);
          expect(cells.cells).toEqual(known.cells);
        }
      }
    }),
  );
});

test('keeps a part once for a version, and nothing without one', () => {
  const cells = new Cells(new Versions());
  cells.set(0, 1);
  expect(cells.kept).toBe(0);
  expect(cells.versions.isFree(cells, 0)).toBe(true);
  cells.versions.mark();
  expect(cells.versions.isFree(cells, 0)).toBe(false);
  cells.set(0, 2);
  cells.set(0, 3);
  expect(cells.kept).toBe(1);
  expect(cells.versions.isFree(cells, 0)).toBe(true);
});
