/**
 * Plays one scenario and says what went wrong with it, operation by operation. A scenario that the
 * emulator fails at (a bug of ours, a line that is too long) is a played one too, so that a folder
 * goes on after it.
 */
import { parseLine } from '../../scenario/parse.js';
import { runScenario, type ScenarioOptions } from '../../scenario/run.js';
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
    const { transcript, status } = runScenario(scenario, machine);
    const troubles = status === 0 ? [] : troublesOf(scenario, transcript);
    return { transcript, status, troubles };
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

const WORDS = new Map([
  ['BADOP', 'BADOP'],
  ['UNMODELLED', 'not modelled'],
  ['stuck', 'never comes to rest'],
]);

function troublesOf(scenario: string, transcript: string): string[] {
  return stepsOf(scenario, transcript).flatMap(({ text, line, result }) => {
    const what = WORDS.get(result);
    // `join` repeats what an earlier operation said
    return what === undefined || isJoin(text, result) ? [] : [`${line}: ${what}: ${text}`];
  });
}

function isJoin(text: string, result: string): boolean {
  const line = parseLine(text);
  return line?.op === 'join' && (result !== 'BADOP' || /^(P|T)/.test(line.words[0] ?? ''));
}
