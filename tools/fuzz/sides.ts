/**
 * Who runs a scenario: the emulator, or this machine's kernel. Both answer a transcript and a
 * status; a bug that ends the emulator is a transcript of its own, so that it can be shrunk.
 */

import { openOracle } from '../../src/cli/oracle/oracle.js';
import { kernelProfile, type Quirks } from '../../src/profile/profile.js';
import { runScenario, type ScenarioOptions } from '../../src/scenario/run.js';
import { modelledParts, type Part } from './parts.js';

/** What a side made of a scenario. */
export interface Outcome {
  readonly transcript: string;
  /** 0: it ran. 1: not modelled. 2: malformed. 3: out of time. 4: stuck. 5: it crashed. */
  readonly status: number;
}

/** Something that runs scenarios. */
export interface Side {
  readonly name: string;
  run(text: string): Promise<Outcome>;
  close(): Promise<void>;
}

/** Two sides that should agree. */
export interface Pair {
  readonly expected: Side;
  readonly actual: Side;
}

const CRASHED = 5;

/** The emulator, as some machine. */
export function emulator(name: string, options: ScenarioOptions): Side {
  return {
    name,
    run: async (text) => emulate(text, options),
    close: async () => {},
  };
}

function emulate(text: string, options: ScenarioOptions): Outcome {
  try {
    return runScenario(text, options);
  } catch (error) {
    return crashOf(text.split('\n'), options, error);
  }
}

/** What was printed before the line that ended the emulator, that line, and what ended it. */
function crashOf(lines: readonly string[], options: ScenarioOptions, last: unknown): Outcome {
  let before = '';
  for (const [at, line] of lines.entries()) {
    try {
      before = runScenario(lines.slice(0, at + 1).join('\n'), options).transcript;
    } catch (error) {
      const own = `${before.replace(/\. end.*\n$/, '')}> ${line}\n`;
      return { transcript: `${own}! crashed ${textOf(error)}\n`, status: CRASHED };
    }
  }
  return { transcript: `! crashed ${textOf(last)}\n`, status: CRASHED };
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return `${error.name}: ${error.message.split('\n')[0]}`;
}

/** The kernel opens again after a scenario that ended its agent. */
class Kernel implements Side {
  readonly name = 'kernel';

  constructor(
    private oracle: Awaited<ReturnType<typeof openOracle>>,
    private readonly swap: boolean,
  ) {}

  async run(text: string): Promise<Outcome> {
    try {
      return await this.oracle.run(text);
    } catch (error) {
      await this.oracle.close();
      this.oracle = await openOracle({ swap: this.swap });
      const what = error instanceof Error ? error.message : String(error);
      return { transcript: `! ${what}\n`, status: CRASHED };
    }
  }

  close(): Promise<void> {
    return this.oracle.close();
  }
}

/**
 * The emulator, perhaps with a fault, against this machine's kernel; throws NoKernelError when
 * there is none.
 */
export async function againstKernel(
  parts: ReadonlySet<Part> = modelledParts(),
  quirks: Quirks = {},
): Promise<Pair> {
  const swap = parts.has('swap');
  const oracle = await openOracle({ swap });
  const machine = { ...oracle.machine, quirks: { ...oracle.machine.quirks, ...quirks } };
  return { expected: new Kernel(oracle, swap), actual: emulator('emulator', machine) };
}

/**
 * The emulator against itself with a fault, which shows that the fuzzer finds it.
 *
 * @throws RangeError names a quirk that is no capability.
 */
export function againstPlanted(quirks: Quirks): Pair {
  const config = { memoryFailure: false, softDirty: false };
  kernelProfile('6.18', config, quirks); // a name that is none is said here, not by every scenario
  return {
    expected: emulator('without', { config }),
    actual: emulator('planted', { config, quirks }),
  };
}
