/**
 * Why there is no kernel to compare with, and what to do about it. The one error of this folder
 * that is nobody's bug: a command ends with status 2 and prints it as one line.
 */
import { CliError, EXIT_USAGE } from '../exit.js';

/** No kernel here can run scenarios: none at all, no userfaultfd, no permission, no compiler. */
export class NoKernelError extends CliError {
  constructor(
    /** What is missing. */
    readonly reason: string,
    /** What the user can do about it. */
    readonly remedy: string,
  ) {
    super(`no usable kernel: ${reason}. Remedy: ${remedy}`, EXIT_USAGE);
  }
}
