/**
 * load32Sync and store32Sync through the public API, beside the same sequence of accesses on an
 * Int32Array and in C with the same translation cache and page tables (c/walker.c).
 * All sides start with the same memory and do the same rounds, so their checksums must agree.
 */

import type { Thread } from '../../src/index.js';
import { nowNs } from '../harness/clock.js';
import { type Contestant, compare, type Match } from '../harness/compare.js';
import type { Lab, Opponent, Suite } from '../harness/lab.js';

const MIB = 2 ** 20;
const SPACE = 256 * MIB;

/** One pattern of accesses. */
interface Pattern {
  readonly access: 'load' | 'store';
  readonly order: 'random' | 'sequential';
  readonly bytes: number;
  readonly count: number;
  /** Largest ratio to C. */
  readonly required?: number;
}

const pattern = (
  access: Pattern['access'],
  order: Pattern['order'],
  mib: number,
  required: number,
): Pattern => ({ access, order, bytes: mib * MIB, count: mib > 1 ? 2 ** 21 : 2 ** 23, required });

const PATTERNS: readonly Pattern[] = [
  pattern('load', 'random', 1, 1.6),
  pattern('store', 'random', 1, 1.6),
  pattern('load', 'sequential', 1, 1.6),
  pattern('store', 'sequential', 1, 1.6),
  pattern('load', 'random', 16, 2),
  pattern('store', 'random', 16, 2),
  pattern('load', 'random', 256, 2),
  pattern('store', 'random', 256, 2),
];

const titleOf = ({ access, order, bytes }: Pattern): string =>
  `access: ${access}32Sync ${order} ${bytes / MIB} MiB`;

const seedOf = (index: number): number => index + 1;

/** A run of accesses over `mask + 4` bytes from `base` on; answers a checksum. */
type Run<M> = (memory: M, base: number, mask: number, count: number, seed: number) => number;

const OURS: Record<string, Run<Thread>> = {
  'load random'(thread, base, mask, count, seed) {
    let x = seed;
    let sum = 0;
    for (let i = 0; i < count; i++) {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      sum = (sum + thread.load32Sync(base + (x & mask))) | 0;
    }
    return sum;
  },
  'store random'(thread, base, mask, count, seed) {
    let x = seed;
    for (let i = 0; i < count; i++) {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      thread.store32Sync(base + (x & mask), x);
    }
    return x;
  },
  'load sequential'(thread, base, mask, count, seed) {
    let sum = 0;
    for (let i = 0; i < count; i++) {
      sum = (sum + thread.load32Sync(base + ((seed + i * 4) & mask))) | 0;
    }
    return sum;
  },
  'store sequential'(thread, base, mask, count, seed) {
    for (let i = 0; i < count; i++) thread.store32Sync(base + ((seed + i * 4) & mask), i);
    return count;
  },
};

const RAW: Record<string, Run<Int32Array>> = {
  'load random'(words, base, mask, count, seed) {
    let x = seed;
    let sum = 0;
    for (let i = 0; i < count; i++) {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      sum = (sum + (words[base + ((x & mask) >>> 2)] ?? 0)) | 0;
    }
    return sum;
  },
  'store random'(words, base, mask, count, seed) {
    let x = seed;
    for (let i = 0; i < count; i++) {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      words[base + ((x & mask) >>> 2)] = x;
    }
    return x;
  },
  'load sequential'(words, base, mask, count, seed) {
    let sum = 0;
    for (let i = 0; i < count; i++) {
      sum = (sum + (words[base + (((seed + i * 4) & mask) >>> 2)] ?? 0)) | 0;
    }
    return sum;
  },
  'store sequential'(words, base, mask, count, seed) {
    for (let i = 0; i < count; i++) words[base + (((seed + i * 4) & mask) >>> 2)] = i;
    return count;
  },
};

/** Holds the sides to one checksum for each round. */
class Checksums {
  readonly #known = new Map<number, number>();

  check(index: number, sum: number): void {
    const known = this.#known.get(index) ?? sum >>> 0;
    this.#known.set(index, known);
    if (known !== sum >>> 0) throw new Error(`round ${index}: checksum ${sum >>> 0}, not ${known}`);
  }
}

/** A contestant that runs in this process. */
function local<M>(
  name: string,
  run: Run<M>,
  memory: { readonly of: M; readonly base: number },
  { bytes, count }: Pattern,
  sums: Checksums,
): Contestant {
  return {
    name,
    round(index) {
      const start = nowNs();
      const sum = run(memory.of, memory.base, bytes - 4, count, seedOf(index));
      const took = nowNs() - start;
      sums.check(index, sum);
      return took / count;
    },
  };
}

const inC = (walker: Opponent, { access, order, bytes, count }: Pattern, sums: Checksums) =>
  walker.does(
    'C -O2 walker',
    (index) => `${access} ${order} ${bytes} ${count} ${seedOf(index)}`,
    ([took = Number.NaN, sum = Number.NaN], index) => {
      sums.check(index, sum);
      return took / count;
    },
  );

/** 256 MiB of a machine's memory whose words are all there and known. */
function memoryOf({ library }: Lab): { of: Thread; base: number } {
  const { Machine, MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } = library;
  const { main } = new Machine({ memory: SPACE + 16 * MIB }).spawn();
  const base = main.mmapSync({
    length: SPACE,
    prot: PROT_READ | PROT_WRITE,
    flags: MAP_PRIVATE | MAP_ANONYMOUS,
  });
  const page = new Uint8Array(4096);
  const words = new Int32Array(page.buffer);
  for (let at = 0; at < SPACE; at += 4096) {
    for (let i = 0; i < 1024; i++) words[i] = Math.imul(at / 4 + i, 2654435761);
    main.writeSync(base + at, page);
  }
  return { of: main, base };
}

function rawMemory(): { of: Int32Array; base: number } {
  const words = new Int32Array(SPACE / 4);
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i, 2654435761);
  return { of: words, base: 0 };
}

const suite: Suite = async (lab) => {
  const walker = await lab.opponent('walker');
  const space = memoryOf(lab);
  const raw = rawMemory();
  const rows = [];
  for (const each of PATTERNS) {
    const key = `${each.access} ${each.order}`;
    const sums = new Checksums();
    const [oursRun, rawRun] = [OURS[key], RAW[key]];
    if (oursRun === undefined || rawRun === undefined) throw new Error(`no loop for ${key}`);
    const ours = local('ours', oursRun, space, each, sums);
    const name = titleOf(each);
    const matches: Match[] = [
      { name, ours, peer: inC(walker, each, sums), required: each.required ?? 2 },
      { name, ours, peer: local('Int32Array', rawRun, raw, each, sums) },
    ];
    rows.push(...(await compare(matches)));
  }
  return rows;
};

export default suite;
