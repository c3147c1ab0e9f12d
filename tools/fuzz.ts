/**
 * Random scenarios on the emulator and on this machine's kernel, until they differ.
 * `npm run fuzz -- [--seed N] [--count K] [--profile P] [--minutes M] [--all] [--out FOLDER]`
 * Stops at the first difference and writes it shrunk, as a scenario and as both transcripts around
 * it; `--all` goes on. `--plant CAPABILITY=on|off` compares the emulator with itself, that one
 * thing changed, and needs no kernel. Status: 0 equal, 1 different, 2 not possible here.
 */
import { parseArgs } from 'node:util';
import { NoKernelError } from '../src/cli/oracle/oracle.js';
import { profileNamed } from './fuzz/generate.js';
import { hunt, type Tally } from './fuzz/hunt.js';
import { missingParts, modelledParts } from './fuzz/parts.js';
import { PROFILES } from './fuzz/profiles.js';
import { ProgressBar } from './fuzz/progress.js';
import { around, writeDivergence } from './fuzz/report.js';
import { againstKernel, againstPlanted, type Pair } from './fuzz/sides.js';

const STATUS = { equal: 0, different: 1, impossible: 2 } as const;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string' },
    profile: { type: 'string', default: 'mixed' },
    minutes: { type: 'string' },
    out: { type: 'string', default: '.' },
    plant: { type: 'string' },
    all: { type: 'boolean', default: false },
    failures: { type: 'boolean', default: false },
  },
});

/** What a profile lacks, or `undefined`. */
function refusal(name: string): string | undefined {
  const missing = missingParts();
  const part = profileNamed(name).needs.find((need) => missing.has(need));
  if (part === undefined) return undefined;
  return `${name}: the emulator does not model ${part} (\`${missing.get(part)}\`)`;
}

function openPair(): Promise<Pair> | Pair {
  if (values.plant === undefined) return againstKernel();
  const [capability = '', state] = values.plant.split('=');
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
    ...(values.failures ? [`  failures: ${listed(tally.failures, 40)}`] : []),
  ];
}

async function fuzz(name: string, pair: Pair): Promise<boolean> {
  const bar = new ProgressBar(process.stderr);
  const begin = performance.now();
  const elapsed = (): number => performance.now() - begin;
  const limitMs = Number(values.minutes ?? Number.POSITIVE_INFINITY) * 60_000;
  const count = Number(values.count ?? (values.minutes === undefined ? 500 : 1e9));
  const plan = {
    profile: name,
    seed: Number(values.seed),
    count,
    parts: modelledParts(),
    all: values.all,
    isOver: () => elapsed() > limitMs,
  };
  const tally = await hunt(pair, plan, {
    seed: ({ seeds, differing }) => {
      const note = `${name}${differing > 0 ? `, ${differing} differ` : ''}`;
      bar.show({ done: seeds, total: count, elapsedMs: elapsed(), note });
    },
    found: (seed, divergence) => {
      bar.clear();
      const file = writeDivergence(values.out, { profile: name, seed }, { divergence, pair });
      console.log([file, ...around(divergence, pair)].join('\n'));
    },
  });
  bar.clear();
  console.log(summary(name, tally, elapsed()).join('\n'));
  return tally.differing === 0;
}

async function main(): Promise<number> {
  const wanted = values.profile === 'all' ? Object.keys(PROFILES) : values.profile.split(',');
  const refused = wanted.flatMap((name) => refusal(name) ?? []);
  for (const line of refused) console.error(line);
  const possible = wanted.filter((name) => refusal(name) === undefined);
  if (possible.length === 0) return STATUS.impossible;
  const pair = await openPair();
  let isEqual = true;
  try {
    for (const name of possible) {
      isEqual = (await fuzz(name, pair)) && isEqual;
      if (!isEqual && !values.all) break;
    }
  } finally {
    await Promise.all([pair.expected.close(), pair.actual.close()]);
  }
  return isEqual ? STATUS.equal : STATUS.different;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof NoKernelError || error instanceof RangeError)) throw error;
  console.error(error.message);
  process.exitCode = STATUS.impossible;
}
