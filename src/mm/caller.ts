/**
 * Who makes a system call: the thread as kernel code sees it.
 * Implemented by `machine/`; kernel code only asks.
 */

import type { FdTable } from '../file/fd-table.js';
import type { Mm } from './mm.js';
import type { Faulter } from './uffd-port.js';

/** Capabilities that the modelled calls ask for. */
export type CapabilityName =
  | 'CAP_SYS_PTRACE'
  | 'CAP_SYS_NICE'
  | 'CAP_SYS_ADMIN'
  | 'CAP_SYS_RAWIO'
  | 'CAP_IPC_LOCK';

/** A thread in a system call. */
export interface Caller extends Faulter {
  readonly mm: Mm;
  readonly fds: FdTable;
  /** RLIMIT_MEMLOCK of the process, in bytes. */
  readonly lockedBytesMax: number;
  /** Whether the thread has a capability in the initial user namespace. */
  capable(name: CapabilityName): boolean;
}
