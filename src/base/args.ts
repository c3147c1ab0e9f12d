/**
 * Checks of what JavaScript allows and C does not: wrong types, NaN, fractions, negative numbers.
 * Linux has no errno for these, so they are TypeError or RangeError that name the argument.
 */

import { PAGE_SIZE } from './page.js';

/** An unsigned 64-bit quantity at the public edge. */
export type U64 = number | bigint;

const U64_MAX = (1n << 64n) - 1n;

/**
 * A 64-bit value as a number. Above 2^53 precision goes, but not the answer to the questions the
 * kernel asks: whether it is page aligned, and whether it lies in user space.
 */
export function u64ToNumber(value: bigint): number {
  if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  const offset = value & BigInt(PAGE_SIZE - 1);
  return Number(value - offset) + (offset === 0n ? 0 : PAGE_SIZE / 2);
}

/** Checks an unsigned argument and turns it into a number. */
export function unsigned(name: string, value: U64): number {
  if (typeof value === 'bigint') {
    if (value < 0n || value > U64_MAX) {
      throw new RangeError(`${name}: ${value} does not fit an unsigned 64-bit integer`);
    }
    return u64ToNumber(value);
  }
  if (typeof value !== 'number') throw new TypeError(`${name}: expected a number or a bigint`);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${name}: ${value} is not an unsigned safe integer (pass a bigint above)`);
  }
  return value;
}

/** Checks an unsigned argument and turns it into a bigint, for 64-bit masks. */
export function mask64(name: string, value: U64): bigint {
  if (typeof value === 'bigint' && value >= 0n && value <= U64_MAX) return value;
  return BigInt(unsigned(name, value));
}

/** Checks an unsigned 32-bit argument, such as flags. */
export function unsigned32(name: string, value: number): number {
  if (typeof value !== 'number') throw new TypeError(`${name}: expected a number`);
  if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) {
    throw new RangeError(`${name}: ${value} is not an unsigned 32-bit integer`);
  }
  return value;
}

/** Checks that an argument is a byte array. */
export function byteArray(name: string, value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new TypeError(`${name}: expected a Uint8Array`);
  return value;
}
