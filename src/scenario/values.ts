/**
 * The values of the scenario language: numbers, sets, fills, addresses and lengths, from text.
 * Each parser answers `undefined` for what does not parse; none knows which operation asks.
 * Numbers follow strtoull(3): 10, 0x1f, 017.
 */

import type { Names } from './names.js';
import { regionNamed, wrap64 } from './windows.js';

const NUMBER = /^([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/;
const ADDRESS = /^([A-Z]+)([+-][^.+-]+)?(?:\.(0x[0-9a-fA-F]+))?$/;
const LENGTH = /^(?:b(0x[0-9a-fA-F]+)|((?!b)[^.]+)(?:\.(0x[0-9a-fA-F]+))?)$/;
const NAME = /^[A-Za-z0-9]{1,15}$/;

/** What a page or unit is filled with: one byte, or the next value for each unit. */
export interface Fill {
  readonly byte: number;
  readonly step: 0 | 1;
}

/** Byte of unit number `index` of a fill. */
export const fillByte = (fill: Fill, index: number): number =>
  (fill.byte + fill.step * index) & 0xff;

/** A number in C notation, modulo 2^64. */
export function parseNumber(text: string): bigint | undefined {
  const [, sign, digits] = NUMBER.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const value = BigInt(/^0[0-7]/.test(digits) ? `0o${digits}` : digits);
  return wrap64(sign === '-' ? -value : value);
}

/** A comma list of names and numbers, or-ed; `none` and the empty list are 0. */
export function parseSet(text: string, names: Names): bigint | undefined {
  let set = 0n;
  for (const word of text.split(',')) {
    const bits = word === '' || word === 'none' ? 0n : (names.get(word) ?? parseNumber(word));
    if (bits === undefined) return undefined;
    set |= bits;
  }
  return set;
}

/** `V` or `seqV`; `seq` alone starts at 0x10. */
export function parseFill(text: string): Fill | undefined {
  const sequence = text.startsWith('seq');
  const digits = sequence ? text.slice(3) || '0x10' : text;
  const value = parseNumber(digits);
  if (value === undefined) return undefined;
  return { byte: Number(value & 0xffn), step: sequence ? 1 : 0 };
}

/** `SLOT[+n|-n][.0xBYTES]`. */
export function parseAddress(text: string): bigint | undefined {
  const [, name = '', count = '+0', bytes = '0'] = ADDRESS.exec(text) ?? [];
  const region = regionNamed(name);
  const units = parseNumber(count);
  if (region === undefined || units === undefined) return undefined;
  return wrap64(region.start + units * region.unit + BigInt(bytes));
}

/** `n[.0xBYTES]` in units, or `b0xBYTES`, as bytes. */
export function parseLength(text: string, unit: bigint): bigint | undefined {
  const [matched, whole, count = '0', bytes = '0'] = LENGTH.exec(text) ?? [];
  if (matched === undefined) return undefined;
  if (whole !== undefined) return wrap64(BigInt(whole));
  const units = parseNumber(count);
  return units === undefined ? undefined : wrap64(units * unit + BigInt(bytes));
}

/** A name of a descriptor: at most 15 letters and digits. */
export const parseName = (text: string): string | undefined => (NAME.test(text) ? text : undefined);
