/**
 * Codecs of C structs, made from one field table each: name, offset and type of every field.
 * Owns layout and byte order (little endian, natural alignment); knows no particular struct and
 * keeps no state. Bytes that no field covers are zero when encoded and ignored when decoded.
 * Answers to what a C compiler makes of the structs in include/uapi.
 */

import { isS64, isU64 } from './u64.js';

/** One field of a struct: where it lies and how its bytes are read and written. */
export interface Field<Value, Input = Value> {
  /** Type name as an error message shows it. */
  readonly type: string;
  /** Byte offset from the start of the struct. */
  readonly offset: number;
  /** Bytes that the field takes. */
  readonly sizeBytes: number;
  /** Divisor of every offset where the field may lie. */
  readonly alignBytes: number;
  /** Whether the field can hold a value exactly. */
  accepts(value: Input): boolean;
  /** Reads the field whose first byte is at `at`. */
  get(view: DataView, at: number): Value;
  /** Writes the field whose first byte is at `at`. */
  set(view: DataView, at: number, value: Input): void;
}

/** Fields of a struct by name, in the order of their offsets. */
export type FieldTable = Readonly<Record<string, Field<unknown, unknown>>>;

/** What a field decodes to. */
export type FieldValue<F> = F extends Field<infer Value, never> ? Value : never;

/** What a field can be set to. */
export type FieldInput<F> = F extends Field<unknown, infer Input> ? Input : never;

/** A decoded struct: every field, u64 and s64 as bigint, smaller integers as number. */
export type StructValue<F extends FieldTable> = { -readonly [K in keyof F]: FieldValue<F[K]> };

/** A struct to encode. A field left out is zero, as with a designated initializer in C. */
export type StructInput<F extends FieldTable> = { readonly [K in keyof F]?: FieldInput<F[K]> };

/** The codec of one C struct. Byte arrays may be longer than the struct; the rest is untouched. */
export interface Struct<F extends FieldTable> {
  /** Tag of the C struct. */
  readonly name: string;
  /** `sizeof` the struct. */
  readonly sizeBytes: number;
  /** `_Alignof` the struct. */
  readonly alignBytes: number;
  /** The field table that the codec was made from. */
  readonly fields: F;
  /** Reads all fields. A byte array shorter than the struct is a `RangeError`. */
  decode(bytes: Uint8Array): StructValue<F>;
  /**
   * Writes all fields, to a new array or to the start of `into`, and returns that array.
   * A value that its field cannot hold, or a short `into`, is a `RangeError`; nothing is written.
   */
  encode(value: StructInput<F>, into?: Uint8Array): Uint8Array;
  /** Overwrites one field in place, with the errors of `encode`. */
  setField<K extends keyof F & string>(bytes: Uint8Array, field: K, value: FieldInput<F[K]>): void;
  /** `offsetof` a field, in bytes. */
  offsetOf(field: keyof F & string): number;
}

/** What the codec of a struct decodes to. */
export type Decoded<S> = S extends Struct<infer F> ? StructValue<F> : never;

/**
 * Makes the codec of a struct from its field table.
 * A table that a C compiler could not lay out so (a field that overlaps another, is not aligned
 * or ends behind the struct) is a `RangeError`.
 *
 * @example
 * ```ts
 * import { struct, u64 } from 'uffd-emulator';
 *
 * const uffdio_range = struct('uffdio_range', 16, { start: u64(0), len: u64(8) });
 * const bytes = uffdio_range.encode({ start: 0x7f0000000000, len: 4096 });
 * console.log(uffdio_range.decode(bytes).len); // 4096n
 * ```
 */
export function struct<F extends FieldTable>(
  name: string,
  sizeBytes: number,
  fields: F,
): Struct<F> {
  const table: FieldTable = fields;
  const alignBytes = checkLayout(name, sizeBytes, table);
  const viewOf = (bytes: Uint8Array): DataView => {
    if (bytes.byteLength < sizeBytes) {
      throw new RangeError(`${name} needs ${sizeBytes} bytes, got ${bytes.byteLength}`);
    }
    return new DataView(bytes.buffer, bytes.byteOffset, sizeBytes);
  };
  const fieldOf = (key: string): Field<unknown> => {
    const field = table[key];
    if (field === undefined) throw new RangeError(`${name} has no field ${key}`);
    return field;
  };
  const store = (view: DataView, key: string, value: unknown): void => {
    const field = fieldOf(key);
    if (!field.accepts(value)) throw new RangeError(`${name}.${key}: ${value} is no ${field.type}`);
    field.set(view, field.offset, value);
  };
  return {
    name,
    sizeBytes,
    alignBytes,
    fields,
    decode(bytes) {
      const view = viewOf(bytes);
      const read = Object.entries(table).map(([key, f]) => [key, f.get(view, f.offset)]);
      return Object.fromEntries(read) as StructValue<F>;
    },
    encode(value, into = new Uint8Array(sizeBytes)) {
      const target = viewOf(into);
      const fresh = new Uint8Array(sizeBytes); // so that a bad value leaves `into` as it was
      const view = viewOf(fresh);
      const input: Readonly<Record<string, unknown>> = value;
      for (const key of Object.keys(table)) {
        if (input[key] !== undefined) store(view, key, input[key]);
      }
      new Uint8Array(target.buffer, target.byteOffset, sizeBytes).set(fresh);
      return into;
    },
    setField: (bytes, key, value) => store(viewOf(bytes), key, value),
    offsetOf: (key) => fieldOf(key).offset,
  };
}

/** Refuses a table that no compiler lays out; answers the alignment of the whole struct. */
function checkLayout(name: string, sizeBytes: number, table: FieldTable): number {
  let end = 0;
  let alignBytes = 1;
  for (const [key, field] of Object.entries(table)) {
    const misaligned = field.offset % field.alignBytes !== 0;
    if (misaligned) throw new RangeError(`${name}.${key} is not aligned`);
    if (field.offset < end) throw new RangeError(`${name}.${key} overlaps the field before it`);
    end = field.offset + field.sizeBytes;
    alignBytes = Math.max(alignBytes, field.alignBytes);
  }
  if (end > sizeBytes) throw new RangeError(`${name} ends at ${sizeBytes}, its fields at ${end}`);
  if (sizeBytes % alignBytes !== 0)
    throw new RangeError(`${name}: ${sizeBytes} bytes do not align`);
  return alignBytes;
}

/** The part of a field that does not depend on where it lies. */
type Scalar<Value, Input> = Omit<Field<Value, Input>, 'offset' | 'alignBytes'>;

const at = <Value, Input>(offset: number, scalar: Scalar<Value, Input>): Field<Value, Input> => ({
  ...scalar,
  offset,
  alignBytes: scalar.sizeBytes,
});

const isUint = (value: number, bits: number): boolean =>
  Number.isInteger(value) && value >= 0 && value < 2 ** bits;

const U8: Scalar<number, number> = {
  type: 'u8',
  sizeBytes: 1,
  accepts: (value) => isUint(value, 8),
  get: (view, byte) => view.getUint8(byte),
  set: (view, byte, value) => view.setUint8(byte, value),
};

const U16: Scalar<number, number> = {
  type: 'u16',
  sizeBytes: 2,
  accepts: (value) => isUint(value, 16),
  get: (view, byte) => view.getUint16(byte, true),
  set: (view, byte, value) => view.setUint16(byte, value, true),
};

const U32: Scalar<number, number> = {
  type: 'u32',
  sizeBytes: 4,
  accepts: (value) => isUint(value, 32),
  get: (view, byte) => view.getUint32(byte, true),
  set: (view, byte, value) => view.setUint32(byte, value, true),
};

const U64: Scalar<bigint, number | bigint> = {
  type: 'u64',
  sizeBytes: 8,
  accepts: isU64,
  get: (view, byte) => view.getBigUint64(byte, true),
  set: (view, byte, value) => view.setBigUint64(byte, BigInt(value), true),
};

const S64: Scalar<bigint, number | bigint> = {
  type: 's64',
  sizeBytes: 8,
  accepts: isS64,
  get: (view, byte) => view.getBigInt64(byte, true),
  set: (view, byte, value) => view.setBigInt64(byte, BigInt(value), true),
};

/** A `__u8` at a byte offset. */
export const u8 = (offset: number): Field<number> => at(offset, U8);

/** A `__u16` at a byte offset. */
export const u16 = (offset: number): Field<number> => at(offset, U16);

/** A `__u32` at a byte offset. */
export const u32 = (offset: number): Field<number> => at(offset, U32);

/** A `__u64` at a byte offset: decodes to a bigint, can be set to any exact number or bigint. */
export const u64 = (offset: number): Field<bigint, number | bigint> => at(offset, U64);

/** A `__s64` at a byte offset: decodes to a bigint, can be set to any exact number or bigint. */
export const s64 = (offset: number): Field<bigint, number | bigint> => at(offset, S64);

/** A whole struct embedded at a byte offset. */
export function nested<F extends FieldTable>(
  offset: number,
  inner: Struct<F>,
): Field<StructValue<F>, StructInput<F>> {
  const { name, sizeBytes, alignBytes } = inner;
  const slice = (view: DataView, byte: number): Uint8Array =>
    new Uint8Array(view.buffer, view.byteOffset + byte, sizeBytes);
  return {
    type: `struct ${name}`,
    offset,
    sizeBytes,
    alignBytes,
    accepts: (value) => typeof value === 'object' && value !== null,
    get: (view, byte) => inner.decode(slice(view, byte)),
    set: (view, byte, value) => void inner.encode(value, slice(view, byte)),
  };
}
