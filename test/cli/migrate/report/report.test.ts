import { beforeAll, describe, expect, test } from 'vitest';
import { renderReport } from '../../../../src/cli/migrate/report/report.js';
import { axisTo, roundAxisTo, roundStep } from '../../../../src/cli/migrate/report/scale.js';
import type { MigrationResult } from '../../../../src/cli/migrate/result.js';
import { scanTrace } from '../../../../src/cli/migrate/trace/scan.js';
import { MODES, type Mode } from '../../../../src/cli/migrate/wire/messages.js';
import { TestFolder, traceText } from '../../trace-file.js';
import { migrateTrace } from '../migration.js';

const folder = new TestFolder();
const path = folder.write('a<b&c.trace', traceText({ accesses: 30_000, pages: 120 }));
const pages = new Map<Mode, string>();

async function reportOf(mode: Mode, change: (result: MigrationResult) => MigrationResult) {
  const { result, timeline } = await migrateTrace(path, { mode });
  const { layout } = await scanTrace({ path, allowTruncated: false });
  const wall = { seconds: 1, transport: 'in-process' };
  return renderReport(change({ ...result, wall }), timeline, layout);
}

beforeAll(async () => {
  for (const mode of MODES) pages.set(mode, await reportOf(mode, (result) => result));
});

describe.each(MODES)('the report of %s', (mode) => {
  const html = () => pages.get(mode) ?? '';

  test('is one page that needs no network', () => {
    expect(html().startsWith('<!doctype html>')).toBe(true);
    expect(html().match(/(?:src|href)=|url\(|@import|https?:|<!--\{/)).toBeNull();
  });

  test('shows the three charts, the table and the outcome', () => {
    const parts = ['id="dirty-rate"', 'id="heat"', 'id="faults"', '<table>', 'Verified: both'];
    expect(parts.filter((part) => !html().includes(part))).toEqual([]);
  });

  test('draws no mark at a place that is no number', () => {
    const [drawn = ''] = html().split('<script');
    expect(drawn.match(/NaN|Infinity|undefined/)).toBeNull();
  });

  test('escapes the name of the trace', () => {
    expect(html().includes('migration of a&lt;b&amp;c.trace</h1>')).toBe(true);
    expect(html().includes('a<b')).toBe(false);
  });

  test('carries data that its script can parse', () => {
    const json = /id="data">([^<]*)<\/script>/.exec(html())?.[1] ?? '';
    const data: unknown = JSON.parse(json);
    expect(data).toMatchObject({ pages: expect.any(Number), endMs: expect.any(Number) });
  });
});

test('a mismatch is shown with the number of pages', async () => {
  const html = await reportOf('precopy', (result) => ({
    ...result,
    outcome: 'mismatch',
    verification: { ...result.verification, verified: false, mismatches: ['0x1000', '0x2000'] },
  }));
  expect(html.includes('Mismatch: 2 pages differ')).toBe(true);
});

describe('an axis', () => {
  test.each([
    [0.7, 0.5],
    [1, 1],
    [37, 20],
    [99, 50],
    [501, 500],
  ])('has round steps: %d becomes %d', (value, step) => {
    expect(roundStep(value)).toBeCloseTo(step);
  });

  test('places its ticks in percent', () => {
    const { ticks, percentOf } = axisTo(20, 10);
    expect(ticks.map(({ label }) => label)).toEqual([
      '0',
      '2',
      '4',
      '6',
      '8',
      '10',
      '12',
      '14',
      '16',
      '18',
      '20',
    ]);
    expect(percentOf(5)).toBe(25);
  });

  test('ends at a round value above what it must show', () => {
    expect(roundAxisTo(318, 5).max).toBe(350);
    expect(roundAxisTo(0, 5).max).toBeGreaterThan(0);
  });
});
