/**
 * What a fault ends with: a page, a question for a userfaultfd, or an error.
 * An error becomes a signal for user code and an errno for a system call; both tables are here.
 */

import { type Failure, fail } from '../base/errno.js';
import { PAGE_SIZE } from '../base/page.js';
import type { UffdReason } from '../mm/uffd-port.js';
import type { KernelProfile } from '../profile/profile.js';

/** Why an access can never succeed as things are. */
export type FaultError = 'maperr' | 'accerr' | 'sigbus' | 'hwpoison' | 'guard' | 'oom';

/** How an attempt got further: a page is mapped, was loaded and mapped, was read; begin again. */
export type FaultProgress = 'mapped' | 'loaded' | 'read' | 'retry';

/** Outcome of one attempt; after progress translate again, `locked` waits for a page that moves. */
export type FaultOutcome = FaultProgress | 'locked' | UffdReason | FaultError;

/** Whether an attempt got further, so that the next one may succeed. */
export const isProgress = (outcome: FaultOutcome): outcome is FaultProgress =>
  outcome === 'mapped' || outcome === 'loaded' || outcome === 'read' || outcome === 'retry';

/** Whether an outcome asks a userfaultfd. */
export const asksUffd = (outcome: FaultOutcome): outcome is UffdReason =>
  outcome === 'missing' || outcome === 'wp' || outcome === 'minor' || outcome === 'rwp';

/** Name of a signal that an access can get. */
export type SignalName = 'SIGBUS' | 'SIGSEGV' | 'SIGKILL';

/** si_code of a signal by name. */
export type SignalCode =
  | 'SEGV_MAPERR'
  | 'SEGV_ACCERR'
  | 'BUS_ADRERR'
  | 'BUS_MCEERR_AR'
  | 'SI_KERNEL';

/** The signal that a user-mode access gets instead of a value. */
export class Signal {
  constructor(
    readonly name: SignalName,
    readonly code: SignalCode,
    /** Exact address of the access. */
    readonly addr: number,
    /** Why, as a sentence without a capital or a full stop. */
    readonly detail: string,
    /** log2 of the lost bytes, for BUS_MCEERR_AR. */
    readonly addrLsb = 0,
  ) {}
}

/** The signal of memory that was lost, where it is known from; `pageSize` in bytes. */
export const lostSignal = (addr: number, pageSize = PAGE_SIZE): Signal =>
  new Signal('SIGBUS', 'BUS_MCEERR_AR', addr, 'the page is poisoned', Math.log2(pageSize));

/** Whether the upper bits of an address agree: below 2^47, or the kernel's half. */
const isCanonical = (addr: number): boolean => addr < 2 ** 47 || addr >= 2 ** 64 - 2 ** 47;

/** Signal of a user-mode access that failed at `addr`, in a page of `pageSize` bytes. */
export function signalOf(
  error: FaultError,
  addr: number,
  profile: KernelProfile,
  pageSize = PAGE_SIZE,
): Signal {
  switch (error) {
    case 'maperr':
      return isCanonical(addr)
        ? new Signal('SIGSEGV', 'SEGV_MAPERR', addr, 'nothing is mapped there')
        : new Signal('SIGSEGV', 'SI_KERNEL', 0, 'the address is not canonical');
    case 'accerr':
      return new Signal('SIGSEGV', 'SEGV_ACCERR', addr, 'the mapping does not allow the access');
    case 'guard':
      return new Signal('SIGSEGV', 'SEGV_MAPERR', addr, 'a guard is installed there');
    case 'sigbus':
      return new Signal(
        'SIGBUS',
        'BUS_ADRERR',
        addr,
        'the page is beyond the end of the file, or its userfaultfd answers with SIGBUS, ' +
          'or no huge page is left',
      );
    case 'hwpoison':
      return profile.config.memoryFailure
        ? lostSignal(addr, pageSize)
        : new Signal('SIGBUS', 'BUS_ADRERR', addr, 'the page is poisoned');
    case 'oom':
      return new Signal('SIGKILL', 'SI_KERNEL', addr, 'the machine is out of memory');
  }
}

/** Errno of MADV_POPULATE_* that met the error. */
export function populateFailure(error: FaultError): Failure {
  switch (error) {
    case 'hwpoison':
      return fail('EHWPOISON', 'a page of the range is poisoned');
    case 'oom':
      return fail('ENOMEM', 'the machine is out of memory');
    case 'maperr':
      return fail('ENOMEM', 'the range has a hole');
    case 'accerr':
      return fail('EINVAL', 'the mapping does not allow the access');
    default:
      return fail('EFAULT', 'a page of the range cannot be faulted in');
  }
}
