/**
 * Finds one's way in a transcript: which operation a line belongs to, and on which line of the
 * scenario that operation stands. Pure text; knows the first character of a line and no more.
 */
import { parseLine } from '../../scenario/parse.js';

/** What a transcript says of one operation. */
export interface Step {
  /** The operation as written. */
  readonly text: string;
  /** Its line in the scenario, from 1. */
  readonly line: number;
  /** Index of its `>` line in the transcript. */
  readonly at: number;
  /** Index behind its last line. */
  readonly end: number;
}

/** Numbers, from 1, of the lines of a scenario that have an operation. */
export function operationLines(scenario: string): number[] {
  return scenario
    .split('\n')
    .flatMap((raw, index) => (parseLine(raw) === undefined ? [] : [index + 1]));
}

/** The operations of a transcript. */
export function stepsOf(scenario: string, transcript: string): Step[] {
  const lines = transcript.split('\n');
  const numbers = operationLines(scenario);
  const starts = lines.flatMap((line, at) => (line.startsWith('> ') ? [at] : []));
  return starts.map((at, index) => {
    const text = (lines[at] ?? '').slice(2);
    return { text, line: numbers[index] ?? 0, at, end: starts[index + 1] ?? lines.length };
  });
}
