/**
 * What there is to know about a difference: the state of both sides before and after the operation
 * that shows it, and since which operation their states differ. Replays beginnings of the scenario;
 * every one runs from scratch, so nothing that is asked changes what is seen.
 */
import type { Difference } from './compare.js';
import { namedBy } from './named.js';
import { type Runner, type State, stateAfter } from './state.js';

/** The state of both sides at one moment. */
export interface Moment {
  readonly kernel: State;
  readonly emulator: State;
}

/** What was found out about a difference. */
export interface Findings {
  readonly difference: Difference;
  /** The kernel's transcript. */
  readonly transcript: string;
  /** Before and after the operation that differs; undefined when nothing ran. */
  readonly before?: Moment;
  readonly after?: Moment;
  /** The operation after which the states began to differ, when it is an earlier one. */
  readonly since?: { readonly line: number; readonly text: string };
}

/** A difference and how to ask both sides. */
export interface Case {
  readonly scenario: string;
  readonly transcript: string;
  readonly difference: Difference;
  readonly kernel: Runner;
  readonly emulator: Runner;
}

/** Looks around a difference. */
export async function investigate(subject: Case): Promise<Findings> {
  const { difference, transcript } = subject;
  const { before: earlier, step } = difference;
  if (step === undefined) return { difference, transcript };
  const named = namedBy([...earlier, step], transcript);
  const lines = subject.scenario.split('\n');
  const momentAfter = async (lastLine: number): Promise<Moment> => {
    const operations = lines.slice(0, lastLine).join('\n');
    return {
      kernel: await stateAfter(subject.kernel, operations, named),
      emulator: await stateAfter(subject.emulator, operations, named),
    };
  };
  const before = await momentAfter(step.line - 1);
  const after = await momentAfter(step.line);
  const findings = { difference, transcript, before, after };
  if (agree(before)) return findings;
  const differsAfter = async (index: number) =>
    !agree(await momentAfter(earlier[index]?.line ?? 0));
  const since = earlier[await firstIndex(earlier.length, differsAfter)];
  return since === undefined ? findings : { ...findings, since };
}

function agree({ kernel, emulator }: Moment): boolean {
  if (kernel.size !== emulator.size) return false;
  return [...kernel].every(([label, text]) => emulator.get(label) === text);
}

/** The first of `count` indexes at which something holds that holds at the last, by halving. */
async function firstIndex(
  count: number,
  holdsAt: (index: number) => Promise<boolean>,
): Promise<number> {
  let [low, high] = [0, count - 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (await holdsAt(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
