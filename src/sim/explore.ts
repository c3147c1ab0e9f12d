/**
 * Runs a program under many schedules until one fails, shortens that one, and tells.
 * The one entry point of schedule exploration.
 */

import { unsigned } from '../base/args.js';
import type { MachineOptions } from '../machine/machine.js';
import { type Finding, ScheduleError, type ScheduleFailure } from './errors.js';
import { ScheduleTree } from './exhaustive.js';
import { DiceInjector, type FaultOptions, ListInjector, NO_FAULTS } from './injector.js';
import { type Body, type RunOptions, type RunResult, runOnce } from './run.js';
import { formatSchedule, letterOf, parseSchedule, ScheduleMismatchError } from './schedule.js';
import { rerun, shrink } from './shrink.js';
import {
  FifoStrategy,
  PCT_STEPS,
  PctStrategy,
  RandomStrategy,
  ReplayStrategy,
  type Strategy,
} from './strategy.js';

/**
 * How schedules are chosen: `mixed` takes turns between `random` (each step by chance) and `pct`
 * (random priorities with a few changes); `fifo` is one run, first in, first out; `exhaustive` is
 * every schedule with at most `preemptions` preemptions, for small programs.
 */
export type StrategyName = 'mixed' | 'random' | 'pct' | 'fifo' | 'exhaustive';

/** Options of {@link explore}. */
export interface ExploreOptions {
  /** Schedules to try: seeds `firstSeed` and following. @defaultValue `200` */
  readonly seeds?: number;
  /** @defaultValue `1` */
  readonly firstSeed?: number;
  /** How schedules are chosen. @defaultValue `'mixed'` */
  readonly strategy?: StrategyName;
  /**
   * Orderings that a bug may need, for `pct`. It spreads its changes over as many steps as the
   * longest run before had, so a seed gives the same run after the same `firstSeed`.
   *
   * @defaultValue `3`
   */
  readonly depth?: number;
  /** Steps after which a run counts as endless. @defaultValue `20000` */
  readonly maxSteps?: number;
  /** Preemptions in one schedule of `exhaustive`. @defaultValue `2` */
  readonly preemptions?: number;
  /** Schedules of `exhaustive` after which it gives up with an error. @defaultValue `100000` */
  readonly maxRuns?: number;
  /** The machine of each run. @defaultValue 16 MiB, Linux 6.18 */
  readonly machine?: MachineOptions;
  /**
   * Whether a run must also leave no event unread and no userfaultfd open.
   *
   * @defaultValue `true`
   */
  readonly strict?: boolean;
  /**
   * Lets calls go wrong by chance, as a real kernel may let them; the schedule tells which.
   *
   * @defaultValue none goes wrong
   */
  readonly faults?: FaultOptions;
  /** One schedule to replay instead. @defaultValue UFFD_SCHEDULE of the environment */
  readonly schedule?: string;
}

/** What an exploration without a failure did. */
export interface ExploreResult {
  /** Schedules that were run. */
  readonly runs: number;
  /** Steps of all runs. */
  readonly steps: number;
}

const MIB = 2 ** 20;

/**
 * Runs a program under many schedules. Each run has a machine of its own; each awaited call of the
 * library, and each `await` on something of the {@link Sim}, is a place where another thread may
 * run. The same seed gives the same run on every machine.
 *
 * @param body - The program: starts threads with `sim.spawn` and may wait for them. It is a thread
 *   itself. Whatever it throws is a failure, and so is a thread that sleeps for ever.
 * @throws ScheduleError at the first schedule that fails, with the shortest one that fails alike.
 * @throws ScheduleMismatchError when a given schedule is not one of this program.
 *
 * @example
 * ```ts
 * import { explore } from 'uffd-emulator';
 *
 * let counter = 0;
 * const increment = async (sim: { yield(): Promise<void> }) => {
 *   const before = counter;
 *   await sim.yield(); // another thread may run here
 *   counter = before + 1;
 * };
 * const found = await explore({ seeds: 100 }, async (sim) => {
 *   counter = 0;
 *   await Promise.all(['a', 'b'].map((name) => sim.spawn(name, () => increment(sim))));
 *   if (counter !== 2) throw new Error(`counted ${counter}`);
 * }).catch((error) => error);
 * console.log(found.trouble); // error
 * ```
 */
export async function explore(options: ExploreOptions, body: Body): Promise<ExploreResult> {
  const settings = settingsOf(options);
  const schedule = options.schedule ?? scheduleOfEnvironment();
  if (schedule !== undefined) return replayOne(schedule, body, settings);
  let runs = 0;
  let steps = 0;
  let longest = PCT_STEPS;
  for (const { strategy, seed } of strategies(options, () => longest)) {
    const injector = options.faults ? new DiceInjector(seed ?? runs, options.faults) : NO_FAULTS;
    const result = await runOnce(body, strategy, injector, settings);
    runs++;
    const taken = result.recipe.steps.length;
    longest = Math.max(runs === 1 ? 1 : longest, taken);
    steps += taken;
    if (result.failure !== undefined) throw await failed(body, result, settings, { seed, runs });
    if (runs % RUNS_A_TURN === 0) await hostTurn();
  }
  return { runs, steps };
}

/**
 * Runs a program once, under a schedule that a {@link ScheduleError} named.
 *
 * @throws ScheduleError when it fails, as it did; ScheduleMismatchError when the schedule is none,
 *   or asks for a step that the program cannot take.
 */
export async function replay(
  schedule: string,
  body: Body,
  options: Omit<ExploreOptions, 'schedule' | 'seeds' | 'firstSeed' | 'strategy'> = {},
): Promise<ExploreResult> {
  return replayOne(schedule, body, settingsOf(options));
}

async function replayOne(
  schedule: string,
  body: Body,
  settings: RunOptions,
): Promise<ExploreResult> {
  const { steps, injected } = parseSchedule(schedule);
  const strategy = new ReplayStrategy(steps);
  const faults = new ListInjector(injected);
  const { failure, recipe } = await runOnce(body, strategy, faults, settings, 'stacks');
  const taken = recipe.steps;
  const finding: Finding = { seed: undefined, runs: 1, original: schedule };
  if (failure !== undefined) throw new ScheduleError(failure, finding);
  if (strategy.left > 0) {
    throw new ScheduleMismatchError(
      `the schedule does not fit the program, which ended after ${taken.length} steps: ` +
        `${strategy.left} steps are left`,
    );
  }
  return { runs: 1, steps: taken.length };
}

/** The error of a failing run, seen again, made short, with the places of its calls. */
async function failed(
  body: Body,
  first: RunResult,
  settings: RunOptions,
  found: { readonly seed: number | undefined; readonly runs: number },
): Promise<ScheduleError> {
  const original = formatSchedule(first.recipe);
  const finding = { ...found, original };
  const again = await rerun(body, first.recipe, settings);
  const parted = partingOf(first, again);
  if (parted !== undefined) return new ScheduleError(nondeterminism(first, parted), finding);
  const shortest = await shrink(body, first, settings);
  const shown = await rerun(body, shortest.recipe, settings, 'stacks');
  const failure = shown.failure ?? shortest.failure ?? first.failure;
  return new ScheduleError(failure as ScheduleFailure, finding);
}

/** Where two runs under one schedule part; `undefined` when they do not. */
export function partingOf(first: RunResult, again: RunResult): string | undefined {
  const [one, other] = [turnsOf(first), turnsOf(again)];
  for (let i = 0; i < Math.max(one.length, other.length); i++) {
    if (one[i] === other[i]) continue;
    const [was, is] = [first.calls[i] ?? 'nothing', again.calls[i] ?? 'nothing'];
    return `step ${i + 1} was one of ${was}, then of ${is}`;
  }
  const [was, is] = [first, again].map(({ failure }) => failure?.trouble ?? 'success');
  return was === is ? undefined : `the run ended with ${was}, then with ${is}`;
}

/** Who was in which call, step by step. */
const turnsOf = ({ recipe, calls }: RunResult): string[] =>
  recipe.steps.map((thread, i) => `${letterOf(thread)} ${calls[i]}`);

const nondeterminism = (first: RunResult, parted: string): ScheduleFailure => ({
  trouble: 'uncontrolled nondeterminism',
  lines: [
    `two runs under one schedule differ: ${parted}; does the program keep state between runs, or`,
    'use time, chance, or something else that is not of the simulation?',
    ...(first.failure?.lines ?? []),
  ],
  steps: first.recipe.steps.length,
  threads: first.failure?.threads ?? [],
  schedule: formatSchedule(first.recipe),
  error: first.failure?.error,
});

/** A strategy and the seed that it came from. */
export interface Seeded {
  readonly strategy: Strategy;
  readonly seed: number | undefined;
}

/**
 * A strategy for each run of an exploration.
 *
 * @param length - Steps that the program is taken to have, asked before each run.
 */
export function* strategies(
  options: ExploreOptions,
  length: () => number = () => PCT_STEPS,
): Generator<Seeded> {
  const { strategy = 'mixed', preemptions = 2, maxRuns = 100_000 } = options;
  if (strategy === 'fifo') yield { strategy: new FifoStrategy(), seed: undefined };
  else if (strategy === 'exhaustive') yield* everySchedule(preemptions, maxRuns);
  else {
    const first = unsigned('firstSeed', options.firstSeed ?? 1);
    const seeds = unsigned('seeds', options.seeds ?? 200);
    const depth = unsigned('depth', options.depth ?? 3);
    for (let seed = first; seed < first + seeds; seed++) {
      yield { strategy: seeded(strategy, seed, { depth, steps: length() }), seed };
    }
  }
}

function* everySchedule(preemptions: number, maxRuns: number): Generator<Seeded> {
  const tree = new ScheduleTree(preemptions);
  for (let runs = 0; ; runs++) {
    const strategy = tree.next();
    if (strategy === undefined) return;
    if (runs === maxRuns) {
      throw new RangeError(`maxRuns: the program has more than ${maxRuns} schedules`);
    }
    yield { strategy, seed: undefined };
  }
}

const seeded = (
  name: 'mixed' | 'random' | 'pct',
  seed: number,
  { depth, steps }: { readonly depth: number; readonly steps: number },
): Strategy =>
  name === 'random' || (name === 'mixed' && seed % 2 === 1)
    ? new RandomStrategy(seed)
    : new PctStrategy(seed, depth, steps);

/** What every run of an exploration has in common, with defaults. */
export function settingsOf(options: ExploreOptions): RunOptions {
  const maxSteps = unsigned('maxSteps', options.maxSteps ?? 20_000);
  const machine = { memory: 16 * MIB, ...options.machine };
  return { machine, maxSteps, strict: options.strict ?? true };
}

/** Runs between two turns of the host's own loop. */
const RUNS_A_TURN = 100;

const hostTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/** UFFD_SCHEDULE, where there is an environment. */
function scheduleOfEnvironment(): string | undefined {
  const host = globalThis as { process?: { env?: { readonly UFFD_SCHEDULE?: string } } };
  return host.process?.env?.UFFD_SCHEDULE;
}
