/** How fast `pct` finds a bug in a program of few steps, and what it takes for its length. */
import { expect, it } from 'vitest';
import { type Body, explore, replay, ScheduleError } from '../../src/index.js';
import { PCT_STEPS, PctStrategy } from '../../src/sim/strategy.js';

const SIDE_STEPS = 4;

/** Two threads of a few steps; it fails when one is stopped for good between its last two. */
const shortProgram: Body = async (sim) => {
  let isHalfDone = false;
  const half = async (): Promise<void> => {
    for (let i = 0; i < SIDE_STEPS; i++) await sim.yield();
    isHalfDone = true;
    await sim.yield();
    isHalfDone = false;
  };
  const look = async (): Promise<void> => {
    await sim.yield();
    if (isHalfDone) throw new Error('half done');
    await sim.yield();
  };
  await Promise.all([sim.spawn('half', half), sim.spawn('look', look)]);
};

const SEARCHES = 20;

/** Runs until the bug is found, from each of some first seeds. */
async function searches(): Promise<ScheduleError[]> {
  const errors: ScheduleError[] = [];
  for (let i = 0; i < SEARCHES; i++) {
    const options = { strategy: 'pct', depth: 2, firstSeed: 1 + i * 1000, seeds: 1000 } as const;
    const error = await explore(options, shortProgram).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ScheduleError);
    errors.push(error as ScheduleError);
  }
  return errors;
}

it('finds a bug of two orderings in a program of few steps within 150 seeds', async () => {
  const errors = await searches();
  const runs = errors.map((error) => error.runs).sort((a, b) => a - b);
  expect(runs.at(-1)).toBeLessThan(150);
  const again = await searches();
  expect(again.map(({ schedule }) => schedule)).toEqual(errors.map(({ schedule }) => schedule));
});

it('finds what replays from its schedule alone', async () => {
  const [first] = await searches();
  await expect(replay(first?.original ?? '', shortProgram)).rejects.toThrow('half done');
});

it('has its changes of priority within the length that it is given', () => {
  const choices = [0, 1].map((thread) => ({ thread, since: thread, timer: false }));
  const changesWithin = (steps: number, length: number): boolean => {
    const strategy = new PctStrategy(3, 2, length);
    const taken = Array.from({ length: steps }, () => strategy.choose(choices).thread);
    return new Set(taken).size > 1;
  };
  expect(changesWithin(12, 12)).toBe(true);
  expect(changesWithin(PCT_STEPS, PCT_STEPS)).toBe(true);
});
