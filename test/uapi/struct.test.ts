/** The codec engine: round trips over the whole range of each type, and what it refuses. */
import fc from 'fast-check';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { nested, s64, struct, u8, u16, u32, u64 } from '../../src/uapi/struct.js';
import * as structs from '../../src/uapi/structs.js';
import { hexOf } from './hex.js';

const inner = struct('inner', 16, { start: u64(0), len: u64(8) });
const sample = struct('sample', 40, {
  byte: u8(0),
  half: u16(2),
  word: u32(4),
  range: nested(8, inner),
  mask: u64(24),
  result: s64(32),
});

const anyU64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const anyS64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const anySample = fc.record({
  byte: fc.integer({ min: 0, max: 0xff }),
  half: fc.integer({ min: 0, max: 0xffff }),
  word: fc.integer({ min: 0, max: 0xffffffff }),
  range: fc.record({ start: anyU64, len: anyU64 }),
  mask: anyU64,
  result: anyS64,
});

describe('round trips', () => {
  test('decode of encode is the identity on values', () => {
    fc.assert(
      fc.property(anySample, (value) => {
        expect(sample.decode(sample.encode(value))).toEqual(value);
      }),
    );
  });

  test.each(Object.values(structs))('encode of decode is the identity on struct $name', (codec) => {
    const bytes = fc.uint8Array({ minLength: codec.sizeBytes, maxLength: codec.sizeBytes });
    const { encode } = codec as { encode(value: object): Uint8Array };
    fc.assert(
      fc.property(bytes, (original) => {
        expect(hexOf(encode(codec.decode(original)))).toBe(hexOf(original));
      }),
    );
  });

  test('setField changes the bytes of its field alone', () => {
    fc.assert(
      fc.property(anySample, anyU64, (value, mask) => {
        const bytes = sample.encode(value);
        sample.setField(bytes, 'mask', mask);
        expect(sample.decode(bytes)).toEqual({ ...value, mask });
      }),
    );
  });
});

describe('values', () => {
  test('a field left out is zero', () => {
    expect(sample.decode(sample.encode({ word: 5 }))).toEqual({
      byte: 0,
      half: 0,
      word: 5,
      range: { start: 0n, len: 0n },
      mask: 0n,
      result: 0n,
    });
  });

  test('a u64 takes a number as well as a bigint, and decodes to a bigint', () => {
    const bytes = inner.encode({ start: 0x7ffffffff000, len: 4096n });
    expect(inner.decode(bytes)).toEqual({ start: 0x7ffffffff000n, len: 4096n });
    expectTypeOf(inner.decode(bytes)).toEqualTypeOf<{ start: bigint; len: bigint }>();
    expectTypeOf(sample.decode).returns.toHaveProperty('word').toEqualTypeOf<number>();
  });

  test('a u64 holds the top of the 64-bit address space', () => {
    const top = 2n ** 64n - 4096n;
    expect(inner.decode(inner.encode({ start: top })).start).toBe(top);
  });

  test.each([
    ['sample.byte: 256 is no u8', { byte: 256 }],
    ['sample.half: -1 is no u16', { half: -1 }],
    ['sample.word: 1.5 is no u32', { word: 1.5 }],
    ['sample.word: 4294967296 is no u32', { word: 2 ** 32 }],
    ['sample.mask: -1 is no u64', { mask: -1 }],
    ['sample.mask: 9007199254740992 is no u64', { mask: 2 ** 53 }],
    ['sample.mask: 18446744073709551616 is no u64', { mask: 2n ** 64n }],
    ['sample.mask: NaN is no u64', { mask: Number.NaN }],
    ['sample.result: 9223372036854775808 is no s64', { result: 2n ** 63n }],
    ['inner.len: -4096 is no u64', { range: { len: -4096 } }],
  ])('RangeError "%s"', (message, value) => {
    expect(() => sample.encode(value)).toThrow(new RangeError(message));
  });

  test('a value that is no struct is a RangeError', () => {
    const untyped = sample as { encode(value: object): Uint8Array };
    const message = 'sample.range: 7 is no struct inner';
    expect(() => untyped.encode({ range: 7 })).toThrow(new RangeError(message));
  });

  test('a refused value leaves the target as it was', () => {
    const target = sample.encode({ byte: 1, result: -1 });
    const before = hexOf(target);
    expect(() => sample.encode({ byte: 2, result: 2n ** 63n }, target)).toThrow(RangeError);
    expect(() => sample.setField(target, 'byte', 256)).toThrow(RangeError);
    expect(hexOf(target)).toBe(before);
  });
});

describe('byte arrays', () => {
  test('encode writes to the start of the given array and returns it', () => {
    const backing = new Uint8Array(48).fill(0xee);
    const target = backing.subarray(8);
    expect(inner.encode({ start: 1, len: 2 }, target)).toBe(target);
    expect(hexOf(backing.subarray(0, 32))).toBe(
      'eeeeeeeeeeeeeeee 0100000000000000 0200000000000000 eeeeeeeeeeeeeeee'.replaceAll(' ', ''),
    );
  });

  test('decode reads from the start of a view into a larger buffer, shared or not', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(64)).subarray(24);
    inner.encode({ start: 3, len: 4 }, shared);
    expect(inner.decode(shared)).toEqual({ start: 3n, len: 4n });
  });

  test('a short array is a RangeError that names the struct and both sizes', () => {
    const short = new Uint8Array(15);
    const error = new RangeError('inner needs 16 bytes, got 15');
    expect(() => inner.decode(short)).toThrow(error);
    expect(() => inner.encode({}, short)).toThrow(error);
    expect(() => inner.setField(short, 'start', 1)).toThrow(error);
  });
});

describe('layout', () => {
  test('offsetOf and alignBytes tell what the table says', () => {
    expect(sample.offsetOf('word')).toBe(4);
    expect(sample.offsetOf('range')).toBe(8);
    expect(sample.alignBytes).toBe(8);
    expect(struct('bytes', 3, { a: u8(0), b: u8(2) }).alignBytes).toBe(1);
  });

  test('a field that the struct lacks is a RangeError', () => {
    const untyped = inner as { offsetOf(field: string): number };
    expect(() => untyped.offsetOf('size')).toThrow(new RangeError('inner has no field size'));
  });

  test('a table that no compiler lays out is a RangeError', () => {
    const misaligned = () => struct('bad', 16, { a: u32(2) });
    const overlapping = () => struct('bad', 16, { a: u64(0), b: u32(4) });
    const tooLong = () => struct('bad', 8, { a: u64(0), b: u64(8) });
    const unpadded = () => struct('bad', 12, { a: u64(0) });
    expect(misaligned).toThrow(new RangeError('bad.a is not aligned'));
    expect(overlapping).toThrow(new RangeError('bad.b overlaps the field before it'));
    expect(tooLong).toThrow(new RangeError('bad ends at 8, its fields at 16'));
    expect(unpadded).toThrow(new RangeError('bad: 12 bytes do not align'));
  });
});
