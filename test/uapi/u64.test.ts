/** Exactness at the edges of 53, 63 and 64 bits. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isS64, isU64, toU64, u64ToNumber } from '../../src/uapi/u64.js';

describe('toU64', () => {
  test.each([
    [0, 0n],
    [2 ** 47, 0x800000000000n],
    [Number.MAX_SAFE_INTEGER, 2n ** 53n - 1n],
    [1n << 40n, 1n << 40n],
    [2n ** 64n - 1n, 2n ** 64n - 1n],
  ])('%s passes', (value, expected) => {
    expect(toU64(value)).toBe(expected);
  });

  test.each([-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, -1n, 2n ** 64n])(
    '%s is a RangeError',
    (value) => {
      expect(() => toU64(value)).toThrow(
        new RangeError(`${value} is not an exact unsigned 64-bit integer`),
      );
    },
  );
});

describe('u64ToNumber', () => {
  test('undoes toU64 on every safe integer', () => {
    fc.assert(fc.property(fc.maxSafeNat(), (value) => u64ToNumber(toU64(value)) === value));
  });

  test('passes a negative errno of an s64 field', () => {
    expect(u64ToNumber(-17n)).toBe(-17);
  });

  test.each([2n ** 53n, 2n ** 53n + 1n, 2n ** 64n - 1n, -(2n ** 53n)])(
    '%s is a RangeError',
    (value) => {
      expect(() => u64ToNumber(value)).toThrow(RangeError);
    },
  );
});

test('isS64 ends where the sign bit does, isU64 where the bits do', () => {
  expect([-(2n ** 63n), 2n ** 63n - 1n, -1].map(isS64)).toEqual([true, true, true]);
  expect([-(2n ** 63n) - 1n, 2n ** 63n, -0.5].map(isS64)).toEqual([false, false, false]);
  expect([0, 2n ** 64n - 1n, 2n ** 64n, -1n].map(isU64)).toEqual([true, true, false, false]);
});
