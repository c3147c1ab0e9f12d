/**
 * One line of the result: what we take, what a peer takes in the same rounds, and how they relate.
 */

/** A row of the table and of the JSON file; `null` where a peer could not run. */
export interface Row {
  readonly name: string;
  /** Median of the rounds, nanoseconds for one operation. */
  readonly ours_ns: number;
  readonly peer: string;
  readonly peer_ns: number | null;
  /** Median over the rounds of ours / peer. */
  readonly ratio: number | null;
  /** Smallest and largest ratio of a round. */
  readonly spread: readonly [number, number] | null;
  /** Largest ratio that the project accepts; `null` where the row only informs. */
  readonly required: number | null;
  /** Whether the ratio is within what is required; `null` where there is nothing to tell. */
  readonly ok: boolean | null;
  /** Why there is no peer. */
  readonly skipped?: string;
}

/** The middle of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}
