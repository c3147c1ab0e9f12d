/**
 * The channel for our own bugs: a broken invariant throws AssertionError and nothing catches it.
 * Never used for what a program under test may do wrong; that is an errno or a signal.
 */

/** An invariant of the emulator does not hold: a bug of the emulator, never of its user. */
export class AssertionError extends Error {
  /** Always `'AssertionError'`. */
  override readonly name = 'AssertionError';
}

/** Throws {@link AssertionError} unless `condition` holds. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}
