/**
 * Bytes that a forked machine has not fetched yet: each frame's are read from the machine that it
 * was forked from, as they were then, when they are wanted first. Holds that machine's frames.
 */

/** Where the bytes of a frame come from; `undefined` if they meant nothing. */
export type FrameSource = (pfn: number) => Uint8Array | undefined;

/** Frames that are still elsewhere. */
export class LentFrames {
  readonly #isLent: Uint8Array;

  /** @param frames - Those below this number are lent. */
  constructor(
    readonly source: FrameSource,
    frames: number,
  ) {
    this.#isLent = new Uint8Array(frames).fill(1);
  }

  /** The bytes of a frame that is lent, which from now on it is not. */
  fetch(pfn: number): Uint8Array | undefined {
    if (this.#isLent[pfn] !== 1) return undefined;
    this.#isLent[pfn] = 0;
    return this.source(pfn);
  }

  /** Nobody wants the bytes of a frame any more. */
  forget(pfn: number): void {
    if (pfn < this.#isLent.length) this.#isLent[pfn] = 0;
  }
}
