import { describe, expect, test } from 'vitest';
import {
  encodeHeader,
  type Frame,
  FrameDecoder,
  FrameType,
  PROTOCOL_VERSION,
} from '../../../../src/cli/migrate/wire/frame.js';

function encode({ type, payload }: Frame): Buffer {
  return Buffer.concat([encodeHeader(type, payload.length), payload]);
}

const frames: Frame[] = [
  { type: FrameType.READY, payload: Buffer.alloc(0) },
  { type: FrameType.PAGE, payload: Buffer.alloc(4104, 0xab) },
  { type: FrameType.PROGRESS, payload: Buffer.from('{"step":1}') },
  { type: FrameType.PAGE_DIGESTS, payload: Buffer.alloc(20_000, 7) },
];
const stream = Buffer.concat(frames.map(encode));

describe('FrameDecoder', () => {
  test.each([1, 3, 8, 1000, 65_536, 1_000_000])('cuts a stream in pieces of %i bytes', (piece) => {
    const decoder = new FrameDecoder();
    const decoded: Frame[] = [];
    for (let at = 0; at < stream.length; at += piece) {
      decoded.push(...decoder.push(stream.subarray(at, at + piece)));
    }
    expect(decoded).toEqual(frames);
    expect(decoder.pendingBytes).toBe(0);
  });

  test('keeps the beginning of a frame', () => {
    const decoder = new FrameDecoder();
    expect(decoder.push(stream.subarray(0, 20))).toHaveLength(1);
    expect(decoder.pendingBytes).toBe(12);
  });

  test('refuses a stream of something else', () => {
    expect(() => new FrameDecoder().push(Buffer.from('GET / HTTP/1.1\r\n'))).toThrow(
      'does not speak the migration protocol',
    );
  });

  test('refuses another version and says which', () => {
    const header = encodeHeader(FrameType.READY, 0);
    header.writeUInt8(PROTOCOL_VERSION + 1, 2);
    expect(() => new FrameDecoder().push(header)).toThrow(
      `version ${PROTOCOL_VERSION + 1} of the migration protocol, this one ${PROTOCOL_VERSION}`,
    );
  });

  test('refuses an unknown frame and a length out of bounds', () => {
    const unknown = encodeHeader(FrameType.READY, 0);
    unknown.writeUInt8(99, 3);
    expect(() => new FrameDecoder().push(unknown)).toThrow('unknown frame 99');
    const huge = encodeHeader(FrameType.PAGE, 0xffff_ffff);
    expect(() => new FrameDecoder().push(huge)).toThrow('the migration stream is damaged');
  });
});
