/**
 * The work of `verify`: each scenario on the emulator and on this machine's kernel, the first
 * difference shown with the state around it. Answers the exit code.
 */
import type { ScenarioOptions } from '../../scenario/run.js';
import { EXIT_FAILED, EXIT_OK, EXIT_USAGE, InputError } from '../exit.js';
import { askKernel, troubleOf } from '../oracle/ask.js';
import { comparisonText, featuresDoubt } from '../oracle/kernel.js';
import type { Oracle } from '../oracle/oracle.js';
import type { Streams } from '../run/run.js';
import type { ScenarioFile } from '../run/scenario-files.js';
import type { Colors } from '../terminal.js';
import { type Difference, firstDifference, type Verdict } from './compare.js';
import { emulatorRunner } from './emulator.js';
import { investigate } from './investigate.js';
import { lackingFor } from './needs.js';
import { differenceLines } from './show.js';
import type { Runner } from './state.js';

/** What to compare, with what, and how to show it. */
export interface VerifyPlan {
  readonly files: readonly ScenarioFile[];
  readonly oracle: Oracle;
  readonly machine: ScenarioOptions;
  readonly colors: Colors;
}

/** Differences that are shown in full; of the others only the place. */
const SHOWN_MAX = 10;

type Tally = Record<Verdict | 'skipped', number>;

/** Compares every scenario; answers the exit code. */
export async function verifyScenarios(plan: VerifyPlan, streams: Streams): Promise<number> {
  streams.out(`${comparisonText(plan.oracle.facts, plan.machine)}\n`);
  const doubt = featuresDoubt(plan.oracle.facts, plan.machine);
  if (doubt !== undefined) streams.err(`${doubt}\n`);
  const tally: Tally = { equal: 0, differs: 0, 'not modelled': 0, skipped: 0 };
  for (const file of plan.files) {
    const verdict = await verifyOne(file, plan, { streams, shown: tally.differs });
    tally[verdict]++;
  }
  for (const warning of plan.oracle.warnings) streams.err(`${warning}\n`);
  streams.out(`${tallyText(tally)}\n`);
  if (tally.differs + tally['not modelled'] > 0) return EXIT_FAILED;
  return tally.equal > 0 ? EXIT_OK : EXIT_USAGE;
}

function tallyText(tally: Tally): string {
  const parts = [`${tally.equal} equal`, `${tally.differs} differ`];
  if (tally['not modelled'] > 0) parts.push(`${tally['not modelled']} not modelled`);
  if (tally.skipped > 0) parts.push(`${tally.skipped} skipped`);
  return parts.join(', ');
}

interface Output {
  readonly streams: Streams;
  /** Differences that were shown before. */
  readonly shown: number;
}

async function verifyOne(
  file: ScenarioFile,
  plan: VerifyPlan,
  { streams, shown }: Output,
): Promise<keyof Tally> {
  const scenario = file.read();
  const lacking = lackingOrRefuse(file, scenario, plan.oracle);
  if (lacking !== undefined) {
    streams.out(`${file.path}: skipped: needs ${lacking}\n`);
    return 'skipped';
  }
  const answer = await askKernel(plan.oracle, scenario);
  const { transcript } = answer;
  const trouble = troubleOf(answer);
  if (trouble !== undefined) streams.err(`${file.path}: ${trouble}: not comparable\n`);
  const emulator = emulatorRunner(plan.machine);
  const transcripts = { kernel: transcript, emulator: await emulator(scenario) };
  const difference = firstDifference(scenario, transcripts);
  if (difference === undefined) return 'equal';
  streams.out(`${headLine(file, difference, plan.colors)}\n`);
  if (difference.verdict === 'differs' && shown < SHOWN_MAX) {
    const kernel: Runner = async (text) => (await askKernel(plan.oracle, text)).transcript;
    const findings = await investigate({ scenario, transcript, difference, kernel, emulator });
    streams.out(`${differenceLines(findings, plan.colors).join('\n')}\n`);
  }
  return difference.verdict;
}

function lackingOrRefuse({ path }: ScenarioFile, scenario: string, oracle: Oracle) {
  try {
    return lackingFor(scenario, oracle);
  } catch (error) {
    if (error instanceof RangeError) throw new InputError(`${path}: ${error.message}`);
    throw error;
  }
}

function headLine(file: ScenarioFile, { verdict, step }: Difference, colors: Colors): string {
  const place = colors.bold(`${file.path}:${step?.line ?? 1}`);
  return `${place}: ${verdict}: ${step?.text ?? 'nothing ran'}`;
}
