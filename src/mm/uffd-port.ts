/**
 * The questions that memory management asks a userfaultfd, owned here and answered above.
 * This is the only way up: a VMA holds a port, `uffd/` implements it, `machine/` joins the two.
 */

import type { Op } from '../base/op.js';
import {
  UFFD_PAGEFAULT_FLAG_MINOR,
  UFFD_PAGEFAULT_FLAG_RWP,
  UFFD_PAGEFAULT_FLAG_WP,
} from '../uapi/userfaultfd.js';
import type { FaultCounts } from './fault-counts.js';

/** Kinds of fault that a registration can catch. */
export type UffdReason = 'missing' | 'wp' | 'minor' | 'rwp';

/** UFFD_PAGEFAULT_FLAG_* bits of a message, without WRITE. */
export const REASON_FLAGS: Readonly<Record<UffdReason, number>> = {
  missing: 0,
  wp: UFFD_PAGEFAULT_FLAG_WP,
  minor: UFFD_PAGEFAULT_FLAG_MINOR,
  rwp: UFFD_PAGEFAULT_FLAG_RWP,
};

/** Who raised a fault and how. */
export interface Faulter {
  /** Thread id that THREAD_ID reports. */
  readonly tid: number;
  /** Name for diagnosis, such as `guest/vcpu0`. */
  readonly name: string;
  /** Where its faults are counted. */
  readonly faults: FaultCounts;
}

/** One fault as a userfaultfd sees it. */
export interface UffdFault {
  readonly faulter: Faulter;
  /** Exact address of the access. */
  readonly addr: number;
  /** Start of the page that it needs: of the huge one in a hugetlb area. */
  readonly page: number;
  readonly write: boolean;
  readonly reason: UffdReason;
  /** Raised by an instruction in user space, not by a copy inside the kernel. */
  readonly userMode: boolean;
  /** The caller can drop its locks and wait; otherwise the fault is an error. */
  readonly mayWait: boolean;
  /** Looks at the entry again: whether a thread that sleeps on it would sleep for a reason. */
  stillFaulting(): boolean;
}

/** What became of a delivered fault. */
export type UffdVerdict = 'retry' | 'sigbus';

/** A part of an operation that waits until an event is read. */
export interface UffdNotice {
  /** Sends the event and waits; closes the window. */
  complete(): Op<void>;
  /** The operation failed: closes the window without an event. */
  cancel(): void;
}

/** A child VMA's registration, made while fork copies. */
export interface UffdForkNotice extends UffdNotice {
  /** The context that the child's VMAs refer to. */
  readonly childPort: UffdPort;
}

/** A userfaultfd context as a VMA sees it. */
export interface UffdPort {
  /** WRITEPROTECT marks empty anonymous slots too. */
  readonly wpUnpopulated: boolean;
  /** Write-protect faults resolve themselves. */
  readonly wpAsync: boolean;
  /** Read-write-protect faults resolve themselves. */
  readonly rwpAsync: boolean;
  /** Faults are SIGBUS, with no message. */
  readonly answersWithSigbus: boolean;
  /** Queues a message and waits, or says that the access fails. */
  handleFault(fault: UffdFault): Op<UffdVerdict>;
  /**
   * Prepares a copy of the context for a child; `undefined` without EVENT_FORK.
   * @param child - The child's address space (an `Mm`, which this file must not know).
   */
  prepareFork(child: object): UffdForkNotice | undefined;
  /** Opens the window before a move; `undefined` without EVENT_REMAP. */
  prepareRemap(from: number, to: number, lenBytes: number): UffdNotice | undefined;
  /** Opens the window before pages go; `undefined` without EVENT_REMOVE. */
  prepareRemove(start: number, end: number): UffdNotice | undefined;
  /** Opens the window of an unmap; `undefined` without EVENT_UNMAP. */
  prepareUnmap(start: number, end: number): UffdNotice | undefined;
}
