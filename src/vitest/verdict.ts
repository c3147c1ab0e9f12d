/**
 * What a matcher answers, and the check of what it was given: a matcher that is asked about the
 * wrong thing says so instead of failing or passing by accident.
 */

/** Outcome of a matcher; the message is made only when it is shown. */
export interface Verdict {
  readonly pass: boolean;
  readonly message: () => string;
}

/** A verdict with a message for each way in which it can disappoint. */
export const verdict = (
  pass: boolean,
  whenFalse: () => string,
  whenTrue: () => string,
): Verdict => ({ pass, message: pass ? whenTrue : whenFalse });

/** Passes when nothing speaks against it; every line that does is shown. */
export const nothingAgainst = (lines: readonly string[], claim: string): Verdict =>
  verdict(
    lines.length === 0,
    () => `expected ${claim}, but\n${lines.map((line) => `  ${line}`).join('\n')}`,
    () => `expected not ${claim}, but it is so`,
  );

/** The error of a matcher that got the wrong thing. */
export const wrongSubject = (matcher: string, wanted: string, got: unknown): TypeError =>
  new TypeError(`${matcher}: expected ${wanted}, got ${nameOf(got)}`);

const nameOf = (value: unknown): string =>
  typeof value === 'object' && value !== null
    ? `an object of ${value.constructor?.name ?? 'no class'}`
    : `${typeof value} ${String(value)}`;
