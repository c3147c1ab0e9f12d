/**
 * The errors that a user of the library catches: what a system call answered, what an access got,
 * and what would have had to wait.
 */

import type { ErrnoName, Failure } from '../base/errno.js';
import type { Wait } from '../base/op.js';
import type { Signal, SignalCode, SignalName } from '../fault/outcome.js';
import * as siginfo from '../uapi/siginfo.js';
import { FaultWait } from '../uffd/fault-message.js';

/**
 * A system call or an ioctl failed with an errno, as Linux would have answered.
 *
 * @see errno(3)
 */
export class KernelError extends Error {
  /** Always `'KernelError'`. */
  override readonly name = 'KernelError';
  /** Symbolic errno, such as `'EEXIST'`. */
  readonly code: ErrnoName;
  /** Number of the errno. */
  readonly errno: number;
  /** What failed, by its kernel name, such as `'UFFDIO_COPY'` or `'mmap'`. */
  readonly syscall: string;
  /** Which check failed, as a sentence without a capital or a full stop. */
  readonly detail: string;
  /**
   * Signed result field of a fill ioctl (`copy`, `zeropage`, `mapped`, `updated`, `move`): bytes
   * done before the error, or the negated errno. `undefined` when the kernel did not write it.
   */
  readonly progress: number | undefined;

  /** @internal */
  constructor(syscall: string, failure: Failure, progress?: number) {
    super(`${syscall}: ${failure.code}, ${failure.detail}`);
    this.code = failure.code;
    this.errno = failure.errno;
    this.syscall = syscall;
    this.detail = failure.detail;
    this.progress = progress;
  }
}

const SIGNAL_NUMBERS: Record<SignalName, number> = {
  SIGBUS: siginfo.SIGBUS,
  SIGSEGV: siginfo.SIGSEGV,
  SIGKILL: siginfo.SIGKILL,
};

const SI_CODES: Record<SignalCode, number> = {
  SEGV_MAPERR: siginfo.SEGV_MAPERR,
  SEGV_ACCERR: siginfo.SEGV_ACCERR,
  BUS_ADRERR: siginfo.BUS_ADRERR,
  BUS_MCEERR_AR: siginfo.BUS_MCEERR_AR,
  SI_KERNEL: 0x80,
};

/**
 * An access got a signal instead of its value.
 *
 * @see sigaction(2), siginfo_t
 */
export class SignalError extends Error {
  /** Always `'SignalError'`. */
  override readonly name = 'SignalError';
  /** Name of the signal. */
  readonly signal: SignalName;
  /** Number of the signal. */
  readonly signo: number;
  /** `si_code` by name. */
  readonly code: SignalCode;
  /** `si_code` as a number. */
  readonly siCode: number;
  /** Exact faulting address. */
  readonly siAddr: number;
  /** log2 of the bytes lost, for BUS_MCEERR_AR; 0 otherwise. */
  readonly siAddrLsb: number;

  /** @internal */
  constructor(signal: Signal) {
    super(`${signal.name} (${signal.code}) at 0x${signal.addr.toString(16)}: ${signal.detail}`);
    this.signal = signal.name;
    this.signo = SIGNAL_NUMBERS[signal.name];
    this.code = signal.code;
    this.siCode = SI_CODES[signal.code];
    this.siAddr = signal.addr;
    this.siAddrLsb = signal.addrLsb;
  }
}

/** A `…Sync` call would have had to wait, and nothing that runs by itself could have ended it. */
export class PendingError extends Error {
  /** Always `'PendingError'`, or the name of the subclass. */
  override readonly name: string = 'PendingError';

  /** @internal */
  constructor(what: string, wait: Wait | undefined) {
    super(`${what} would wait: ${wait?.reason.describe() ?? 'nothing can wake it'}`);
  }
}

/**
 * A `…Sync` access ran into a fault that nobody resolved. The access was given up as if a signal
 * had interrupted it: its message is gone from the queue, nothing was changed.
 */
export class FaultPendingError extends PendingError {
  /** Always `'FaultPendingError'`. */
  override readonly name = 'FaultPendingError';
  /** Name of the thread that would wait, as `process/thread`. */
  readonly thread: string;
  /** Exact address of the access. */
  readonly address: number;
  /** Which userfaultfd would have to resolve it. */
  readonly userfaultfd: string;
  /** Kind of fault. */
  readonly reason: 'missing' | 'wp' | 'minor' | 'rwp';

  /** @internal */
  constructor(what: string, wait: Wait, reason: FaultWait) {
    super(what, wait);
    this.thread = reason.fault.faulter.name;
    this.address = reason.fault.addr;
    this.userfaultfd = reason.context;
    this.reason = reason.fault.reason;
  }
}

/** The error of a `…Sync` call that would have to wait. */
export function pendingError(what: string, wait: Wait | undefined): PendingError {
  return wait?.reason instanceof FaultWait
    ? new FaultPendingError(what, wait, wait.reason)
    : new PendingError(what, wait);
}

/** A thread was given something to do while it sleeps in something else, or after it ended. */
export class ThreadBusyError extends Error {
  /** Always `'ThreadBusyError'`. */
  override readonly name = 'ThreadBusyError';
}

/** The thread's process ended while the operation was under way. */
export class ProcessEndedError extends Error {
  /** Always `'ProcessEndedError'`. */
  override readonly name = 'ProcessEndedError';
}
