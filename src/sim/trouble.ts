/**
 * The kinds of trouble that a run can end in, and what a diagnosis finds out about one sleeper.
 * Pure types and one table; who finds what is in `diagnosis.ts` and `explain-fault.ts`.
 */

import type { Strand } from './strand.js';

/** Kinds of trouble, the most telling first. */
export const TROUBLES = [
  'lost wake-up',
  'deadlock',
  'event unread',
  'handler gone',
  'fault unresolved',
  'outside await',
  'stuck',
] as const;

/** What is wrong with a run that cannot go on. */
export type Trouble = (typeof TROUBLES)[number];

/** Why somebody sleeps. */
export interface Finding {
  readonly trouble: Trouble;
  /** Sentences about it. */
  readonly lines: readonly string[];
  /** Who could have woken the sleeper. */
  readonly wakers: readonly Strand[];
}

/** When those who could have helped last had a turn. */
export const lastSteps = (strands: readonly Strand[]): string[] =>
  strands.map((strand) => {
    const state =
      strand.ended !== undefined ? 'has ended' : (strand.sleep?.activity.what ?? 'runs');
    return `${strand.name} could have; its last step was ${strand.lastStep} (${state})`;
  });
