/**
 * What a real kernel has and this emulator does not have yet: said aloud, never passed over.
 * Neither an errno nor a bug: a fourth channel, for gaps alone.
 */

/** The operation needs a part of Linux that the emulator does not model. */
export class NotModelledError extends Error {
  /** Always `'NotModelledError'`. */
  override readonly name = 'NotModelledError';

  /** @internal */
  constructor(what: string) {
    super(`${what} is not modelled`);
  }
}
