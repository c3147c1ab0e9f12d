/**
 * Numbers that few frames have and most have not: pins, memory nodes. 0 is not stored.
 * Takes its own state down, as the frames that it belongs to do.
 */

import type { Pfn } from '../base/brand.js';

/** A number for each frame, 0 for most. */
export class SparseNumbers {
  private readonly numbers = new Map<Pfn, number>();

  get(pfn: Pfn): number {
    return this.numbers.get(pfn) ?? 0;
  }

  set(pfn: Pfn, value: number): void {
    if (value === 0) this.numbers.delete(pfn);
    else this.numbers.set(pfn, value);
  }

  /** Takes the numbers down; the answer puts them back. */
  saveState(): () => void {
    const numbers = [...this.numbers];
    return () => {
      this.numbers.clear();
      for (const [pfn, value] of numbers) this.numbers.set(pfn, value);
    };
  }

  /** Becomes what another machine's numbers are. */
  become(other: SparseNumbers): void {
    for (const [pfn, value] of other.numbers) this.numbers.set(pfn, value);
  }
}
