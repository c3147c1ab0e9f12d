import { describe, expect, test } from 'vitest';
import { layoutOf } from '../../../../src/cli/migrate/guest/layout.js';
import { HEAT_COLUMNS_MAX, HeatMap } from '../../../../src/cli/migrate/timeline/heat-map.js';
import { AccessBatch } from '../../../../src/cli/migrate/trace/access.js';

const layout = layoutOf(Float64Array.of(16, 17, 40));

function batchOf(pages: readonly number[]): AccessBatch {
  const batch = new AccessBatch(pages.length);
  pages.forEach((page, index) => {
    batch.addresses[index] = page * 4096 + 8;
  });
  batch.length = pages.length;
  return batch;
}

function played(map: HeatMap, pages: readonly number[], atNs: number): void {
  map.count(batchOf(pages), { from: 0, to: pages.length, atNs, accessNs: 2 });
}

const total = (rows: readonly (readonly number[])[]) => rows.flat().reduce((a, b) => a + b, 0);

describe('HeatMap', () => {
  test('counts accesses by page and time', () => {
    const map = new HeatMap(layout, 10);
    played(map, [16, 16, 40, 17, 16, 16, 40], 4);
    expect(map.toData()).toEqual({
      binNs: 10,
      pagesPerRow: 1,
      rows: [
        [2, 2],
        [0, 1],
        [1, 1],
      ],
    });
  });

  test('merges columns when the time grows long, and loses no access', () => {
    const map = new HeatMap(layout, 10);
    played(map, [16], 0);
    played(map, [40], 10 * HEAT_COLUMNS_MAX * 3);
    const { binNs, rows } = map.toData();
    expect(binNs).toBe(40);
    expect(rows[0]?.length).toBeLessThanOrEqual(HEAT_COLUMNS_MAX);
    expect(total(rows)).toBe(2);
  });

  test('adds a map whose columns have become wider', () => {
    const [ours, theirs] = [new HeatMap(layout, 10), new HeatMap(layout, 10)];
    played(ours, [16, 17], 0);
    played(theirs, [40], 10 * HEAT_COLUMNS_MAX);
    ours.add(theirs.toData());
    expect(ours.toData().binNs).toBe(20);
    expect(total(ours.toData().rows)).toBe(3);
  });
});
