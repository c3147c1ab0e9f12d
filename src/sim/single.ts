/**
 * Single runs for whoever chooses schedules by other means: a strategy of the caller's, or each
 * seed twice. What fails is told as an exploration tells it; nothing is made shorter here.
 */

import { type Finding, ScheduleError } from './errors.js';
import { type ExploreOptions, partingOf, settingsOf, strategies } from './explore.js';
import { DiceInjector, NO_FAULTS } from './injector.js';
import { type Body, type RunResult, runOnce } from './run.js';
import { formatSchedule } from './schedule.js';
import { rerun } from './shrink.js';
import type { Strategy } from './strategy.js';

/** What came of a single run. */
export interface SingleRun {
  /** The schedule that was run, as {@link replay} takes it. */
  readonly schedule: string;
  /** Steps that it took. */
  readonly steps: number;
  /** What went wrong; `undefined` when nothing did. */
  readonly error: ScheduleError | undefined;
}

/** Runs a program once under a strategy. */
export async function runUnder(
  strategy: Strategy,
  body: Body,
  options: ExploreOptions,
): Promise<SingleRun> {
  const settings = settingsOf(options);
  const first = await runOnce(body, strategy, NO_FAULTS, settings);
  const schedule = formatSchedule(first.recipe);
  const steps = first.recipe.steps.length;
  if (first.failure === undefined) return { schedule, steps, error: undefined };
  const shown = await rerun(body, first.recipe, settings, 'stacks');
  const finding: Finding = { seed: undefined, runs: 1, original: schedule };
  const error = new ScheduleError(shown.failure ?? first.failure, finding);
  return { schedule, steps, error };
}

/** Runs each schedule twice; where the two first part, as a sentence, if they do. */
export async function findParting(
  body: Body,
  options: ExploreOptions,
): Promise<string | undefined> {
  let runs = 0;
  for (const { strategy, seed } of strategies(options)) {
    const dice = seed ?? runs;
    const injector = options.faults ? new DiceInjector(dice, options.faults) : NO_FAULTS;
    const first: RunResult = await runOnce(body, strategy, injector, settingsOf(options));
    const again = await rerun(body, first.recipe, settingsOf(options));
    runs++;
    const parted = partingOf(first, again);
    if (parted !== undefined) return `run ${runs} (${formatSchedule(first.recipe)}): ${parted}`;
  }
  return undefined;
}
