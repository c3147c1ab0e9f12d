/**
 * What the last operations before a difference talk about: processes, pages, windows and uffds, as
 * far as their words tell. A reader of texts; asks no kernel.
 */
import { type Line, parseLine, parseWho } from '../../scenario/parse.js';
import { parseAddress, parseLength } from '../../scenario/values.js';
import { regionAt, unitAt } from '../../scenario/windows.js';
import type { Step } from '../run/transcript.js';

/** Operations that are looked at, the differing one included. */
const RECENT = 6;
/** Pages of one range, and in all. */
const RANGE_PAGES_MAX = 8n;
const PAGES_MAX = 16;

/** What to look at, as the language spells it. */
export interface Named {
  /** `P0`, `P1`. */
  readonly processes: readonly string[];
  /** Windows with a mapping of their own: `A`, `HA`, `BUF`. */
  readonly windows: readonly string[];
  /** Units: `A+3`. */
  readonly pages: readonly string[];
  /** Names that a uffd was given at any time before. */
  readonly uffds: readonly string[];
}

/** What the operations up to the last of `steps` name. */
export function namedBy(steps: readonly Step[], transcript: string): Named {
  const lines = steps.flatMap(({ text }) => parseLine(text) ?? []);
  const recent = lines.slice(-RECENT).reverse(); // the nearest first, should there be too much
  const addresses = [...new Set(recent.flatMap(addressesOf))];
  return {
    processes: unique(recent.flatMap(processesOf)).sort(),
    windows: unique(addresses.map(windowOf)).sort(),
    pages: addresses.slice(0, PAGES_MAX).sort(compareNumbers).map(pageText),
    uffds: unique(uffdsOf(lines, transcript)),
  };
}

const unique = (texts: readonly string[]): string[] => [...new Set(texts)];

const compareNumbers = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);

const windowOf = (addr: bigint): string => regionAt(addr)?.name ?? '';

function pageText(addr: bigint): string {
  const region = regionAt(addr);
  return region === undefined ? '' : `${region.name}+${(addr - region.start) / region.unit}`;
}

/** Starts of the units that an operation's words name: an address, and the length behind it. */
function addressesOf({ words, keys }: Line): bigint[] {
  const ofWords = words.flatMap((word, index) => rangeOf(word, words[index + 1]));
  const ofKeys = ['src', 'to'].flatMap((key) => rangeOf(keys.get(key) ?? '', undefined));
  return [...ofWords, ...ofKeys];
}

function rangeOf(word: string, next: string | undefined): bigint[] {
  const addr = parseAddress(word);
  // the ends of the address space have no pages to show
  if (addr === undefined || /^(NULL|LIM|TOP|)$/.test(windowOf(addr))) return [];
  const unit = unitAt(addr);
  const start = addr - (addr % unit);
  const lenBytes = (next === undefined ? undefined : parseLength(next, unit)) ?? unit;
  const wanted = (addr - start + lenBytes + unit - 1n) / unit;
  const count = wanted < 1n ? 1n : wanted > RANGE_PAGES_MAX ? RANGE_PAGES_MAX : wanted;
  const end = regionAt(addr)?.end ?? start + unit;
  const units = Array.from({ length: Number(count) }, (_, index) => start + BigInt(index) * unit);
  return units.filter((at) => at < end);
}

/** The process that runs an operation, and those that its words name. */
function processesOf({ who, words }: Line): string[] {
  const others = words.filter((word) => /^P\d/.test(word)).flatMap((word) => parseWho(word) ?? []);
  return [who, ...others].map(({ process }) => `P${process}`);
}

function uffdsOf(lines: readonly Line[], transcript: string): string[] {
  const made = lines.filter(({ op }) => op === 'uffd').flatMap(({ words }) => words[0] ?? []);
  const copied = lines.filter(({ op }) => op === 'dup').flatMap(({ words }) => words[1] ?? []);
  const born = [...transcript.matchAll(/FORK ufd=(\w+)/g)].flatMap(([, name]) => name ?? []);
  return [...made, ...copied, ...born].filter((name) => name !== 'closed');
}
