/**
 * Random scenarios on the emulator and on this machine's kernel, until they differ.
 * `npm run fuzz -- [--seed N] [--count K] [--profile P,…|all] [--minutes M] [--all] [--out FOLDER]`
 * Stops at the first difference and writes it shrunk, as a scenario and as both transcripts around
 * it; `--all` goes on. `--plant CAPABILITY=on|off` compares the emulator with itself, that one
 * thing changed, and needs no kernel; `--failures` lists what failed. Status: 0 equal,
 * 1 different, 2 not possible here.
 */
import { parseArgs } from 'node:util';
import { NoKernelError } from '../src/cli/oracle/oracle.js';
import { profileNamed } from './fuzz/generate.js';
import { hunt, type Plan, type Tally } from './fuzz/hunt.js';
import { missingParts, modelledParts } from './fuzz/parts.js';
import { PROFILES } from './fuzz/profiles.js';
import { ProgressBar } from './fuzz/progress.js';
import { around, writeDivergence } from './fuzz/report.js';
import { againstKernel, againstPlanted, type Pair } from './fuzz/sides.js';

const STATUS = { equal: 0, different: 1, impossible: 2 } as const;
const COUNT = 500;

/** What the user asks for cannot be done; the message says what. */
class UsageError extends Error {
  override readonly name = 'UsageError';
}

function readOptions() {
  try {
    return parseArgs({
      options: {
        seed: { type: 'string' },
        count: { type: 'string' },
        profile: { type: 'string', default: 'mixed' },
        minutes: { type: 'string' },
        out: { type: 'string', default: '.' },
        plant: { type: 'string' },
        all: { type: 'boolean', default: false },
        failures: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw error instanceof TypeError ? new UsageError(error.message) : error;
  }
}

type Options = ReturnType<typeof readOptions>;

function numberOption(options: Options, name: 'seed' | 'count' | 'minutes', fallback: number) {
  const value = options[name] === undefined ? fallback : Number(options[name]);
  if (!(value >= 0)) throw new UsageError(`--${name}: ${options[name]} is no number`);
  return value;
}

/** Says why a profile cannot be run; `undefined` when it can. */
function refusal(name: string): string | undefined {
  const missing = missingParts();
  const part = profileNamed(name).needs.find((need) => missing.has(need));
  if (part === undefined) return undefined;
  return `${name}: the emulator does not model ${part} (\`${missing.get(part)}\`)`;
}

function openPair({ plant }: Options): Promise<Pair> | Pair {
  if (plant === undefined) return againstKernel();
  const [capability = '', state] = plant.split('=');
  return againstPlanted({ [capability]: state === 'on' });
}

const listed = (map: ReadonlyMap<string, number>, most: number): string =>
  [...map]
    .sort(([, a], [, b]) => b - a)
    .slice(0, most)
    .map(([key, times]) => `${times} ${key}`)
    .join(', ');

function summary(name: string, tally: Tally, elapsedMs: number): string[] {
  const { seeds, differing, shapes, operations, succeeded, unmodelled, trouble } = tally;
  const percent = Math.round((100 * succeeded) / Math.max(1, operations));
  const seconds = (elapsedMs / 1000).toFixed(1);
  const speed = Math.round((seeds * 1000) / Math.max(1, elapsedMs));
  const head = `${name}: ${seeds} seeds in ${seconds} s (${speed}/s), ${differing} differ`;
  return [
    `${head} in ${shapes} shapes, ${percent}% of ${operations} operations succeed`,
    ...(unmodelled.size > 0 ? [`  not modelled: ${listed(unmodelled, 6)}`] : []),
    ...(trouble.size > 0 ? [`  not comparable: ${listed(trouble, 6)}`] : []),
  ];
}

/** Runs one profile and prints what came of it; false when the sides differ. */
async function fuzz(options: Options, profile: string, pair: Pair): Promise<boolean> {
  const bar = new ProgressBar(process.stderr);
  const begin = performance.now();
  const elapsed = (): number => performance.now() - begin;
  const limitMs = numberOption(options, 'minutes', Number.POSITIVE_INFINITY) * 60_000;
  const most = options.minutes === undefined ? COUNT : Number.POSITIVE_INFINITY;
  const plan: Plan = {
    profile,
    seed: numberOption(options, 'seed', 1),
    count: numberOption(options, 'count', most),
    parts: modelledParts(),
    all: options.all,
    isOver: () => elapsed() > limitMs,
  };
  const tally = await hunt(pair, plan, {
    seed: ({ seeds, differing }) => {
      const fraction = Math.max(seeds / plan.count, elapsed() / limitMs);
      const note = differing > 0 ? `${profile}, ${differing} differ` : profile;
      bar.show({ fraction, seeds, elapsedMs: elapsed(), note });
    },
    found: (seed, divergence) => {
      bar.clear();
      const file = writeDivergence(options.out, { profile, seed }, { divergence, pair });
      console.log([file, ...around(divergence, pair)].join('\n'));
    },
  });
  bar.clear();
  console.log(summary(profile, tally, elapsed()).join('\n'));
  if (options.failures) console.log(`  failures: ${listed(tally.failures, 40)}`);
  return tally.differing === 0;
}

async function main(options: Options): Promise<number> {
  const { profile } = options;
  const wanted = profile === 'all' ? Object.keys(PROFILES) : profile.split(',');
  const possible = wanted.filter((name) => {
    const reason = refusal(name);
    if (reason !== undefined) console.error(reason);
    return reason === undefined;
  });
  if (possible.length === 0) return STATUS.impossible;
  const pair = await openPair(options);
  let isEqual = true;
  try {
    for (const name of possible) {
      isEqual = (await fuzz(options, name, pair)) && isEqual;
      if (!isEqual && !options.all) break;
    }
  } finally {
    await Promise.all([pair.expected.close(), pair.actual.close()]);
  }
  return isEqual ? STATUS.equal : STATUS.different;
}

try {
  process.exitCode = await main(readOptions());
} catch (error) {
  const isTheirs =
    error instanceof NoKernelError || error instanceof RangeError || error instanceof UsageError;
  if (!isTheirs) throw error;
  console.error(error.message);
  process.exitCode = STATUS.impossible;
}
