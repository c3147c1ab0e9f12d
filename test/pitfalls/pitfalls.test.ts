/**
 * Each program makes one mistake, which must be found and named; without it, the same program must
 * pass. The table at the end says which seed found what, and how fast schedules run.
 */
import { afterAll, describe, expect, it, vi } from 'vitest';
import { type Body, explore, ScheduleError } from '../../src/index.js';
import { PITFALLS } from './all.js';
import { MEMORY, type Pitfall } from './kit.js';

const CORRECT_SEEDS = 2000;
const BROKEN_SEEDS = 200;

async function failureOf(body: Body, { machine }: Pitfall): Promise<ScheduleError> {
  const options = { seeds: BROKEN_SEEDS, machine: { memory: MEMORY, ...machine } };
  const found = await explore(options, body).catch((error: unknown) => error);
  expect(found).toBeInstanceOf(ScheduleError);
  return found as ScheduleError;
}

const rows: string[] = [];
let allRuns = 0;
let allSeconds = 0;

vi.setConfig({ testTimeout: 60_000 }); // on a machine that does other things too

describe.each(PITFALLS.map((pitfall, i) => ({ pitfall, name: `${i + 1}. ${pitfall.title}` })))(
  '$name',
  ({ pitfall, name }) => {
    const seeds: (number | undefined)[] = [];

    it.each(pitfall.broken)('is found, and its cause is named: $says', async (form) => {
      const failure = await failureOf(form.body, pitfall);
      expect(failure.message).toMatch(form.says);
      expect(failure.trouble).toBe(form.trouble);
      seeds.push(failure.seed);
    });

    it(`is not in the correct form: ${CORRECT_SEEDS} schedules pass`, async () => {
      const machine = { memory: MEMORY, ...pitfall.machine };
      const begin = performance.now();
      const { runs, steps } = await explore({ seeds: CORRECT_SEEDS, machine }, pitfall.correct);
      const seconds = (performance.now() - begin) / 1000;
      expect(runs).toBe(CORRECT_SEEDS);
      allRuns += runs;
      allSeconds += seconds;
      const [found, long] = [seeds.join(', '), (steps / runs).toFixed(0)];
      const speed = (runs / seconds).toFixed(0);
      rows.push(`${name.padEnd(86)}${found.padStart(8)}${long.padStart(8)}${speed.padStart(10)}`);
    });
  },
);

afterAll(() => {
  const head = `${'pitfall'.padEnd(86)}${'seed'.padStart(8)}${'steps'.padStart(8)}`;
  const total = `${allRuns} schedules, ${(allRuns / allSeconds).toFixed(0)} a second`;
  console.log([`${head}${'runs/s'.padStart(10)}`, ...rows, total].join('\n'));
});
