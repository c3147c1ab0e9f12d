/**
 * The map of a scenario's address space: where each slot lies and in which unit it counts.
 * Owns the geography alone; parsing of addresses is in values.ts, printing in format.ts.
 * Addresses are bigints that wrap at 64 bits, because scenarios name ones past user space.
 */

const PAGE = 4096n;
const HUGE_PAGE = 2n * 1024n * 1024n;
const GIB = 1n << 30n;
const U64_MASK = (1n << 64n) - 1n;

/** Every slot is a window of this size, aligned to it. */
export const WINDOW_BYTES = GIB;

const FIRST_WINDOW = 0x2000_0000_0000n;
const SLOT_NAMES = [...'ABCDEFGHIJKLMNOP', 'HA', 'HB', 'HC', 'HD'] as const;
const SMALL_SLOTS = 16;

/** Start of the source buffer of `copy`, an ordinary mapping that every process inherits. */
export const BUFFER_START = 0x3000_0000_0000n;
/** Size of the source buffer. */
export const BUFFER_BYTES = 16n * 1024n * 1024n;
/** Where operations make the mappings that they drop again. */
export const SCRATCH_START = 0x3100_0000_0000n;

/** A named stretch of addresses, and the unit that `+n` counts in there. */
export interface Region {
  readonly name: string;
  readonly start: bigint;
  /** First address behind it; 2^64 for the last page of the 64-bit space. */
  readonly end: bigint;
  readonly unit: bigint;
}

/** The slots `A` to `P` and `HA` to `HD`, in the order of their addresses. */
export const WINDOWS: readonly Region[] = SLOT_NAMES.map((name, index) => {
  const start = FIRST_WINDOW + BigInt(index) * GIB;
  return { name, start, end: start + GIB, unit: index < SMALL_SLOTS ? PAGE : HUGE_PAGE };
});

const OTHERS: readonly Region[] = [
  { name: 'NULL', start: 0n, end: GIB, unit: PAGE },
  { name: 'BUF', start: BUFFER_START, end: BUFFER_START + BUFFER_BYTES, unit: PAGE },
  { name: 'LIM', start: 0x7fff_ffff_f000n, end: 0x7fff_ffff_f000n + GIB, unit: PAGE },
  { name: 'TOP', start: U64_MASK + 1n - PAGE, end: U64_MASK + 1n, unit: PAGE },
];

const BY_NAME = new Map([...WINDOWS, ...OTHERS].map((region) => [region.name, region]));

/** The slot or other base that a scenario calls by this name. */
export const regionNamed = (name: string): Region | undefined => BY_NAME.get(name);

/** The slot whose window holds `addr`. */
export function windowAt(addr: bigint): Region | undefined {
  return WINDOWS[addr < FIRST_WINDOW ? -1 : Number((addr - FIRST_WINDOW) / GIB)];
}

/** The slot or other base whose stretch holds `addr`; that is what an address prints by. */
export function regionAt(addr: bigint): Region | undefined {
  return windowAt(addr) ?? OTHERS.find(({ start, end }) => addr >= start && addr < end);
}

/** The unit in which a scenario counts at `addr`. */
export const unitAt = (addr: bigint): bigint => windowAt(addr)?.unit ?? PAGE;

/** `value` modulo 2^64, as sums of addresses wrap. */
export const wrap64 = (value: bigint): bigint => value & U64_MASK;
