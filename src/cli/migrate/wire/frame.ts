/**
 * The bytes of the migration stream: each message is a frame of an 8-byte header (magic, version,
 * type, payload length; little endian) and its payload. Encodes and decodes frames, cuts the stream
 * into them, and refuses what is of another version or out of bounds. Knows no socket.
 */
import { FailedError } from '../../exit.js';

/** `UM`: what every frame begins with, so that a stream out of step is noticed at once. */
const MAGIC = 0x4d55;
/** Raised whenever a frame changes its meaning; both sides must have the same. */
export const PROTOCOL_VERSION = 1;
/** Bytes in front of each payload. */
export const FRAME_HEADER_BYTES = 8;
/** The largest payload that either side accepts. */
export const PAYLOAD_BYTES_MAX = 64 * 2 ** 20;

/** What frames there are, by the number in their header. */
export const FrameType = {
  /** Source: what will be migrated, and how. Answered by READY. */
  HELLO: 1,
  /** Destination: the guest is mapped and the trace is the same one. */
  READY: 2,
  /** Source: one page, its address and its bytes. */
  PAGE: 3,
  /** Source: the address of a page that holds only zeros. */
  ZERO: 4,
  /** Source: addresses of pages whose copy is stale and must be dropped. */
  DISCARD: 5,
  /** Source: the guest has stopped; here is its state, go on with it. */
  HANDOVER: 6,
  /** Destination: the guest faulted on this page. */
  REQUEST: 7,
  /** Destination: send so many of the other pages. */
  PULL: 8,
  /** Source: the pages that were asked for are complete, or there are no more. */
  PUSHED: 9,
  /** Destination: how far the guest is; also a sign of life. */
  PROGRESS: 10,
  /** Destination: the guest has finished; the digest of its memory and what was counted. */
  DONE: 11,
  /** Source: the digests differ, send that of each page. Answered by PAGE_DIGESTS. */
  COMPARE: 12,
  /** Destination: 32 bytes for each page, in the order of the pages. */
  PAGE_DIGESTS: 13,
  /** Source: how the migration ended; the last frame. */
  RESULT: 14,
  /** Either side: it cannot go on, and why. */
  FAILURE: 15,
} as const;

/** One of the numbers of `FrameType`. */
export type FrameType = (typeof FrameType)[keyof typeof FrameType];

/** One message. */
export interface Frame {
  readonly type: FrameType;
  readonly payload: Buffer;
}

const nameOf = new Map<number, string>(
  Object.entries(FrameType).map(([name, number]) => [number, name]),
);

/** The name of a frame type, for messages to people. */
export function frameName(type: number): string {
  return nameOf.get(type) ?? `unknown frame ${type}`;
}

/** The header of a frame with a payload of this many bytes. */
export function encodeHeader(type: FrameType, payloadBytes: number): Buffer {
  const header = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
  header.writeUInt16LE(MAGIC, 0);
  header.writeUInt8(PROTOCOL_VERSION, 2);
  header.writeUInt8(type, 3);
  header.writeUInt32LE(payloadBytes, 4);
  return header;
}

/** Cuts a stream of bytes into frames, whatever pieces it comes in. */
export class FrameDecoder {
  #chunks: Buffer[] = [];
  #bytes = 0;

  /** How many bytes are waiting for the rest of their frame. */
  get pendingBytes(): number {
    return this.#bytes;
  }

  /** Takes the next bytes and returns the frames that they complete. */
  push(chunk: Buffer): Frame[] {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    const frames: Frame[] = [];
    for (let frame = this.#take(); frame; frame = this.#take()) frames.push(frame);
    return frames;
  }

  #take(): Frame | undefined {
    if (this.#bytes < FRAME_HEADER_BYTES) return undefined;
    if (this.#chunks[0]!.length < FRAME_HEADER_BYTES) this.#join();
    const { type, payloadBytes } = decodeHeader(this.#chunks[0]!);
    const frameBytes = FRAME_HEADER_BYTES + payloadBytes;
    if (this.#bytes < frameBytes) return undefined;
    if (this.#chunks[0]!.length < frameBytes) this.#join();
    const head = this.#chunks[0]!;
    this.#chunks[0] = head.subarray(frameBytes);
    this.#bytes -= frameBytes;
    if (this.#bytes === 0) this.#chunks = [];
    return { type, payload: head.subarray(FRAME_HEADER_BYTES, frameBytes) };
  }

  #join(): void {
    this.#chunks = [Buffer.concat(this.#chunks)];
  }
}

function decodeHeader(bytes: Buffer): { type: FrameType; payloadBytes: number } {
  if (bytes.readUInt16LE(0) !== MAGIC) {
    throw new FailedError('the other side does not speak the migration protocol; check the port');
  }
  const version = bytes.readUInt8(2);
  if (version !== PROTOCOL_VERSION) {
    throw new FailedError(
      `the other side speaks version ${version} of the migration protocol, this one ` +
        `${PROTOCOL_VERSION}; use the same release on both`,
    );
  }
  const type = bytes.readUInt8(3);
  const payloadBytes = bytes.readUInt32LE(4);
  if (!isFrameType(type) || payloadBytes > PAYLOAD_BYTES_MAX) {
    throw new FailedError(`the migration stream is damaged: ${frameName(type)}, ${payloadBytes} B`);
  }
  return { type, payloadBytes };
}

function isFrameType(type: number): type is FrameType {
  return nameOf.has(type);
}
