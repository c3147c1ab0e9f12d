/** Every struct, byte by byte, against hex written by hand. One line of hex is one field. */
import { describe, expect, test } from 'vitest';
import * as s from '../../src/uapi/structs.js';
import { bytesOf, hexOf } from './hex.js';

const range = { start: 0x7f1234567000n, len: 0x3000n };
const rangeHex = `
  00 70 56 34 12 7f 00 00
  00 30 00 00 00 00 00 00`;

const samples = [
  {
    codec: s.uffdio_api,
    value: { api: 0xaan, features: 0x1ffffn, ioctls: 0x8000000000000003n },
    hex: `
  aa 00 00 00 00 00 00 00
  ff ff 01 00 00 00 00 00
  03 00 00 00 00 00 00 80`,
  },
  { codec: s.uffdio_range, value: range, hex: rangeHex },
  {
    codec: s.uffdio_register,
    value: { range, mode: 7n, ioctls: 0x1fcn },
    hex: `${rangeHex}
  07 00 00 00 00 00 00 00
  fc 01 00 00 00 00 00 00`,
  },
  {
    codec: s.uffdio_copy,
    value: { dst: 0x200000000000n, src: 0x300000000123n, len: 0x1000n, mode: 3n, copy: -17n },
    hex: `
  00 00 00 00 00 20 00 00
  23 01 00 00 00 30 00 00
  00 10 00 00 00 00 00 00
  03 00 00 00 00 00 00 00
  ef ff ff ff ff ff ff ff`,
  },
  {
    codec: s.uffdio_zeropage,
    value: { range, mode: 1n, zeropage: -11n },
    hex: `${rangeHex}
  01 00 00 00 00 00 00 00
  f5 ff ff ff ff ff ff ff`,
  },
  {
    codec: s.uffdio_writeprotect,
    value: { range, mode: 2n },
    hex: `${rangeHex}
  02 00 00 00 00 00 00 00`,
  },
  {
    codec: s.uffdio_continue,
    value: { range, mode: 2n, mapped: 0x2000n },
    hex: `${rangeHex}
  02 00 00 00 00 00 00 00
  00 20 00 00 00 00 00 00`,
  },
  {
    codec: s.uffdio_poison,
    value: { range, mode: 1n, updated: -2n },
    hex: `${rangeHex}
  01 00 00 00 00 00 00 00
  fe ff ff ff ff ff ff ff`,
  },
  {
    codec: s.uffdio_move,
    value: { dst: 0x7fffffffe000n, src: 0x1000n, len: 0x200000n, mode: 2n, move: 0x200000n },
    hex: `
  00 e0 ff ff ff 7f 00 00
  00 10 00 00 00 00 00 00
  00 00 20 00 00 00 00 00
  02 00 00 00 00 00 00 00
  00 00 20 00 00 00 00 00`,
  },
  {
    codec: s.uffdio_rwprotect,
    value: { range, mode: 1n },
    hex: `${rangeHex}
  01 00 00 00 00 00 00 00`,
  },
  {
    codec: s.uffdio_set_mode,
    value: { enable: 0x40000n, disable: 0n },
    hex: `
  00 00 04 00 00 00 00 00
  00 00 00 00 00 00 00 00`,
  },
  {
    codec: s.pm_scan_arg,
    value: {
      size: 96n,
      flags: 3n,
      start: 0x10000n,
      end: 0x20000n,
      walk_end: 0x18000n,
      vec: 0x7ffc00001000n,
      vec_len: 64n,
      max_pages: 5n,
      category_inverted: 0x10n,
      category_mask: 0x12n,
      category_anyof_mask: 0xcn,
      return_mask: 0x17fn,
    },
    hex: `
  60 00 00 00 00 00 00 00
  03 00 00 00 00 00 00 00
  00 00 01 00 00 00 00 00
  00 00 02 00 00 00 00 00
  00 80 01 00 00 00 00 00
  00 10 00 00 fc 7f 00 00
  40 00 00 00 00 00 00 00
  05 00 00 00 00 00 00 00
  10 00 00 00 00 00 00 00
  12 00 00 00 00 00 00 00
  0c 00 00 00 00 00 00 00
  7f 01 00 00 00 00 00 00`,
  },
  {
    codec: s.page_region,
    value: { start: 0x10000n, end: 0x11000n, categories: 0x1an },
    hex: `
  00 00 01 00 00 00 00 00
  00 10 01 00 00 00 00 00
  1a 00 00 00 00 00 00 00`,
  },
];

describe('structs', () => {
  // The element type is the union of all codecs, of which none accepts every value.
  const rows = samples.map(({ codec, value, hex }) => ({
    name: codec.name,
    sizeBytes: codec.sizeBytes,
    bytes: bytesOf(hex),
    encode: () => (codec as { encode(value: object): Uint8Array }).encode(value),
    decode: (bytes: Uint8Array): object => codec.decode(bytes),
    value,
  }));

  test('the samples cover each struct that the module exports', () => {
    const exported = Object.values(s).map(({ name }) => name);
    expect(rows.map(({ name }) => name).toSorted()).toEqual(exported.toSorted());
  });

  test.each(rows)('struct $name encodes to its bytes', ({ encode, bytes }) => {
    expect(hexOf(encode())).toBe(hexOf(bytes));
  });

  test.each(rows)('struct $name decodes from its bytes', ({ decode, bytes, value }) => {
    expect(decode(bytes)).toEqual(value);
  });

  test.each(rows)('struct $name is $sizeBytes bytes, and fewer are a RangeError', (row) => {
    expect(row.bytes.byteLength).toBe(row.sizeBytes);
    expect(() => row.decode(row.bytes.subarray(1))).toThrow(
      new RangeError(`${row.name} needs ${row.sizeBytes} bytes, got ${row.sizeBytes - 1}`),
    );
  });

  test('UFFDIO_REGISTER reads 24 bytes, the fields before ioctls', () => {
    expect(s.uffdio_register.offsetOf('ioctls')).toBe(24);
  });
});
