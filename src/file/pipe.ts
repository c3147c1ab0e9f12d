/**
 * A pipe between two descriptors, enough to move bytes through read(2) and write(2).
 * Keeps pieces of at most a page, 16 of them; a reader takes bytes piece by piece.
 */

import { PAGE_SIZE } from '../base/page.js';
import { OpenFile } from './open-file.js';

const PIECES_MAX = 16;

/** The bytes in flight between the two ends. */
export class PipeBuffer {
  private readonly pieces: Uint8Array[] = [];

  /** Bytes that still fit. */
  get room(): number {
    return (PIECES_MAX - this.pieces.length) * PAGE_SIZE;
  }

  /** Appends one piece of at most a page. */
  push(piece: Uint8Array): void {
    this.pieces.push(piece);
  }

  /** The next piece, cut to `lenBytes`, left in place. */
  peek(lenBytes: number): Uint8Array | undefined {
    return this.pieces[0]?.subarray(0, lenBytes);
  }

  /** Takes bytes off the front that {@link PipeBuffer.peek} showed. */
  consume(lenBytes: number): void {
    const rest = this.pieces[0]?.subarray(lenBytes);
    if (rest === undefined || rest.length === 0) this.pieces.shift();
    else this.pieces[0] = rest;
  }
}

/** One end of a pipe. */
export class PipeEnd extends OpenFile {
  readonly link = 'pipe:';

  constructor(
    readonly buffer: PipeBuffer,
    readonly end: 'read' | 'write',
    statusFlags: number,
  ) {
    super(statusFlags);
  }

  protected release(): void {}
}
