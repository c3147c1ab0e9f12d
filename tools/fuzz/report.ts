/** What the fuzzer says of a divergence, and the files it leaves behind. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Divergence } from './shrink.js';
import type { Pair } from './sides.js';

const LINES_BEFORE = 16;
const LINES_AFTER = 4;

/** Both transcripts around the first difference. */
export function around({ expected, actual, difference }: Divergence, pair: Pair): string[] {
  const part = (transcript: string, mark: string): string[] =>
    transcript
      .split('\n')
      .slice(difference.at, difference.at + LINES_AFTER)
      .map((line) => `${mark} ${line}`);
  const before = expected.transcript
    .split('\n')
    .slice(Math.max(0, difference.at - LINES_BEFORE), difference.at);
  return [
    `-: ${pair.expected.name}, +: ${pair.actual.name}`,
    ...before.map((line) => `  ${line}`),
    ...part(expected.transcript, '-'),
    ...part(actual.transcript, '+'),
  ];
}

/** Where a divergence was found. */
export interface Found {
  readonly profile: string;
  readonly seed: number;
}

/** Writes the scenario and, beside it, what each side made of it; answers the scenario's path. */
export function writeDivergence(
  folder: string,
  { profile, seed }: Found,
  found: { divergence: Divergence; pair: Pair },
): string {
  const { divergence, pair } = found;
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `fuzz-${profile}-${seed}`);
  const head = `# profile ${profile}, seed ${seed}`;
  writeFileSync(`${path}.scn`, [head, ...divergence.lines, ''].join('\n'));
  writeFileSync(`${path}.diff`, [...around(divergence, pair), ''].join('\n'));
  return `${path}.scn`;
}
