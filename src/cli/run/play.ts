/**
 * Plays one scenario and says what went wrong with it, operation by operation. A scenario that the
 * emulator fails at (a bug of ours, a line that is too long) is a played one too, so that a folder
 * goes on after it.
 */
import { parseLine, parseWho } from '../../scenario/parse.js';
import { runScenario, type ScenarioOptions, type ScenarioResult } from '../../scenario/run.js';
import { EXIT_USAGE, messageOf } from '../exit.js';
import { stepsOf } from './transcript.js';

/** An error of ours, as sysexits(3) has it. */
const EXIT_SOFTWARE = 70;

/** What became of a scenario. */
export interface Played {
  /** Undefined when it could not be played to its end. */
  readonly transcript: string | undefined;
  /** What a runner ends with: 0 ran, 1 not modelled, 2 malformed, 4 stuck, 70 a bug of ours. */
  readonly status: number;
  /** One line for each thing that went wrong, `LINE: what`. */
  readonly troubles: readonly string[];
}

/** Plays a scenario on a machine of its own. */
export function play(scenario: string, machine: ScenarioOptions): Played {
  try {
    const result = runScenario(scenario, machine);
    const { transcript, status } = result;
    return { transcript, status, troubles: status === 0 ? [] : troublesOf(scenario, result) };
  } catch (error) {
    return failure(error);
  }
}

function failure(error: unknown): Played {
  const transcript = undefined;
  if (error instanceof RangeError && /^line \d+: /.test(error.message)) {
    const trouble = error.message.slice('line '.length);
    return { transcript, status: EXIT_USAGE, troubles: [trouble.replace(': ', ': BADOP: ')] };
  }
  const stack = error instanceof Error ? error.stack : undefined;
  const trouble = `internal error: ${stack ?? messageOf(error)}`;
  return { transcript, status: EXIT_SOFTWARE, troubles: [trouble] };
}

/** Every operation with a result that no kernel gives, also one that finished later. */
export function troublesOf(scenario: string, { transcript, unmodelled }: ScenarioResult): string[] {
  const lines = transcript.split('\n');
  let told = 0;
  return stepsOf(scenario, transcript).flatMap(({ text, line, at, end }) => {
    if (repeats(text)) return [];
    return lines.slice(at + 1, end).flatMap((own) => {
      const [, , result] = /^(=|~ \S+) (BADOP|UNMODELLED|stuck)$/.exec(own) ?? [];
      if (result === undefined) return [];
      if (result === 'BADOP') return [`${line}: BADOP: ${text}`];
      if (result === 'stuck') return [`${line}: never comes to rest: ${text}`];
      return [`${line}: ${unmodelled[told++] ?? 'not modelled'}: ${text}`];
    });
  });
}

/** `join` of a worker says again what an earlier operation said. */
function repeats(text: string): boolean {
  const line = parseLine(text);
  return line?.op === 'join' && parseWho(line.words[0] ?? '') !== undefined;
}
