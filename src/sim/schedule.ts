/**
 * A schedule as a text: which thread took each step, `a12b3a` for twelve steps of the first thread,
 * three of the second, one of the first. Short enough for a command line, readable enough to edit.
 */

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** Most threads that a schedule can name. */
export const THREADS_MAX = LETTERS.length;

/** A schedule that is no schedule, or not one of this program. */
export class ScheduleMismatchError extends Error {
  /** Always `'ScheduleMismatchError'`. */
  override readonly name = 'ScheduleMismatchError';
}

/** Letter of a thread in schedules, by its number. */
export const letterOf = (thread: number): string => LETTERS[thread] ?? '?';

/** The text of a schedule; one thread number for each step. */
export function formatSchedule(steps: readonly number[]): string {
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

/** The steps of a schedule. @throws ScheduleMismatchError when the text is none. */
export function parseSchedule(text: string): number[] {
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
