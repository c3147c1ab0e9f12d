/** `struct uffd_msg`: each event byte by byte, round trips, and bytes that are no message. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type UffdMsg, uffd_msg } from '../../src/uapi/msg.js';
import { bytesOf, hexOf } from './hex.js';

const samples: readonly { msg: UffdMsg; hex: string }[] = [
  {
    msg: { event: 'pagefault', flags: 3, address: 0x7f1234567008, ptid: 0x01020304 },
    hex: `
  12 00 0000 00000000
  03 00 00 00 00 00 00 00
  08 70 56 34 12 7f 00 00
  04 03 02 01 00 00 00 00`,
  },
  {
    msg: { event: 'fork', ufd: 9 },
    hex: `
  13 00 0000 00000000
  09 00 00 00 00 00 00 00
  00 00 00 00 00 00 00 00
  00 00 00 00 00 00 00 00`,
  },
  {
    msg: { event: 'remap', from: 0x10000, to: 0x7ffffffff000, len: 0x3000 },
    hex: `
  14 00 0000 00000000
  00 00 01 00 00 00 00 00
  00 f0 ff ff ff 7f 00 00
  00 30 00 00 00 00 00 00`,
  },
  {
    msg: { event: 'remove', start: 0x200000001000, end: 0x200000003000 },
    hex: `
  15 00 0000 00000000
  00 10 00 00 00 20 00 00
  00 30 00 00 00 20 00 00
  00 00 00 00 00 00 00 00`,
  },
  {
    msg: { event: 'unmap', start: 0x1000, end: 0x2000 },
    hex: `
  16 00 0000 00000000
  00 10 00 00 00 00 00 00
  00 20 00 00 00 00 00 00
  00 00 00 00 00 00 00 00`,
  },
];

const exact = fc.maxSafeNat();
const word = fc.integer({ min: 0, max: 0xffffffff });
const anyMsg: fc.Arbitrary<UffdMsg> = fc.oneof(
  fc.record({
    event: fc.constant('pagefault' as const),
    flags: exact,
    address: exact,
    ptid: word,
  }),
  fc.record({ event: fc.constant('fork' as const), ufd: word }),
  fc.record({ event: fc.constant('remap' as const), from: exact, to: exact, len: exact }),
  fc.record({ event: fc.constant('remove' as const), start: exact, end: exact }),
  fc.record({ event: fc.constant('unmap' as const), start: exact, end: exact }),
);

describe('uffd_msg', () => {
  test.each(samples)('$msg.event encodes to its 32 bytes', ({ msg, hex }) => {
    expect(hexOf(uffd_msg.encode(msg))).toBe(hexOf(bytesOf(hex)));
  });

  test.each(samples)('$msg.event decodes from its 32 bytes', ({ msg, hex }) => {
    expect(uffd_msg.decode(bytesOf(hex))).toEqual(msg);
  });

  test('decode of encode is the identity', () => {
    fc.assert(
      fc.property(anyMsg, (msg) => {
        expect(uffd_msg.decode(uffd_msg.encode(msg))).toEqual(msg);
      }),
    );
  });

  test('encode clears every byte that the event does not use', () => {
    fc.assert(
      fc.property(anyMsg, (msg) => {
        const dirty = new Uint8Array(32).fill(0xff);
        expect(hexOf(uffd_msg.encode(msg, dirty))).toBe(hexOf(uffd_msg.encode(msg)));
      }),
    );
  });

  test('reserved bytes are ignored when read', () => {
    const bytes = bytesOf(`16 ff ffff ffffffff ${'00'.repeat(16)} ${'ff'.repeat(8)}`);
    expect(uffd_msg.decode(bytes)).toEqual({ event: 'unmap', start: 0, end: 0 });
  });

  test('an unknown event code is a RangeError', () => {
    const error = new RangeError('uffd_msg.event: 0x17 is no UFFD_EVENT_*');
    expect(() => uffd_msg.decode(bytesOf(`17 ${'00'.repeat(31)}`))).toThrow(error);
  });

  test('fewer than 32 bytes are a RangeError', () => {
    const error = new RangeError('uffd_msg needs 32 bytes, got 31');
    expect(() => uffd_msg.decode(new Uint8Array(31))).toThrow(error);
    expect(() => uffd_msg.encode({ event: 'fork', ufd: 3 }, new Uint8Array(31))).toThrow(error);
  });

  test('an address that no number equals is a RangeError', () => {
    const bytes = bytesOf(`15 00 0000 00000000 01 00 00 00 00 00 20 00 ${'00'.repeat(16)}`);
    expect(() => uffd_msg.decode(bytes)).toThrow(RangeError);
  });

  test('a negative address is a RangeError', () => {
    const msg = { event: 'remove', start: -4096, end: 0 } as const;
    expect(() => uffd_msg.encode(msg)).toThrow(new RangeError('uffd_msg.start: -4096 is no u64'));
  });
});
