/**
 * The work of `run`: transcripts of scenarios to standard output or into a folder, troubles to
 * standard error. Answers the exit code. Goes on after a scenario that fails.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ScenarioOptions } from '../../scenario/run.js';
import { EXIT_FAILED, EXIT_OK, InputError, messageOf } from '../exit.js';
import { type Played, play } from './play.js';
import type { ScenarioFile, ScenarioInput } from './scenario-files.js';

/** Where a command prints. */
export interface Streams {
  out(text: string): void;
  err(text: string): void;
}

/** The streams of this process. */
export const processStreams: Streams = {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
};

/** What to run, and how. */
export interface RunPlan {
  readonly input: ScenarioInput;
  readonly machine: ScenarioOptions;
  /** Folder for the transcripts; undefined for standard output. */
  readonly outFolder: string | undefined;
}

/** Lines of one scenario's troubles that are worth reading. */
const TROUBLES_MAX = 10;

/** Runs the scenarios; answers the exit code. */
export function runScenarios(plan: RunPlan, streams: Streams): number {
  const { input, outFolder } = plan;
  if (outFolder !== undefined) return runInto(outFolder, plan, streams);
  const [file] = input.files;
  if (input.isFolder || file === undefined) {
    throw new InputError('a folder of scenarios needs --out FOLDER for the transcripts');
  }
  const played = play(file.read(), plan.machine);
  streams.out(played.transcript ?? '');
  complain(file, played, streams);
  return played.status;
}

function complain({ path }: ScenarioFile, { troubles }: Played, streams: Streams): void {
  for (const trouble of troubles.slice(0, TROUBLES_MAX)) streams.err(`${path}:${trouble}\n`);
  const left = troubles.length - TROUBLES_MAX;
  if (left > 0) streams.err(`${path}: and ${left} more\n`);
}

function runInto(folder: string, plan: RunPlan, streams: Streams): number {
  makeFolder(folder);
  const { files, isFolder } = plan.input;
  let status = EXIT_OK;
  let failed = 0;
  const start = performance.now();
  for (const file of files) {
    const played = play(file.read(), plan.machine);
    if (played.transcript !== undefined) {
      writeFileSync(join(folder, `${file.name}.out`), played.transcript);
    }
    if (played.status === EXIT_OK) continue;
    failed++;
    status = isFolder ? EXIT_FAILED : played.status;
    complain(file, played, streams);
  }
  const seconds = (performance.now() - start) / 1000;
  streams.out(summary(files.length, failed, seconds));
  return status;
}

function summary(count: number, failed: number, seconds: number): string {
  const rate = Math.round(count / seconds);
  const noun = count === 1 ? 'scenario' : 'scenarios';
  return `${count} ${noun} in ${seconds.toFixed(2)} s (${rate}/s), ${failed} failed\n`;
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new InputError(`--out ${folder}: ${messageOf(error)}`);
  }
}
