/**
 * Two transcripts of one scenario, the kernel's and the emulator's: whether they are equal, and
 * where they first differ. Pure; prints nothing.
 */
import { type Step, stepsOf } from '../run/transcript.js';

/** How the emulator did. */
export type Verdict = 'equal' | 'differs' | 'not modelled';

/** Where two transcripts first differ. */
export interface Difference {
  readonly verdict: Exclude<Verdict, 'equal'>;
  /** Index of the line that differs, and the line of each; undefined where one has ended. */
  readonly at: number;
  readonly kernelLine: string | undefined;
  readonly emulatorLine: string | undefined;
  /** The operation that the line belongs to; undefined when there is none. */
  readonly step: Step | undefined;
  /** The operations before it. */
  readonly before: readonly Step[];
}

const UNMODELLED = /^(?:=|~ \S+) UNMODELLED$/;

/** The first difference; undefined when there is none. */
export function firstDifference(
  scenario: string,
  transcripts: { readonly kernel: string; readonly emulator: string },
): Difference | undefined {
  const { kernel, emulator } = transcripts;
  if (kernel === emulator) return undefined;
  const [theirs, ours] = [kernel.split('\n'), emulator.split('\n')];
  const at = theirs.findIndex((line, index) => line !== ours[index]);
  const index = at < 0 ? theirs.length : at;
  const steps = stepsOf(scenario, kernel).filter((step) => step.at <= index);
  return {
    verdict: UNMODELLED.test(ours[index] ?? '') ? 'not modelled' : 'differs',
    at: index,
    kernelLine: theirs[index],
    emulatorLine: ours[index],
    step: steps.at(-1),
    before: steps.slice(0, -1),
  };
}
