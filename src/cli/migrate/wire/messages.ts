/**
 * What the payloads of the frames say: pages as an address and bytes, everything else as JSON.
 * Checks what it decodes, since the other side may be another release or something else altogether.
 * Addresses are doubles on the wire: every address below 2^53 is exact.
 */
import { FailedError } from '../../exit.js';
import { MemoryLayout, PAGE_BYTES, type PageRange } from '../guest/layout.js';
import type { TimeModel } from '../model.js';

/** The three ways to migrate. */
export const MODES = ['precopy', 'postcopy', 'hybrid'] as const;
/** One of `MODES`. */
export type Mode = (typeof MODES)[number];

/** Says whether a word is one of `MODES`. */
export function isMode(word: unknown): word is Mode {
  return MODES.some((mode) => mode === word);
}

/** HELLO: what the destination has to know before the first page. */
export interface Hello {
  readonly mode: Mode;
  /** SHA-256 of the trace file: the destination must read the same one. */
  readonly traceSha256: string;
  readonly allowTruncated: boolean;
  readonly ranges: readonly PageRange[];
  readonly vcpus: number;
  readonly model: TimeModel;
  /** Virtual nanoseconds per column of the heat map. */
  readonly binNs: number;
}

/** HANDOVER: the state of the guest, which has stopped on the source. */
export interface Handover {
  /** The first access that the destination has to play. */
  readonly step: number;
  /** The sum over all that the guest has loaded so far. */
  readonly checksum: number;
  /** When the guest stopped, and when it goes on. */
  readonly stoppedAtNs: number;
  readonly resumeAtNs: number;
  /** Pages that are still to come; 0 after a complete pre-copy. */
  readonly pagesToCome: number;
}

/** Encodes a message as JSON. */
export function jsonPayload(message: unknown): Buffer {
  return Buffer.from(JSON.stringify(message));
}

/** Decodes the JSON of a frame; the caller checks the fields it relies on. */
export function parseJson(payload: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(payload.toString());
    if (typeof value === 'object' && value !== null) return { ...value };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw damaged('a message');
}

/** Decodes HELLO. */
export function parseHello(payload: Buffer): Hello {
  const message = parseJson(payload);
  const { mode, traceSha256, ranges } = message;
  if (!isMode(mode) || typeof traceSha256 !== 'string' || !Array.isArray(ranges)) {
    throw damaged('HELLO');
  }
  return {
    mode,
    traceSha256,
    allowTruncated: message['allowTruncated'] === true,
    ranges: ranges.map(parseRange),
    vcpus: numberIn(message, 'vcpus'),
    model: parseModel(message['model']),
    binNs: numberIn(message, 'binNs'),
  };
}

/** Decodes HANDOVER. */
export function parseHandover(payload: Buffer): Handover {
  const message = parseJson(payload);
  return {
    step: numberIn(message, 'step'),
    checksum: numberIn(message, 'checksum'),
    stoppedAtNs: numberIn(message, 'stoppedAtNs'),
    resumeAtNs: numberIn(message, 'resumeAtNs'),
    pagesToCome: numberIn(message, 'pagesToCome'),
  };
}

function parseRange(value: unknown): PageRange {
  const range = typeof value === 'object' && value !== null ? { ...value } : {};
  return { start: numberIn(range, 'start'), pages: numberIn(range, 'pages') };
}

function parseModel(value: unknown): TimeModel {
  const model = typeof value === 'object' && value !== null ? { ...value } : {};
  return {
    accessNs: numberIn(model, 'accessNs'),
    linkBytesPerNs: numberIn(model, 'linkBytesPerNs'),
    latencyNs: numberIn(model, 'latencyNs'),
    wpFaultNs: numberIn(model, 'wpFaultNs'),
    missingFaultNs: numberIn(model, 'missingFaultNs'),
    armPageNs: numberIn(model, 'armPageNs'),
    stateBytes: numberIn(model, 'stateBytes'),
    queuePages: numberIn(model, 'queuePages'),
  };
}

/** The number in a field of a message; throws when there is none. */
export function numberIn(message: Record<string, unknown>, field: string): number {
  const value = message[field];
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw damaged(`the field ${field}`);
}

/** The text in a field of a message; throws when there is none. */
export function textIn(message: Record<string, unknown>, field: string): string {
  const value = message[field];
  if (typeof value === 'string') return value;
  throw damaged(`the field ${field}`);
}

/** Encodes addresses: the payload of ZERO and REQUEST (one) and DISCARD (any number). */
export function addressPayload(addresses: readonly number[]): Buffer {
  const payload = Buffer.allocUnsafe(addresses.length * 8);
  addresses.forEach((address, index) => {
    payload.writeDoubleLE(address, index * 8);
  });
  return payload;
}

/** Decodes addresses as numbers of pages; throws for one that is not the start of a guest page. */
export function parsePages(payload: Buffer, layout: MemoryLayout): number[] {
  const pages: number[] = [];
  for (let at = 0; at + 8 <= payload.length; at += 8) {
    const address = payload.readDoubleLE(at);
    const page = layout.indexOf(address);
    if (page === undefined || address % PAGE_BYTES !== 0) throw damaged('an address');
    pages.push(page);
  }
  return pages;
}

/** Decodes PAGE and ZERO: the number of the page and its bytes (none when it is all zero). */
export function parsePage(
  payload: Buffer,
  layout: MemoryLayout,
): { page: number; bytes: Buffer | undefined } {
  const [page] = parsePages(payload.subarray(0, 8), layout);
  const bytes = payload.length > 8 ? payload.subarray(8) : undefined;
  if (page === undefined || (bytes && bytes.length !== PAGE_BYTES)) throw damaged('a page');
  return { page, bytes };
}

/** Makes the layout that HELLO describes; throws when its ranges overlap or are out of order. */
export function layoutIn(hello: Hello): MemoryLayout {
  let end = 0;
  for (const { start, pages } of hello.ranges) {
    if (start < end || start % PAGE_BYTES !== 0 || pages < 1) throw damaged('the memory layout');
    end = start + pages * PAGE_BYTES;
  }
  return new MemoryLayout(hello.ranges);
}

function damaged(what: string): FailedError {
  return new FailedError(`the migration stream is damaged: ${what} cannot be read`);
}
