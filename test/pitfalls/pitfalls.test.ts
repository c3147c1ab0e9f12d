/**
 * Each program makes one mistake, which must be found and named; without it, the same program must
 * pass. The table at the end says which seed found what, and how fast schedules run.
 */
import { afterAll, describe, expect, it, vi } from 'vitest';
import { type Body, type ExploreOptions, explore, ScheduleError } from '../../src/index.js';
import { PITFALLS } from './all.js';
import type { Pitfall } from './kit.js';

const CORRECT_SEEDS = 2000;
const BROKEN_SEEDS = 200;

/** The failure of a program; `undefined` when it passes. */
async function failureOf(
  body: Body,
  options: ExploreOptions,
  { machine = {} }: Pitfall,
): Promise<ScheduleError | undefined> {
  try {
    await explore({ ...options, machine }, body);
    return undefined;
  } catch (error) {
    if (error instanceof ScheduleError) return error;
    throw error;
  }
}

/** Pitfall; seeds that found its forms; whether one plain run does; steps of a run; speed. */
const rows: string[][] = [['pitfall', 'seed', 'plain run', 'steps', 'runs/s']];
let allRuns = 0;
let allSeconds = 0;

vi.setConfig({ testTimeout: 60_000 }); // on a machine that does other things too

describe.each(PITFALLS.map((pitfall, i) => ({ pitfall, name: `${i + 1}. ${pitfall.title}` })))(
  '$name',
  ({ pitfall, name }) => {
    const seeds: (number | undefined)[] = [];
    const plain: string[] = [];

    it.each(pitfall.broken)('is found, and its cause is named: $says', async (form) => {
      const failure = await failureOf(form.body, { seeds: BROKEN_SEEDS }, pitfall);
      expect(failure?.message).toMatch(form.says);
      expect(failure?.trouble).toBe(form.trouble);
      const once = await failureOf(form.body, { strategy: 'fifo' }, pitfall);
      seeds.push(failure?.seed);
      plain.push(once === undefined ? 'no' : 'yes');
    });

    it(`is not in the correct form: ${CORRECT_SEEDS} schedules pass`, async () => {
      const begin = performance.now();
      const { machine = {}, correct } = pitfall;
      const { runs, steps } = await explore({ seeds: CORRECT_SEEDS, machine }, correct);
      const seconds = (performance.now() - begin) / 1000;
      expect(runs).toBe(CORRECT_SEEDS);
      allRuns += runs;
      allSeconds += seconds;
      const figures = [(steps / runs).toFixed(0), (runs / seconds).toFixed(0)];
      rows.push([name, seeds.join(', '), plain.join(', '), ...figures]);
    });
  },
);

afterAll(() => {
  const width = (i: number): number => Math.max(...rows.map((row) => row[i]?.length ?? 0));
  const lines = rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(width(0)) : cell.padStart(width(i) + 2))).join(''),
  );
  const total = `${allRuns} schedules, ${(allRuns / allSeconds).toFixed(0)} a second`;
  console.log([...lines, total].join('\n'));
});
