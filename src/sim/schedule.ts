/**
 * A schedule as a text: which thread took each step, `a12b3a` for twelve steps of the first thread,
 * three of the second, one of the first; then which calls went wrong, `,b3=EAGAIN` for the third
 * call of the second thread. Short enough for a command line, readable enough to edit.
 */

import { type FaultName, isFaultName } from './faults.js';

/** A fault of one call. */
export interface Injection {
  /** Number of the thread. */
  readonly thread: number;
  /** Which call of that thread, from 1. */
  readonly call: number;
  readonly fault: FaultName;
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** What a schedule says. */
export interface Recipe {
  /** Who takes each step. */
  readonly steps: readonly number[];
  /** Which calls go wrong. */
  readonly injected: readonly Injection[];
}

/** Most threads that a schedule can name. */
export const THREADS_MAX = LETTERS.length;

/** A schedule that is no schedule, or not one of this program. */
export class ScheduleMismatchError extends Error {
  /** Always `'ScheduleMismatchError'`. */
  override readonly name = 'ScheduleMismatchError';
}

/** Letter of a thread in schedules, by its number. */
export const letterOf = (thread: number): string => LETTERS[thread] ?? '?';

/** The text of a schedule. */
export function formatSchedule({ steps, injected }: Recipe): string {
  const faults = injected.map(({ thread, call, fault }) => `,${letterOf(thread)}${call}=${fault}`);
  return formatSteps(steps) + faults.join('');
}

function formatSteps(steps: readonly number[]): string {
  let text = '';
  for (let i = 0; i < steps.length; ) {
    let count = 1;
    while (steps[i + count] === steps[i]) count++;
    text += letterOf(steps[i] ?? 0) + (count > 1 ? count : '');
    i += count;
  }
  return text;
}

/** Steps that a schedule may have. */
const STEPS_MAX = 1_000_000;

/** What a text says. @throws ScheduleMismatchError when it is no schedule. */
export function parseSchedule(text: string): Recipe {
  const [steps = '', ...faults] = text.split(',');
  return { steps: parseSteps(steps), injected: faults.map(parseFault) };
}

function parseFault(text: string): Injection {
  const found = /^([a-zA-Z])(\d+)=([A-Za-z-]+)$/.exec(text);
  const [, letter = '', call = '', fault = ''] = found ?? [];
  if (found === null || !isFaultName(fault)) {
    throw new ScheduleMismatchError(`schedule: '${text}' is no fault of a call, as b3=EAGAIN is`);
  }
  return { thread: LETTERS.indexOf(letter), call: Number(call), fault };
}

function parseSteps(text: string): number[] {
  const steps: number[] = [];
  const word = /([a-zA-Z])(\d*)/y;
  while (word.lastIndex < text.length) {
    const at = word.lastIndex;
    const found = word.exec(text);
    if (found === null) {
      throw new ScheduleMismatchError(`schedule: '${text[at]}' at ${at} is no thread letter`);
    }
    const [, letter = 'a', digits = ''] = found;
    const count = digits === '' ? 1 : Number(digits);
    if (count === 0 || steps.length + count > STEPS_MAX) {
      throw new ScheduleMismatchError(
        `schedule: ${letter}${digits} at ${at} is no number of steps`,
      );
    }
    for (let i = 0; i < count; i++) steps.push(LETTERS.indexOf(letter));
  }
  return steps;
}
