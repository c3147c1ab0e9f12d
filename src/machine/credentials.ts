/**
 * Who a thread is: user id and capabilities, as far as the modelled calls ask.
 * Immutable; setresuid gives a thread new ones. Answers to: credentials(7), capabilities(7).
 */

import type { CapabilityName } from '../mm/caller.js';

const ALL: readonly CapabilityName[] = [
  'CAP_SYS_PTRACE',
  'CAP_SYS_ADMIN',
  'CAP_SYS_RAWIO',
  'CAP_SYS_NICE',
  'CAP_IPC_LOCK',
];

/** Credentials of a thread. */
export class Credentials {
  readonly #capabilities: ReadonlySet<CapabilityName>;

  constructor(
    readonly uid: number,
    capabilities: readonly CapabilityName[] = uid === 0 ? ALL : [],
  ) {
    this.#capabilities = new Set(capabilities);
  }

  has(capability: CapabilityName): boolean {
    return this.#capabilities.has(capability);
  }
}
