/**
 * Where two transcripts first differ, and what share of a transcript's operations succeeded.
 * Lines behind an operation that is not modelled say nothing.
 */

import type { Outcome } from './sides.js';

/** The first line that differs. */
export interface Difference {
  /** Index of the line. */
  readonly at: number;
  /** The operation that printed it, as written. */
  readonly operation: string;
  readonly expected: string;
  readonly actual: string;
}

/** What comparing says. */
export type Comparison =
  | { readonly kind: 'equal' }
  | { readonly kind: 'differs'; readonly difference: Difference }
  /** The emulator stopped being comparable at this operation. */
  | { readonly kind: 'unmodelled'; readonly operation: string }
  /** The expected side got into trouble: nothing can be said. */
  | { readonly kind: 'trouble'; readonly reason: string };

const WHO = /^(?:P[0-5](?:\.(?:M|T[0-3]))?|T[0-3]) /;
const OUT_OF_TIME = 3;

/** The name of an operation, without who does it. */
export function operationName(line: string): string {
  return line.replace(/^> /, '').replace(WHO, '').split(' ')[0] ?? '';
}

/** The operation under which a line stands. */
function operationAt(lines: readonly string[], at: number): string {
  for (let index = Math.min(at, lines.length - 1); index >= 0; index--) {
    const line = lines[index] ?? '';
    if (line.startsWith('> ')) return line.slice(2);
  }
  return '';
}

/** Compares what the emulator printed with what it should have. */
export function compare(expected: Outcome, actual: Outcome): Comparison {
  if (expected.status >= OUT_OF_TIME) {
    const reason = expected.transcript.split('\n').find((line) => line.startsWith('!'));
    return { kind: 'trouble', reason: reason ?? `status ${expected.status}` };
  }
  const [wanted, got] = [expected.transcript.split('\n'), actual.transcript.split('\n')];
  const gap = got.findIndex((line) => /^(= |~ \S+ )UNMODELLED$/.test(line));
  const end = gap >= 0 ? gap : Math.max(wanted.length, got.length);
  for (let at = 0; at < end; at++) {
    if (wanted[at] === got[at]) continue;
    const operation = operationAt(wanted, at);
    const pair = { expected: wanted[at] ?? '(end)', actual: got[at] ?? '(end)' };
    return { kind: 'differs', difference: { at, operation, ...pair } };
  }
  return gap >= 0 ? { kind: 'unmodelled', operation: operationAt(got, gap) } : { kind: 'equal' };
}

/** Results that mean that an operation did not do what it says. */
const FAILED = /^(E[A-Z0-9]{2,}\b|SIG|busy$|dead$|BADOP$|NOFD$|notnonblock$|open E|stuck$)/;

/** Operations that only look, or can hardly fail: they would flatter the share. */
const LOOKING =
  /^(pagemap|peek|vmflags|mincore|scan|fread|fmincore|drain|event|poll|fdinfo|join|close|nop)$/;

/** Operations and those that succeeded. */
export interface Share {
  operations: number;
  succeeded: number;
  /** Those that failed, by the operation and what it said. */
  readonly failures: string[];
}

/** Counts the operations of a transcript that do something, and those of them that succeeded. */
export function successShare(transcript: string): Share {
  const share: Share = { operations: 0, succeeded: 0, failures: [] };
  const lines = transcript.split('\n');
  for (const [at, line] of lines.entries()) {
    const name = line.startsWith('= ') ? operationName(operationAt(lines, at)) : '';
    if (name === '' || LOOKING.test(name)) continue;
    const result = line.slice(2);
    share.operations++;
    if (!FAILED.test(result)) share.succeeded++;
    else share.failures.push(`${name} ${result.split(' ')[0]}`);
  }
  return share;
}
