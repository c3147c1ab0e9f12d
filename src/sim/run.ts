/**
 * One run: a machine of its own, the program on it, and what came of it.
 * Nothing of a run outlives it.
 */

import { Machine, type MachineOptions } from '../machine/machine.js';
import type { ScheduleFailure } from './errors.js';
import type { Injector } from './injector.js';
import { formatSchedule, type Recipe } from './schedule.js';
import { Sim } from './sim.js';
import { Simulation } from './simulation.js';
import type { Strategy } from './strategy.js';
import { judge } from './verdict.js';

/** A program to explore. */
export type Body = (sim: Sim) => Promise<void> | void;

/** What every run of an exploration has in common. */
export interface RunOptions {
  readonly machine: MachineOptions;
  readonly maxSteps: number;
  readonly strict: boolean;
}

/** What came of a run. */
export interface RunResult {
  readonly failure: ScheduleFailure | undefined;
  /** Who took each step, and what went wrong. */
  readonly recipe: Recipe;
  /** What each step was one of. */
  readonly calls: readonly string[];
}

/** Runs a program once; never throws what the program does. */
export async function runOnce(
  body: Body,
  strategy: Strategy,
  injector: Injector,
  options: RunOptions,
  stacks: 'stacks' | 'no stacks' = 'no stacks',
): Promise<RunResult> {
  const { maxSteps, strict } = options;
  const settings = { maxSteps, injector, stacks: stacks === 'stacks' };
  const simulation = new Simulation(new Machine(options.machine), strategy, settings);
  const sim = new Sim(simulation);
  simulation.spawn('main', sim.thread, async () => body(sim));
  await simulation.run();
  const { taken, injected, calls } = simulation;
  const recipe: Recipe = { steps: taken, injected };
  const verdict = judge(simulation, strict);
  if (verdict === undefined) return { failure: undefined, recipe, calls };
  const schedule = formatSchedule(recipe);
  const threads = simulation.strands.map(({ name }) => name);
  return { failure: { ...verdict, steps: taken.length, threads, schedule }, recipe, calls };
}
