/**
 * Every scenario on the emulator and on the kernel that this runs on: the live half of conformance.
 * Opens the kernel, plays, says where the two differ. Prints nothing.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { askKernel, troubleOf } from '../src/cli/oracle/ask.js';
import { comparisonText, hasOwnProfile } from '../src/cli/oracle/kernel.js';
import { NoKernelError, type Oracle, openOracle } from '../src/cli/oracle/oracle.js';
import { type Difference, firstDifference } from '../src/cli/verify/compare.js';
import { emulatorRunner } from '../src/cli/verify/emulator.js';
import { lackingFor } from '../src/cli/verify/needs.js';
import { Divergences } from './divergences.js';
import { root } from './files.js';

/** How a scenario went. */
export type LiveOutcome = { readonly name: string; readonly theme: string } & (
  | { readonly verdict: 'equal' }
  | { readonly verdict: 'differs'; readonly difference: Difference; readonly known?: string }
  /** An operation that is not modelled, or something that the machine lacks. */
  | { readonly verdict: 'skipped'; readonly reason: string }
);

/** What the live comparison came to, or why there was none. */
export type LiveRun =
  | { readonly kind: 'none'; readonly reason: string }
  | {
      readonly kind: 'live';
      readonly comparison: string;
      /** Why differences say nothing about the emulator; undefined when they do. */
      readonly doubt: string | undefined;
      readonly outcomes: readonly LiveOutcome[];
    };

const SCENARIOS = join(root, 'conformance', 'scenarios');

/** Plays all scenarios that are in the project. */
export async function runLive(): Promise<LiveRun> {
  try {
    await using oracle = await openOracle({ swap: true });
    const outcomes: LiveOutcome[] = [];
    const files = readdirSync(SCENARIOS).filter((file) => file.endsWith('.scn'));
    for (const file of files.sort()) outcomes.push(await playLive(oracle, file));
    const comparison = comparisonText(oracle.facts, oracle.machine);
    return { kind: 'live', comparison, doubt: doubtAbout(oracle), outcomes };
  } catch (error) {
    if (error instanceof NoKernelError) return { kind: 'none', reason: error.message };
    throw error;
  }
}

function doubtAbout({ facts }: Oracle): string | undefined {
  if (!hasOwnProfile(facts.release)) return `Linux ${facts.release} has no profile of its own`;
  return facts.fifo ? undefined : 'without SCHED_FIFO (root) threads run in another order';
}

async function playLive(oracle: Oracle, file: string): Promise<LiveOutcome> {
  const name = file.replace(/\.scn$/, '');
  const head = { name, theme: name.replace(/-\d.*$/, '') };
  const scenario = readFileSync(join(SCENARIOS, file), 'utf8');
  const lacking = lackingFor(scenario, oracle);
  if (lacking !== undefined) {
    return { ...head, verdict: 'skipped', reason: `the machine lacks ${lacking}` };
  }
  const emulator = await emulatorRunner(oracle.machine)(scenario);
  // a difference that a second run of the kernel does not show was the machine's, not ours
  for (let attempt = 1; ; attempt++) {
    const answer = await askKernel(oracle, scenario);
    const difference = firstDifference(scenario, { kernel: answer.transcript, emulator });
    if (difference === undefined) return { ...head, verdict: 'equal' };
    if (difference.verdict === 'not modelled') {
      return { ...head, verdict: 'skipped', reason: `not modelled: ${operationOf(difference)}` };
    }
    const trouble = troubleOf(answer);
    if (trouble !== undefined) return { ...head, verdict: 'skipped', reason: trouble };
    if (attempt === 2) return { ...head, verdict: 'differs', difference, ...known(oracle, name) };
  }
}

function known(oracle: Oracle, name: string): { known?: string } {
  const reason = new Divergences().reasonOf(oracle.machine.kernel ?? '', name);
  return reason === undefined ? {} : { known: reason };
}

/** The word of the operation alone, so that scenarios that lack the same are counted together. */
function operationOf({ step }: Difference): string {
  const words = step?.text.split(' ') ?? [];
  return words.find((word) => !/^(P[0-5](\.(M|T[0-3]))?|T[0-3])$/.test(word)) ?? '';
}
