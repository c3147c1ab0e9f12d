/**
 * Exact passage between JavaScript numbers and the 64-bit integers of the kernel ABI.
 * Owns the decision which values pass; a value that does not fit is refused, never truncated, so
 * that a mask with bit 40 set stays a mask with bit 40 set. Answers to `__u64` and `__s64` of
 * linux/types.h.
 */

/** Whether a value is an integer from 0 to 2^64 - 1 that is exact in its JavaScript type. */
export function isU64(value: number | bigint): boolean {
  if (typeof value === 'bigint') return BigInt.asUintN(64, value) === value;
  return Number.isSafeInteger(value) && value >= 0;
}

/** Whether a value is an integer from -2^63 to 2^63 - 1 that is exact in its JavaScript type. */
export function isS64(value: number | bigint): boolean {
  if (typeof value === 'bigint') return BigInt.asIntN(64, value) === value;
  return Number.isSafeInteger(value);
}

/**
 * Turns an address, a length or a mask into the bigint that a u64 field holds.
 * A number that is negative, fractional or above 2^53 - 1, and a bigint outside 64 bits, are a
 * `RangeError`.
 */
export function toU64(value: number | bigint): bigint {
  if (!isU64(value)) throw new RangeError(`${value} is not an exact unsigned 64-bit integer`);
  return BigInt(value);
}

/**
 * Turns the value of a u64 or s64 field into a number.
 * A value beyond 2^53 - 1 in either direction is a `RangeError`, as no number is equal to it.
 */
export function u64ToNumber(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) {
    throw new RangeError(`${value} is not exact as a number (the limit is 2^53 - 1)`);
  }
  return number;
}
