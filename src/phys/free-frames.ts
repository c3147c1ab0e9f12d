/**
 * Free frames, the one that was freed last first. The list goes through the frame table, whose rows
 * versions keep: beside them there is only where it begins.
 */

import type { Pfn } from '../base/brand.js';
import { HUGE_FRAMES, headOf } from './frame-flags.js';
import type { FrameTable } from './frame-table.js';

const END = 0 as Pfn;

/** The frames that were given back. */
export class FreeFrames {
  #last = END;
  #count = 0;

  constructor(readonly table: FrameTable) {}

  get size(): number {
    return this.#count;
  }

  push(pfn: Pfn): void {
    this.#lead(pfn, this.#last);
    this.#last = pfn;
    this.#count++;
  }

  /** Takes the frame that was freed last. */
  pop(): Pfn | undefined {
    if (this.#last === END) return undefined;
    const pfn = this.#last;
    this.#last = this.#before(pfn);
    this.#count--;
    return pfn;
  }

  *[Symbol.iterator](): Generator<Pfn> {
    for (let pfn = this.#last; pfn !== END; pfn = this.#before(pfn)) yield pfn;
  }

  /** Takes out every frame that is not to be kept; the others stay in order. */
  filter(isKept: (pfn: Pfn) => boolean): void {
    const kept = [...this].filter(isKept);
    this.#last = END;
    this.#count = 0;
    for (const pfn of kept.reverse()) this.push(pfn);
  }

  /** Takes all frames of a huge page, if they are all here; the number of the first. */
  takeRun(): Pfn | undefined {
    if (this.size < HUGE_FRAMES) return undefined;
    const counts = new Map<Pfn, number>();
    for (const pfn of this) {
      const head = headOf(pfn);
      const count = (counts.get(head) ?? 0) + 1;
      counts.set(head, count);
      if (count < HUGE_FRAMES) continue;
      this.filter((other) => headOf(other) !== head);
      return head;
    }
    return undefined;
  }

  saveState(): () => void {
    const [last, count] = [this.#last, this.#count];
    return () => {
      this.#last = last;
      this.#count = count;
    };
  }

  /** Becomes the list of another machine, whose table this one's has become. */
  become(other: FreeFrames): void {
    this.#last = other.#last;
    this.#count = other.#count;
  }

  #before(pfn: Pfn): Pfn {
    return (this.table.index[pfn] ?? END) as Pfn;
  }

  #lead(pfn: Pfn, to: Pfn): void {
    if (this.table.index[pfn] === to) return;
    this.table.keep(pfn);
    this.table.index[pfn] = to;
  }
}
