/**
 * What never returns on a real kernel: an emulator that hung too would help nobody.
 * Said aloud with the name of the kernel behaviour; nothing after it is to be trusted less.
 */

/** The call never returns on Linux: it retries for ever, until a fatal signal. */
export class KernelHangError extends Error {
  /** Always `'KernelHangError'`. */
  override readonly name = 'KernelHangError';

  /** @internal */
  constructor(what: string, why: string) {
    super(`${what} never returns on Linux: ${why}`);
  }
}
