/**
 * The areas of one address space: disjoint, in ascending order, found by binary search.
 * Answers are what is there now; a caller that changes the set asks again.
 */

import type { Vma } from './vma.js';

/** Ordered set of disjoint areas. */
export class VmaSet {
  private readonly areas: Vma[] = [];

  get size(): number {
    return this.areas.length;
  }

  /** The area that contains `addr`. */
  find(addr: number): Vma | undefined {
    const vma = this.areas[this.firstEndingAfter(addr)];
    return vma !== undefined && vma.start <= addr ? vma : undefined;
  }

  /** The first area that ends above `addr`: the one around it or the next. */
  findFrom(addr: number): Vma | undefined {
    return this.areas[this.firstEndingAfter(addr)];
  }

  /** The area before one that is in the set. */
  before(vma: Vma): Vma | undefined {
    return this.areas[this.areas.indexOf(vma) - 1];
  }

  /** The last area that ends at or below `addr`. */
  lastBelow(addr: number): Vma | undefined {
    return this.areas[this.firstEndingAfter(addr) - 1];
  }

  /** Areas that intersect `[start, end)`, as they are now. */
  within(start: number, end: number): Vma[] {
    const found: Vma[] = [];
    for (let i = this.firstEndingAfter(start); i < this.areas.length; i++) {
      const vma = this.areas[i];
      if (vma === undefined || vma.start >= end) break;
      found.push(vma);
    }
    return found;
  }

  insert(vma: Vma): void {
    this.areas.splice(this.firstEndingAfter(vma.start), 0, vma);
  }

  remove(vma: Vma): void {
    const at = this.areas.indexOf(vma);
    if (at >= 0) this.areas.splice(at, 1);
  }

  [Symbol.iterator](): IterableIterator<Vma> {
    return this.areas[Symbol.iterator]();
  }

  private firstEndingAfter(addr: number): number {
    let low = 0;
    let high = this.areas.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.areas[middle]?.end ?? 0) <= addr) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
