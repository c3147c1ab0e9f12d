/**
 * What last happened to each page, a few sentences per page: for people who read a message.
 * Numbers events in the order in which they happened; knows no time.
 */

/** Sentences that are kept of one page. */
const KEPT = 8;

/** Sentences by page. */
export class History {
  readonly #notes = new Map<number, string[]>();
  #count = 0;

  note(page: number, what: string): void {
    const notes = this.#notes.get(page) ?? [];
    notes.push(`event ${++this.#count}: ${what}`);
    if (notes.length > KEPT) notes.shift();
    this.#notes.set(page, notes);
  }

  /** The oldest first. */
  of(page: number): string[] {
    return [...(this.#notes.get(page) ?? [])];
  }
}
