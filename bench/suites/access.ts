/**
 * load32Sync and store32Sync through the public API, beside the same sequence of accesses on an
 * Int32Array and in C with the same translation cache and page tables (c/walker.c).
 * All sides start with the same memory and do the same rounds, so their checksums must agree.
 */

import type { Thread } from '../../src/index.js';
import { nowNs } from '../harness/clock.js';
import type { Contestant, Match } from '../harness/compare.js';
import type { Lab, Opponent, Suite } from '../harness/lab.js';
import type { Row } from '../harness/row.js';

const MIB = 2 ** 20;
const SPACE = 256 * MIB;

/** A run of accesses over `mask + 4` bytes; answers a checksum. */
type Run = (mask: number, count: number, seed: number) => number;

interface Runs {
  readonly load: Run;
  readonly store: Run;
  readonly loadInOrder: Run;
  readonly storeInOrder: Run;
}

type RunName = keyof Runs;

/** How a run is asked of the walker. */
const REQUESTS: Readonly<Record<RunName, string>> = {
  load: 'load random',
  store: 'store random',
  loadInOrder: 'load sequential',
  storeInOrder: 'store sequential',
};

const TITLES: Readonly<Record<RunName, string>> = {
  load: 'load32Sync random',
  store: 'store32Sync random',
  loadInOrder: 'load32Sync in order',
  storeInOrder: 'store32Sync in order',
};

/** Accesses of a thread that the loops know, as a program has that keeps it in a constant. */
function runsOf(thread: Thread, base: number): Runs {
  return {
    load(mask, count, seed) {
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
    store(mask, count, seed) {
      let x = seed;
      for (let i = 0; i < count; i++) {
        x ^= x << 13;
        x ^= x >>> 17;
        x ^= x << 5;
        thread.store32Sync(base + (x & mask), x);
      }
      return x;
    },
    loadInOrder(mask, count, seed) {
      let sum = 0;
      for (let i = 0; i < count; i++) {
        sum = (sum + thread.load32Sync(base + ((seed + i * 4) & mask))) | 0;
      }
      return sum;
    },
    storeInOrder(mask, count, seed) {
      for (let i = 0; i < count; i++) thread.store32Sync(base + ((seed + i * 4) & mask), i);
      return count;
    },
  };
}

/** The same in words of an array. */
function rawRunsOf(words: Int32Array): Runs {
  return {
    load(mask, count, seed) {
      let x = seed;
      let sum = 0;
      for (let i = 0; i < count; i++) {
        x ^= x << 13;
        x ^= x >>> 17;
        x ^= x << 5;
        sum = (sum + (words[(x & mask) >>> 2] ?? 0)) | 0;
      }
      return sum;
    },
    store(mask, count, seed) {
      let x = seed;
      for (let i = 0; i < count; i++) {
        x ^= x << 13;
        x ^= x >>> 17;
        x ^= x << 5;
        words[(x & mask) >>> 2] = x;
      }
      return x;
    },
    loadInOrder(mask, count, seed) {
      let sum = 0;
      for (let i = 0; i < count; i++) {
        sum = (sum + (words[((seed + i * 4) & mask) >>> 2] ?? 0)) | 0;
      }
      return sum;
    },
    storeInOrder(mask, count, seed) {
      for (let i = 0; i < count; i++) words[((seed + i * 4) & mask) >>> 2] = i;
      return count;
    },
  };
}

/** Loads through a thread that is an argument, as in a function for many threads. */
function loadWith(thread: Thread, base: number, mask: number, count: number, seed: number): number {
  let x = seed;
  let sum = 0;
  for (let i = 0; i < count; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    sum = (sum + thread.load32Sync(base + (x & mask))) | 0;
  }
  return sum;
}

/** Holds the sides to one checksum for each round. */
class Checksums {
  readonly #known = new Map<number, number>();

  check(index: number, sum: number): void {
    const known = this.#known.get(index) ?? sum >>> 0;
    this.#known.set(index, known);
    if (known !== sum >>> 0) throw new Error(`round ${index}: checksum ${sum >>> 0}, not ${known}`);
  }
}

/** What all sides of one match do. */
class Task {
  readonly #sums = new Checksums();

  constructor(
    readonly name: RunName,
    readonly bytes: number,
  ) {}

  get title(): string {
    return `access: ${TITLES[this.name]}, ${this.bytes / MIB} MiB`;
  }

  get #count(): number {
    return this.bytes > MIB ? 2 ** 21 : 2 ** 23;
  }

  /** A contestant that runs in this process. */
  here(name: string, run: Run): Contestant {
    return {
      name,
      round: (index) => {
        const start = nowNs();
        const sum = run(this.bytes - 4, this.#count, index + 1);
        const took = nowNs() - start;
        this.#sums.check(index, sum);
        return took / this.#count;
      },
    };
  }

  /** The walker in C. */
  inC(walker: Opponent) {
    const words = `${REQUESTS[this.name]} ${this.bytes} ${this.#count}`;
    return walker.does(
      'C -O2 walker',
      (index) => `${words} ${index + 1}`,
      ([took = Number.NaN, sum = Number.NaN], index) => {
        this.#sums.check(index, sum);
        return took / this.#count;
      },
    );
  }
}

/** Word `index` of every side's memory at the start. */
const wordAt = (index: number): number => Math.imul(index, 2654435761);

/** 256 MiB of a machine's memory whose words are all there and known. */
function memoryOf({ library }: Lab): { thread: Thread; base: number } {
  const { Machine, MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } = library;
  const thread = new Machine({ memory: SPACE + 16 * MIB }).spawn().main;
  const prot = PROT_READ | PROT_WRITE;
  const base = thread.mmapSync({ length: SPACE, prot, flags: MAP_PRIVATE | MAP_ANONYMOUS });
  const page = new Uint8Array(4096);
  const words = new Int32Array(page.buffer);
  for (let at = 0; at < SPACE; at += 4096) {
    for (let i = 0; i < 1024; i++) words[i] = wordAt(at / 4 + i);
    thread.writeSync(base + at, page);
  }
  return { thread, base };
}

function rawMemory(): Int32Array {
  const words = new Int32Array(SPACE / 4);
  for (let i = 0; i < words.length; i++) words[i] = wordAt(i);
  return words;
}

/** What is measured, and the largest ratio to C that is accepted: for hits, which 1 MiB is. */
const TASKS: readonly (readonly [name: RunName, mib: number, required?: number])[] = [
  ['load', 1, 1.6],
  ['store', 1, 1.6],
  ['loadInOrder', 1],
  ['storeInOrder', 1],
  ['load', 16],
  ['store', 16],
  ['load', 256],
  ['store', 256],
];

const suite: Suite = async (lab) => {
  const walker = await lab.opponent('walker');
  const { thread, base } = memoryOf(lab);
  const runs = runsOf(thread, base);
  const raw = rawRunsOf(rawMemory());
  const rows: Row[] = [];
  for (const [run, mib, required] of TASKS) {
    const task = new Task(run, mib * MIB);
    const ours = task.here('ours', runs[run]);
    const peer = task.inC(walker);
    const matches: Match[] = [
      { name: task.title, ours, peer, ...(required === undefined ? {} : { required }) },
      { name: task.title, ours, peer: task.here('Int32Array', raw[run]) },
    ];
    if (run === 'load' && mib === 1) {
      const passed = task.here('ours', (...args) => loadWith(thread, base, ...args));
      matches.push({ name: `${task.title}, thread as argument`, ours: passed, peer });
    }
    rows.push(...(await lab.compare(matches)));
  }
  return rows;
};

export default suite;
