/**
 * The vocabulary of an explained access: what is asked, and how one step of it ends.
 * Pure data and the few functions that make it.
 */

import type { Mm } from '../mm/mm.js';
import { REASON_FLAGS, type UffdReason } from '../mm/uffd-port.js';
import type { Vma } from '../mm/vma.js';
import { UFFD_PAGEFAULT_FLAG_WRITE } from '../uapi/userfaultfd.js';
import type { EntryView, PresentView } from './entry-view.js';

/** The entry allows the access: no fault. */
export interface HitStep {
  /** Tells this step from the others. */
  readonly outcome: 'hit';
  /** Why, as a sentence without a capital or a full stop. */
  readonly because: string;
}

/** A fault that the kernel resolves by itself; the access then starts again. */
export interface ResolvedStep {
  /** Tells this step from the others. */
  readonly outcome: 'resolved';
  /** What the kernel does: `maps the zero page`. */
  readonly does: string;
  /** Why, as a sentence without a capital or a full stop. */
  readonly because: string;
  /** Entries that one fault fills: more than one by fault-around or a huge page. */
  readonly pages: number;
}

/** A fault that a userfaultfd is told of; the thread sleeps. */
export interface MessageStep {
  /** Tells this step from the others. */
  readonly outcome: 'message';
  /** Which registration catches it. */
  readonly reason: UffdReason;
  /** UFFD_PAGEFAULT_FLAG_* bits of the message. */
  readonly flags: number;
  /** Why, as a sentence without a capital or a full stop. */
  readonly because: string;
}

/** The thread gets a signal. */
export interface SignalStep {
  /** Tells this step from the others. */
  readonly outcome: 'signal';
  /** Which signal. */
  readonly signal: 'SIGSEGV' | 'SIGBUS';
  /** si_code by name. */
  readonly code: 'SEGV_MAPERR' | 'SEGV_ACCERR' | 'BUS_ADRERR' | 'BUS_MCEERR_AR';
  /** Why, as a sentence without a capital or a full stop. */
  readonly because: string;
}

/** The thread sleeps until the page has been moved; then the access starts again. */
export interface WaitStep {
  /** Tells this step from the others. */
  readonly outcome: 'wait';
  /** Why, as a sentence without a capital or a full stop. */
  readonly because: string;
}

/** One step of an access. Every step but the last is `resolved`. */
export type AccessStep = HitStep | ResolvedStep | MessageStep | WaitStep | SignalStep;

export const hit = (because: string): HitStep => ({ outcome: 'hit', because });

export const wait = (because: string): WaitStep => ({ outcome: 'wait', because });

export const resolved = (does: string, because: string, pages = 1): ResolvedStep => ({
  outcome: 'resolved',
  does,
  because,
  pages,
});

export const message = (reason: UffdReason, write: boolean, because: string): MessageStep => ({
  outcome: 'message',
  reason,
  flags: REASON_FLAGS[reason] | (write ? UFFD_PAGEFAULT_FLAG_WRITE : 0),
  because,
});

/** SIGSEGV: the address is not for this access. */
export const segv = (code: 'SEGV_MAPERR' | 'SEGV_ACCERR', because: string): SignalStep => ({
  outcome: 'signal',
  signal: 'SIGSEGV',
  code,
  because,
});

/** SIGBUS: the page cannot be had. */
export const bus = (
  because: string,
  code: 'BUS_ADRERR' | 'BUS_MCEERR_AR' = 'BUS_ADRERR',
): SignalStep => ({ outcome: 'signal', signal: 'SIGBUS', code, because });

/** An access that is looked at. */
export interface Asked {
  readonly mm: Mm;
  readonly vma: Vma;
  /** Address of the page. */
  readonly page: number;
  readonly write: boolean;
}

/** A step, and the entry that it leaves when the access goes on. */
export type Next = readonly [AccessStep, EntryView?];

/** The fault goes to the userfaultfd, which answers with a message or a signal. */
export function ask({ vma, write }: Asked, reason: UffdReason, because: string): Next {
  return vma.uffd?.answersWithSigbus === true
    ? [bus(`${because}, and its userfaultfd answers with SIGBUS`)]
    : [message(reason, write, because)];
}

/** A page that a fault has just mapped. */
export const freshPage = (
  how: Pick<PresentView, 'writable' | 'uffdWp'> & Partial<PresentView>,
): PresentView => ({
  kind: 'present',
  page: 'anonymous page',
  frame: 0,
  huge: false,
  dirty: false,
  accessed: true,
  softDirty: false,
  protNone: false,
  exclusive: true,
  maps: 1,
  ...how,
});

/** SIGBUS of memory that failed. */
export function poisoned({ mm: { memory } }: Asked, because: string): AccessStep {
  return bus(because, memory.profile.config.memoryFailure ? 'BUS_MCEERR_AR' : 'BUS_ADRERR');
}
