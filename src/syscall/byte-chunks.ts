/**
 * Bytes that are collected piece by piece, so that a caller's length is never what is allocated.
 * A length of 2^40 over one mapped page costs one page.
 */

/** Pieces in order, copied when they come. */
export class ByteChunks {
  readonly #pieces: Uint8Array[] = [];
  #lenBytes = 0;

  /** Appends a copy of a piece. */
  push(piece: Uint8Array): void {
    this.#pieces.push(piece.slice());
    this.#lenBytes += piece.length;
  }

  /** Everything so far in one array. */
  joined(): Uint8Array {
    const all = new Uint8Array(this.#lenBytes);
    let at = 0;
    for (const piece of this.#pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }
}
