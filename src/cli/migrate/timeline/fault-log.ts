/**
 * The faults of a migration in virtual time, as the handler of the userfaultfd saw them: when,
 * which page, which kind, which thread, and how long that thread was held up. Bounded: after so
 * many only the totals go on. Made for the report and for the totals; nothing is decided by it.
 */

/** The two kinds of fault that a migration has to do with. */
export const FAULT_KINDS = ['wp', 'missing'] as const;
/** One of `FAULT_KINDS`. */
export type FaultKind = (typeof FAULT_KINDS)[number];

/** So many faults are kept one by one. */
export const FAULTS_KEPT_MAX = 50_000;

/** One fault. */
export interface FaultEvent {
  readonly kind: FaultKind;
  readonly atNs: number;
  /** The number of the page, in address order. */
  readonly page: number;
  /** Whether the access was a store. */
  readonly isWrite: boolean;
  /** The name of the thread that faulted. */
  readonly vcpu: string;
  /** How long it was held up. */
  readonly stallNs: number;
}

/** Faults counted and, up to a limit, kept. */
export class FaultLog {
  readonly events: FaultEvent[] = [];
  total = 0;
  stallNs = 0;
  longestStallNs = 0;

  /** Takes note of a fault. */
  add(event: FaultEvent): void {
    this.total++;
    this.stallNs += event.stallNs;
    this.longestStallNs = Math.max(this.longestStallNs, event.stallNs);
    if (this.events.length < FAULTS_KEPT_MAX) this.events.push(event);
  }
}
