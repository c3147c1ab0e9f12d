import fc from 'fast-check';
import { replay, ScheduleError } from 'uffd-emulator';
import { FcSchedule, fcSchedule } from 'uffd-emulator/fast-check';
import { describe, expect, it } from 'vitest';
import type { Body } from '../../src/index.js';

/** Two threads increment a counter with a gap between reading and writing. */
const racyCounter: Body = async (sim) => {
  let counter = 0;
  const increment = async (): Promise<void> => {
    const before = counter;
    await sim.yield();
    counter = before + 1;
  };
  await Promise.all([sim.spawn('one', increment), sim.spawn('two', increment)]);
  if (counter !== 2) throw new Error(`counted ${counter}`);
};

describe('fcSchedule', () => {
  it('finds a lost update, and shrinks to a schedule that can be replayed', async () => {
    const property = fc.asyncProperty(fcSchedule(), async (schedule) => {
      await schedule.run(racyCounter);
    });
    const found = await fc.check(property, { seed: 1 });
    expect(found.failed).toBe(true);
    const [schedule] = found.counterexample as [FcSchedule];
    expect(found.errorInstance).toBeInstanceOf(ScheduleError);
    expect(fc.stringify(schedule)).toMatch(/^([a-z]\d*)+$/);
    await expect(replay(String(schedule), racyCounter)).rejects.toThrow('counted 1');
    expect((found.errorInstance as ScheduleError).steps).toBeLessThan(12);
  });

  it('passes a program without a race', async () => {
    const property = fc.asyncProperty(fcSchedule({ steps: 20 }), async (schedule) => {
      expect(await schedule.run((sim) => sim.yield())).toBe(2);
    });
    await fc.assert(property, { numRuns: 20 });
  });

  it('goes first in, first out without choices', async () => {
    const schedule = new FcSchedule([]);
    expect(String(schedule)).toBe('choices ');
    await schedule.run(racyCounter);
    await expect(replay(String(schedule), racyCounter)).resolves.toMatchObject({ runs: 1 });
  });

  it('names its choices before it is run', () => {
    expect(String(new FcSchedule([1, 0, 2]))).toBe('choices 1 0 2');
  });
});
