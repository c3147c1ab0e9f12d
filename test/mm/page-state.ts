/**
 * Names of what pagemap says of one page, in the letters that the tables use: P present, S swapped,
 * F of a file, W or w write-protected, X mapped once, Kw Kp Kg the markers, `-` nothing.
 */
import {
  PM_FILE_BIT,
  PM_MMAP_EXCLUSIVE_BIT,
  PM_PRESENT_BIT,
  PM_SWAP_BIT,
  PM_UFFD_WP_BIT,
  type Process,
} from 'uffd-emulator';
import { PAGE } from '../support/guest.js';

const MARKER_TYPE = 31n;
const MARKERS = ['Kw', 'Kp', 'Kg'];

const has = (word: bigint, bit: number): boolean => (word & (1n << BigInt(bit))) !== 0n;

/** The letters of one word of pagemap. */
export function stateOf(word: bigint): string {
  if (has(word, PM_PRESENT_BIT)) {
    const letters: [number, string][] = [
      [PM_FILE_BIT, 'F'],
      [PM_UFFD_WP_BIT, 'W'],
      [PM_MMAP_EXCLUSIVE_BIT, 'X'],
    ];
    return `P${letters.map(([bit, letter]) => (has(word, bit) ? letter : '')).join('')}`;
  }
  if (!has(word, PM_SWAP_BIT)) return '-';
  if ((word & 31n) === MARKER_TYPE) return markerOf((word >> 5n) & 7n);
  return has(word, PM_UFFD_WP_BIT) ? 'Sw' : 'S';
}

const markerOf = (bits: bigint): string =>
  MARKERS.filter((_, i) => (bits & (1n << BigInt(i))) !== 0n).join('') || 'K?';

/** The letters of pages in a row. */
export const statesOf = (proc: Process, addr: number, pages = 1): string[] =>
  Array.from(proc.pagemap({ addr, length: pages * PAGE }), stateOf);

/** The letters of one page. */
export const pageState = (proc: Process, addr: number): string => statesOf(proc, addr)[0] ?? '?';
