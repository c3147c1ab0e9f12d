/**
 * How a command ends: the exit codes, and the errors that carry one. A message is one line that
 * says what is wrong and what to do; main.ts prints it, nobody else ends the process. Anything that
 * is not a CliError is a bug of ours and is reported as such.
 */

/** The command did what it was asked, and what it checked was right. */
export const EXIT_OK = 0;
/** The command ran, and its result is bad: a mismatch, or the other side is gone. */
export const EXIT_FAILED = 1;
/** The command was not started: wrong options, a bad input file, a busy port. */
export const EXIT_USAGE = 2;

/** An end of the command that the user is told in one line. */
export class CliError extends Error {
  constructor(
    message: string,
    /** What the process ends with. */
    readonly exitCode: number,
  ) {
    super(message);
    this.name = new.target.name;
  }
}

/** What the user gave cannot be used: exit 2. */
export class InputError extends CliError {
  constructor(message: string) {
    super(message, EXIT_USAGE);
  }
}

/** The work was begun and failed: exit 1. */
export class FailedError extends CliError {
  constructor(message: string) {
    super(message, EXIT_FAILED);
  }
}

/** Says whether an error of Node carries this code, such as ENOENT. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

/** The text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
