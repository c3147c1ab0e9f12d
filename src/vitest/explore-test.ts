/**
 * Exploration as a test: one test that runs a program under many schedules, and whose failure is
 * the text of the schedule that failed.
 */

import { test as plain } from 'vitest';
import type { Process } from '../machine/process.js';
import { ScheduleError } from '../sim/errors.js';
import { type ExploreOptions, explore } from '../sim/explore.js';
import type { Body } from '../sim/run.js';
import type { Sim } from '../sim/sim.js';
import { Region, type RegionOptions } from './region.js';

/** What the program of an {@link exploreTest} gets besides its {@link Sim}. */
export interface ExploreKit {
  /** Makes memory of the first process, or of another; closed when the program ends well. */
  region(options?: RegionOptions, process?: Process): Region;
}

/** Options of {@link exploreTest}. */
export interface ExploreTestOptions extends ExploreOptions {
  /** Milliseconds of real time for all schedules. @defaultValue `60000` */
  readonly timeout?: number;
}

/** A program under test. */
export type ExploreBody = (sim: Sim, kit: ExploreKit) => Promise<void> | void;

const TIMEOUT = 60_000;

/**
 * Declares a test that runs a program under many schedules. `UFFD_SCHEDULE` in the environment
 * replays one; name the test with `-t`, because a schedule fits one program alone.
 *
 * @param options - As {@link explore} takes them, and `timeout`.
 */
export function exploreTest(name: string, options: ExploreTestOptions, body: ExploreBody): void;
export function exploreTest(name: string, body: ExploreBody): void;
export function exploreTest(
  name: string,
  first: ExploreTestOptions | ExploreBody,
  second?: ExploreBody,
): void {
  const body = typeof first === 'function' ? first : second;
  if (body === undefined) throw new TypeError(`${name}: expected a program to explore`);
  const { timeout = TIMEOUT, ...options } = typeof first === 'function' ? {} : first;
  plain(name, { timeout }, () => exploreWithKit(name, options, body));
}

/** Explores a program with its kit; a failure names the test that replays it. */
export async function exploreWithKit(
  name: string,
  options: ExploreOptions,
  body: ExploreBody,
): Promise<void> {
  try {
    await explore(options, withKit(body));
  } catch (error) {
    if (error instanceof ScheduleError) error.message += `\n${replayLine(name, error.schedule)}`;
    throw error;
  }
}

/**
 * Makes a program for `explore` of one that wants a kit.
 *
 * @returns A program that closes every region when `body` has ended well.
 */
export const withKit =
  (body: ExploreBody): Body =>
  async (sim) => {
    const regions: Region[] = [];
    const region: ExploreKit['region'] = (options, process = sim.process) => {
      const made = new Region(process, options);
      regions.push(made);
      return made;
    };
    await body(sim, { region });
    for (const each of regions) each.close();
  };

const replayLine = (name: string, schedule: string): string =>
  `  as test:  UFFD_SCHEDULE=${schedule} npx vitest run -t ${JSON.stringify(name)}`;
