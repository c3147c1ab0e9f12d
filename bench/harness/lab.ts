/**
 * What a suite gets: the library, its peers, and a way to end them.
 */
import { type Absent, type Contestant, compare, type Match } from './compare.js';
import type { Library } from './library.js';
import { compile, Peer } from './peer.js';
import type { Row } from './row.js';

/** A suite of measurements. */
export type Suite = (lab: Lab) => Promise<Row[]>;

/** Turns the numbers that a program answers into nanoseconds for one operation. */
export type Reading = (answer: readonly number[], index: number) => number;

/** A program of bench/c that runs, or the reason why it does not. */
export interface Opponent {
  /** A contestant that sends a request in each round; the first number is its time by default. */
  does(name: string, request: (index: number) => string, read?: Reading): Contestant | Absent;
}

/** One suite's surroundings. */
export class Lab {
  readonly #peers: Peer[] = [];

  constructor(
    readonly library: Library,
    /** Where compiled programs go. */
    readonly folder: string,
    /** Text in the name of what is measured. */
    readonly filter: string,
  ) {}

  /** Measures those matches that are wanted. */
  compare(matches: readonly Match[]): Promise<Row[]> {
    return compare(matches.filter(({ name }) => name.includes(this.filter)));
  }

  /** Compiles and starts a program of bench/c. */
  async opponent(program: string): Promise<Opponent> {
    const compiled = compile(program, this.folder);
    if ('skipped' in compiled) return absent(compiled.skipped);
    const peer = await Peer.start(compiled.binary);
    this.#peers.push(peer);
    if (peer.skipped !== undefined) return absent(peer.skipped);
    return {
      does: (name, request, read = first) => ({
        name,
        round: async (index) => read(await peer.ask(request(index)), index),
      }),
    };
  }

  /** Ends the programs. */
  async close(): Promise<void> {
    for (const peer of this.#peers) await peer.stop();
  }
}

const first: Reading = ([took = Number.NaN]) => took;

const absent = (skipped: string): Opponent => ({
  does: (name) => ({ name, skipped }),
});
