/**
 * How a transcript prints values: addresses, lengths, sets, bytes, runs of pages, messages.
 * Nothing here depends on pids, descriptors or time, so that two implementations can be compared.
 */

import { CATEGORIES, FAULT_FLAGS, type Names, PAGEMAP_LETTERS } from './names.js';
import { regionAt, unitAt, WINDOW_BYTES, windowAt } from './windows.js';

const SUMMARY_RUNS_MAX = 8;

/** A length in units, with the bytes that are left over: `2`, `1.0x800`. */
export function lengthText(bytes: bigint, unit: bigint): string {
  const rest = bytes % unit;
  return rest === 0n ? `${bytes / unit}` : `${bytes / unit}.0x${rest.toString(16)}`;
}

/** An address by slot: `A+3`, `A+3.0x10`; `?` outside all of them. */
export function addressText(addr: bigint): string {
  const region = regionAt(addr);
  if (region === undefined) return '?';
  return `${region.name}+${lengthText(addr - region.start, region.unit)}`;
}

/** A byte or a wider value in hex, at least two digits: `0x5a`. */
export const hexText = (value: bigint): string => `0x${value.toString(16).padStart(2, '0')}`;

/** The names of a mask in order of their bits; bits without a name as one number behind them. */
export function setText(mask: bigint, names: Names, separator = ','): string {
  let rest = mask;
  const words: string[] = [];
  for (const [name, bit] of names) {
    if ((mask & bit) === 0n) continue;
    words.push(name);
    rest &= ~bit;
  }
  if (rest !== 0n) words.push(`0x${rest.toString(16)}`);
  return words.join(separator) || '0';
}

const byteText = (byte: number): string => byte.toString(16).padStart(2, '0');

/** First index from `from` on at which another byte stands. */
function runEnd(bytes: Uint8Array, from: number): number {
  const byte = bytes[from];
  let end = from + 1;
  while (end < bytes.length && bytes[end] === byte) end++;
  return end;
}

/** `5a` when all bytes are equal, else runs `5a*16,41*1`; empty for no bytes. */
export function bytesText(bytes: Uint8Array): string {
  const runs: string[] = [];
  for (let at = 0, end = 0; at < bytes.length; at = end) {
    if (runs.length === SUMMARY_RUNS_MAX) return `${runs.join(',')},...`;
    end = runEnd(bytes, at);
    const byte = byteText(bytes[at] ?? 0);
    if (end - at === bytes.length) return byte;
    runs.push(`${byte}*${end - at}`);
  }
  return runs.join(',');
}

/** A page or unit of an observed range, and what is said of it. */
export interface Cell {
  /** Index in its window. */
  readonly index: bigint;
  readonly text: string;
}

/** Joins neighbours that say the same: `0-2:- 3:PX`. A new window starts a new run. */
export function runsText(cells: readonly Cell[]): string {
  const runs: { first: bigint; last: bigint; text: string }[] = [];
  for (const { index, text } of cells) {
    const run = runs.at(-1);
    if (run !== undefined && run.text === text && run.last + 1n === index) run.last = index;
    else runs.push({ first: index, last: index, text });
  }
  return runs
    .map(({ first, last, text }) => `${first === last ? first : `${first}-${last}`}:${text}`)
    .join(' ');
}

/** Index of an address in its window, or in the aligned GiB that it lies in. */
export function indexAt(addr: bigint): bigint {
  return (addr % WINDOW_BYTES) / unitAt(addr);
}

/** A pagemap word as letters, `-` for none. */
export function pagemapText(word: bigint): string {
  let text = '';
  for (const [letter, bit] of PAGEMAP_LETTERS) if ((word & bit) !== 0n) text += letter;
  return text || '-';
}

/** Categories of a PAGEMAP_SCAN region. */
export const categoriesText = (mask: bigint): string => setText(mask, CATEGORIES, '|');

/** An address that a call returned: `elsewhere` in no window. */
export function placeText(addr: bigint): string {
  return windowAt(addr) === undefined ? 'elsewhere' : addressText(addr);
}

/** What {@link messageText} has to ask of the world. */
export interface MessageNames {
  /** The worker with this tid, `?` if it is none. */
  worker(tid: number): string;
  /** The name that a new descriptor got, or `closed`. */
  descriptor(fd: number): string;
}

/** One `uffd_msg` of 32 bytes. */
export function messageText(bytes: Uint8Array, names: MessageNames): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const field = (offset: number): bigint => view.getBigUint64(offset, true);
  const event = view.getUint8(0);
  const [first, second] = [field(8), field(16)];
  switch (event) {
    case 0x12: {
      const tid = view.getUint32(24, true);
      const flags = setText(first, FAULT_FLAGS, '|');
      const thread = tid === 0 ? '0' : names.worker(tid);
      return `PAGEFAULT flags=${flags} addr=${addressText(second)} tid=${thread}`;
    }
    case 0x13:
      return `FORK ufd=${names.descriptor(view.getUint32(8, true))}`;
    case 0x14: {
      const length = lengthText(field(24), unitAt(first));
      return `REMAP from=${addressText(first)} to=${addressText(second)} len=${length}`;
    }
    case 0x15:
    case 0x16: {
      const name = event === 0x15 ? 'REMOVE' : 'UNMAP';
      return `${name} start=${addressText(first)} end=${addressText(second)}`;
    }
    default:
      return `event=0x${event.toString(16)}`;
  }
}
