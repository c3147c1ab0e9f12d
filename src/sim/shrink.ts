/**
 * Makes a failing schedule shorter: leaves out turns, joins what belongs together, and keeps what
 * still fails in the same way.
 */

import type { ScheduleTrouble } from './errors.js';
import { ListInjector } from './injector.js';
import { type Body, type RunOptions, type RunResult, runOnce } from './run.js';
import type { Recipe } from './schedule.js';
import { ReplayStrategy } from './strategy.js';

/** Runs that shrinking may cost. */
const RUNS_MAX = 200;

/** Consecutive steps of one thread. */
interface Turn {
  readonly thread: number;
  readonly count: number;
}

function turnsOf(steps: readonly number[]): Turn[] {
  const turns: Turn[] = [];
  for (const thread of steps) {
    const last = turns.at(-1);
    if (last?.thread === thread) turns[turns.length - 1] = { thread, count: last.count + 1 };
    else turns.push({ thread, count: 1 });
  }
  return turns;
}

const stepsOf = (turns: readonly Turn[]): number[] =>
  turns.flatMap(({ thread, count }) => new Array<number>(count).fill(thread));

/** Fewer faults, then fewer steps, then fewer switches between threads. */
function isShorter(a: Recipe, b: Recipe): boolean {
  if (a.injected.length !== b.injected.length) return a.injected.length < b.injected.length;
  if (a.steps.length !== b.steps.length) return a.steps.length < b.steps.length;
  return turnsOf(a.steps).length < turnsOf(b.steps).length;
}

/** The same recipe with one thing changed, the largest changes first. */
function* variants({ steps, injected }: Recipe): Generator<Recipe> {
  for (const left of injected) {
    yield { steps, injected: injected.filter((each) => each !== left) };
  }
  for (const fewer of shorter(steps)) yield { steps: fewer, injected };
}

function* shorter(steps: readonly number[]): Generator<number[]> {
  const turns = turnsOf(steps);
  for (let size = turns.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at + size <= turns.length; at += size) {
      yield stepsOf(turns.filter((_, i) => i < at || i >= at + size));
    }
  }
  for (let at = 0; at + 2 < turns.length; at++) {
    const [a, b, c] = turns.slice(at, at + 3) as [Turn, Turn, Turn];
    if (a.thread !== c.thread) continue;
    const joined = { thread: a.thread, count: a.count + c.count };
    yield stepsOf([...turns.slice(0, at), joined, b, ...turns.slice(at + 3)]);
    yield stepsOf([...turns.slice(0, at), b, joined, ...turns.slice(at + 3)]);
  }
}

/** The shortest run that was found to fail as `failing` does. */
export async function shrink(
  body: Body,
  failing: RunResult,
  options: RunOptions,
): Promise<RunResult> {
  let best = failing;
  let runs = 0;
  let improved = true;
  while (improved && runs < RUNS_MAX) {
    improved = false;
    for (const recipe of variants(best.recipe)) {
      if (runs++ === RUNS_MAX) break;
      const result = await rerun(body, recipe, options);
      if (!failsAlike(result, failing.failure?.trouble)) continue;
      if (!isShorter(result.recipe, best.recipe)) continue;
      best = result;
      improved = true;
      break;
    }
  }
  return best;
}

/** Runs a program by a recipe, passing over steps that it cannot take. */
export const rerun = (
  body: Body,
  { steps, injected }: Recipe,
  options: RunOptions,
  stacks: 'stacks' | 'no stacks' = 'no stacks',
): Promise<RunResult> =>
  runOnce(body, new ReplayStrategy(steps, 'loose'), new ListInjector(injected), options, stacks);

const failsAlike = ({ failure }: RunResult, trouble: ScheduleTrouble | undefined): boolean =>
  failure !== undefined && failure.trouble === trouble;
