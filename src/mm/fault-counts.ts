/**
 * Faults that a thread took and that got it its page: what getrusage(2) counts.
 * Plain numbers; who counts is in `fault/`.
 */

/** Completed faults of a thread. */
export interface FaultCounts {
  /** Faults that needed no device. */
  minor: number;
  /** Faults that read from swap or from a disk, or that began again more than once. */
  major: number;
}
