/**
 * Reads the arguments of one operation: positional words in order, keys by name.
 * What does not parse throws {@link BadOp}; a descriptor the process does not have is only noted,
 * because a scenario's `BADOP` goes before its `NOFD`.
 */

import type { Names } from './names.js';
import type { Line } from './parse.js';
import {
  type Fill,
  parseAddress,
  parseFill,
  parseLength,
  parseName,
  parseNumber,
  parseSet,
} from './values.js';
import { unitAt } from './windows.js';

/** A line that no operation can make sense of; the transcript says `BADOP`. */
export class BadOp extends Error {
  override readonly name = 'BadOp';
}

/** What a name of a scenario stands for in one process. */
export interface Handle {
  readonly fd: number;
  /** Unit of offsets and lengths in the file, in bytes. */
  readonly unit: bigint;
}

/** An address and the unit of the window it lies in. */
export interface Place {
  readonly addr: bigint;
  readonly unit: bigint;
}

/** Names that a process may have. */
const NAMES_MAX = 32;

const NO_HANDLE: Handle = { fd: -1, unit: 4096n };

/** The arguments of one operation, consumed in the order in which it asks for them. */
export class Args {
  #next = 0;
  #lacksHandle = false;

  constructor(
    readonly line: Line,
    readonly handles: ReadonlyMap<string, Handle>,
  ) {}

  /** Whether some name is not known to the process: `NOFD`. */
  get lacksHandle(): boolean {
    return this.#lacksHandle;
  }

  /** The next positional word, which must be there. */
  word(): string {
    return this.optionalWord() ?? this.bad('an argument is missing');
  }

  optionalWord(): string | undefined {
    return this.line.words[this.#next++];
  }

  /** Whether one of the remaining positional words is this one. */
  hasWord(word: string): boolean {
    return this.line.words.indexOf(word, this.#next) >= 0;
  }

  key(name: string): string | undefined {
    return this.line.keys.get(name);
  }

  /** A positional argument that is one of a few words, as what the word stands for. */
  oneOf<T>(choices: ReadonlyMap<string, T>): T {
    const word = this.word();
    return choices.get(word) ?? this.bad(`${word} is none of ${[...choices.keys()].join(' ')}`);
  }

  place(): Place {
    return this.#placeOf(this.word());
  }

  placeKey(name: string): Place | undefined {
    const text = this.key(name);
    return text === undefined ? undefined : this.#placeOf(text);
  }

  #placeOf(text: string): Place {
    const addr = this.#parsed(parseAddress(text), text);
    return { addr, unit: unitAt(addr) };
  }

  /** A length in bytes, given in `unit`. */
  length(unit: bigint): bigint {
    const word = this.word();
    return this.#parsed(parseLength(word, unit), word);
  }

  lengthKey(name: string, unit: bigint): bigint {
    const text = this.key(name);
    return text === undefined ? 0n : this.#parsed(parseLength(text, unit), text);
  }

  number(): bigint {
    const word = this.word();
    return this.#parsed(parseNumber(word), word);
  }

  /** An optional positional count. */
  count(fallback: number): number {
    const word = this.optionalWord();
    return word === undefined ? fallback : Number(this.#parsed(parseNumber(word), word));
  }

  numberKey(name: string, fallback: bigint): bigint {
    const text = this.key(name);
    return text === undefined ? fallback : this.#parsed(parseNumber(text), text);
  }

  /** A count that the language bounds. */
  boundedKey(name: string, fallback: number, max: number): number {
    const value = this.numberKey(name, BigInt(fallback));
    return value <= BigInt(max) ? Number(value) : this.bad(`${name}: at most ${max}`);
  }

  /** The low byte of a number. */
  byteKey(name: string, fallback: number): number {
    return Number(this.numberKey(name, BigInt(fallback)) & 0xffn);
  }

  set(names: Names): bigint {
    const word = this.word();
    return this.#parsed(parseSet(word, names), word);
  }

  setKey(name: string, names: Names, fallback = 0n): bigint {
    const text = this.key(name);
    return text === undefined ? fallback : this.#parsed(parseSet(text, names), text);
  }

  fillKey(): Fill | undefined {
    const text = this.key('fill');
    return text === undefined ? undefined : this.#parsed(parseFill(text), text);
  }

  /** What an existing name stands for. */
  handle(): Handle {
    const handle = this.handles.get(this.name());
    if (handle === undefined) this.#lacksHandle = true;
    return handle ?? NO_HANDLE;
  }

  /** A name, whether it exists or not. */
  name(): string {
    const word = this.word();
    return this.#parsed(parseName(word), word);
  }

  /** A name that is going to stand for something new. */
  newName(): string {
    return this.#fitting(this.name());
  }

  /** The same from a key. */
  newNameKey(key: string): string | undefined {
    const text = this.key(key);
    return text === undefined ? undefined : this.#fitting(this.#parsed(parseName(text), text));
  }

  #fitting(name: string): string {
    if (this.handles.size < NAMES_MAX || this.handles.has(name)) return name;
    return this.bad(`the process has ${NAMES_MAX} names`);
  }

  #parsed<T>(value: T | undefined, text: string): T {
    return value ?? this.bad(`${text} does not parse`);
  }

  /** Ends the operation as `BADOP`. */
  bad(detail: string): never {
    throw new BadOp(`${this.line.text}: ${detail}`);
  }
}
