/**
 * The recorded scenarios against the emulator: reads conformance/, plays a scenario as the kernel
 * that a transcript was recorded on, says where the two first differ. Prints nothing.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runScenario, type ScenarioOptions, type ScenarioResult } from '../src/scenario/run.js';
import { root } from './files.js';

/** One folder of recordings, and the machine that makes the emulator comparable to them. */
type Recording = Pick<ScenarioOptions, 'kernel' | 'quirks'>;

/** 6.18.15 lacks what stable kernels got later; the others are their profile. */
const RECORDINGS: Readonly<Record<string, Recording>> = {
  '5.10': { kernel: '5.10' },
  '6.1': { kernel: '6.1' },
  '6.12': { kernel: '6.12' },
  '6.18': { kernel: '6.18' },
  '6.18-debian': {
    kernel: '6.18',
    quirks: {
      guardVmFlag: false,
      minAddrCheck: true,
      scanNoneWritten: false,
      scanHoleWritten: false,
    },
  },
  '7.3': { kernel: '7.3' },
};

/** What kernels.json says of a recording. */
interface KernelFacts {
  softDirty: boolean;
  memoryFailure: boolean;
  mmapMinAddr: number;
  readAheadKb?: number;
  rmwReadsFirst: boolean;
  /** Memory nodes, where there is more than one. */
  nodes?: number;
}

export type Verdict = 'equal' | 'differing' | 'unmodelled' | 'crashed';

export interface Outcome {
  kernel: string;
  name: string;
  theme: string;
  verdict: Verdict;
  /** What is not modelled, or the error that escaped. */
  reason: string;
  /** Lines recorded and lines got, and the index of the first that differs. */
  expected: string[];
  got: string[];
  firstDifference: number;
}

export class Conformance {
  readonly #facts: Readonly<Record<string, KernelFacts>>;

  constructor(readonly folder = join(root, 'conformance')) {
    this.#facts = JSON.parse(readFileSync(join(folder, 'kernels.json'), 'utf8'));
  }

  get kernels(): string[] {
    return Object.keys(RECORDINGS).filter((name) => this.#facts[name] !== undefined);
  }

  /** Scenarios that were recorded on a kernel, by name. */
  names(kernel: string): string[] {
    return readdirSync(join(this.folder, 'transcripts', kernel))
      .filter((file) => file.endsWith('.out'))
      .map((file) => file.slice(0, -'.out'.length))
      .filter((name) => existsSync(this.#scenarioFile(name)))
      .sort();
  }

  themes(kernel: string): Map<string, string[]> {
    const themes = new Map<string, string[]>();
    for (const name of this.names(kernel)) {
      const theme = themeOf(name);
      themes.set(theme, [...(themes.get(theme) ?? []), name]);
    }
    return themes;
  }

  scenario(name: string): string {
    return readFileSync(this.#scenarioFile(name), 'utf8');
  }

  options(kernel: string): ScenarioOptions {
    const facts = this.#facts[kernel];
    const recording = RECORDINGS[kernel];
    if (facts === undefined || recording === undefined) {
      throw new RangeError(`${kernel} is none of ${this.kernels.join(', ')}`);
    }
    const { softDirty, memoryFailure, mmapMinAddr, rmwReadsFirst } = facts;
    const { nodes = 1, readAheadKb = 128 } = facts;
    const config = { softDirty, memoryFailure };
    const readAhead = readAheadKb * 1024;
    return { ...recording, config, mmapMinAddr, rmwReadsFirst, nodes, readAhead };
  }

  /** Plays one scenario and compares. */
  play(kernel: string, name: string): Outcome {
    const file = join(this.folder, 'transcripts', kernel, `${name}.out`);
    const expected = readFileSync(file, 'utf8').split('\n');
    const base = { kernel, name, theme: themeOf(name), expected };
    try {
      const result = runScenario(this.scenario(name), this.options(kernel));
      return { ...base, ...compare(expected, result) };
    } catch (error) {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      return { ...base, verdict: 'crashed', reason, got: [], firstDifference: 0 };
    }
  }

  #scenarioFile(name: string): string {
    return join(this.folder, 'scenarios', `${name}.scn`);
  }
}

/** `wp-02-unpopulated` and `wp-0001` are both of `wp`. */
function themeOf(name: string): string {
  return name.replace(/-\d.*$/, '');
}

const UNMODELLED = /^(=|~ \S+) UNMODELLED$/;

/** Lines behind an operation that is not modelled say nothing; lines before it must agree. */
function compare(expected: string[], { transcript, unmodelled }: ScenarioResult) {
  const got = transcript.split('\n');
  const missing = got.findIndex((line) => UNMODELLED.test(line));
  const end = missing < 0 ? Math.max(expected.length, got.length) : missing;
  let at = 0;
  while (at < end && expected[at] === got[at]) at++;
  const verdict: Verdict = at < end ? 'differing' : missing < 0 ? 'equal' : 'unmodelled';
  const [reason = ''] = verdict === 'unmodelled' ? unmodelled : [];
  return { verdict, reason, got, firstDifference: at };
}
