/**
 * The pages that the destination still lacks, and in which order they go: ascending, but from an
 * urgent page on once one was asked for, since its neighbours are likely to be next. Each is given
 * out once.
 */

/** Pages waiting to be sent. */
export class PageQueue {
  readonly #pages: readonly number[];
  readonly #indexOf: ReadonlyMap<number, number>;
  readonly #isGone: Uint8Array;
  #cursor = 0;
  /** How many pages are still here. */
  left: number;

  /** Takes the pages in ascending order. */
  constructor(pages: readonly number[]) {
    this.#pages = pages;
    this.#indexOf = new Map(pages.map((page, index) => [page, index]));
    this.#isGone = new Uint8Array(pages.length);
    this.left = pages.length;
  }

  /** Gives out the next page; undefined when there is none left. */
  next(): number | undefined {
    if (this.left === 0) return undefined;
    while (this.#isGone[this.#cursor]) this.#cursor = (this.#cursor + 1) % this.#pages.length;
    return this.#give(this.#cursor);
  }

  /** Gives out this page before all others; false when it is not here (any more). */
  take(page: number): boolean {
    const index = this.#indexOf.get(page);
    if (index === undefined || this.#isGone[index]) return false;
    this.#give(index);
    return true;
  }

  #give(index: number): number | undefined {
    this.#isGone[index] = 1;
    this.left--;
    this.#cursor = (index + 1) % this.#pages.length;
    return this.#pages[index];
  }
}
