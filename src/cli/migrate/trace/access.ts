/**
 * Memory accesses as a trace holds them, many at a time: three flat arrays, filled again and again.
 * A step is the number of an access in its trace, from 0 on. Owns no file and parses nothing.
 */

/** The kinds of access of Lackey: ` L`, ` S` and ` M` (a load and a store of the same bytes). */
export const OP_LOAD = 0;
export const OP_STORE = 1;
export const OP_MODIFY = 2;

/** How many accesses a batch holds unless told otherwise. */
export const BATCH_ACCESSES = 16_384;

/** A run of accesses; the arrays are reused, so a batch is worth reading until the next fill. */
export class AccessBatch {
  /** The address of each access in bytes: any integer below 2^53. */
  readonly addresses: Float64Array;
  /** The size of each access in bytes. */
  readonly sizes: Uint16Array;
  /** OP_LOAD, OP_STORE or OP_MODIFY. */
  readonly ops: Uint8Array;
  /** How many accesses there are now. */
  length = 0;
  /** The step of the first of them. */
  firstStep = 0;

  constructor(readonly capacity = BATCH_ACCESSES) {
    this.addresses = new Float64Array(capacity);
    this.sizes = new Uint16Array(capacity);
    this.ops = new Uint8Array(capacity);
  }

  get isFull(): boolean {
    return this.length === this.capacity;
  }
}
