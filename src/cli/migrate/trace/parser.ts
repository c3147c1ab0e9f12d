/**
 * Reads the lines of `valgrind --tool=lackey --trace-mem=yes` from bytes: loads ` L addr,size`,
 * stores ` S`, modifies ` M`, and fetches `I `, which are checked, counted and left out. Lines of
 * Valgrind itself (`==pid==`) tell whether the recording is whole; a few others (the program's own
 * output) are tolerated. Works on bytes and makes no strings. Never reads a file: a reader pushes
 * chunks.
 */
import { InputError } from '../../exit.js';
import { type AccessBatch, OP_LOAD, OP_MODIFY, OP_STORE } from './access.js';

/** The command that makes a trace, for the sentences that ask for one. */
export const RECORD_HINT =
  'record one with: valgrind --tool=lackey --trace-mem=yes --log-file=FILE PROGRAM';

const NEWLINE = 10;
const SPACE = 32;
const COMMA = 44;
const EQUALS = 61;
const NOT_A_DIGIT = 255;
const FETCH = 254;
const BAD_LINE = -1;

/** Lackey splits what is larger; more than this is not its output. */
const ACCESS_BYTES_MAX = 4096;
/** A line without an end is kept up to here; no trace has one that long. */
const LINE_BYTES_MAX = 65_536;
/**
 * Lines that are not Lackey's: this many, and one of a hundred, may be the program's own output.
 */
const FOREIGN_LINES_MAX = 100;

const digitOf = new Uint8Array(256).fill(NOT_A_DIGIT);
for (let digit = 0; digit < 10; digit++) digitOf[48 + digit] = digit;
for (let digit = 10; digit < 16; digit++) digitOf[87 + digit] = digit;

const opOf = new Uint8Array(256).fill(NOT_A_DIGIT);
opOf['L'.charCodeAt(0)] = OP_LOAD;
opOf['S'.charCodeAt(0)] = OP_STORE;
opOf['M'.charCodeAt(0)] = OP_MODIFY;

/** What a trace turned out to hold, as far as it has been read. */
export interface ParserCounts {
  /** Loads, stores and modifies together: the steps. */
  accesses: number;
  /** Instruction fetches, which are left out. */
  fetches: number;
  /** Lines that are neither Lackey's nor Valgrind's. */
  foreignLines: number;
}

/** A streaming parser: push a chunk, then fill batches until there is no more in it. */
export class LackeyParser {
  readonly counts: ParserCounts = { accesses: 0, fetches: 0, foreignLines: 0 };
  /** Whether Lackey's first line and Valgrind's last one (`Exit code:`) were seen. */
  hasHeader = false;
  hasFooter = false;
  /** The first line that is not Lackey's, as it is shown to the user. */
  #firstForeign: string | undefined;
  #lines = 0;
  /** The bytes that are being read: whole lines from #at to #end. */
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  /** The rest of a chunk whose first line was completed from the tail before it. */
  #next: Uint8Array | undefined;
  /** The beginning of a line whose end has not been pushed yet. */
  #tail: Uint8Array = new Uint8Array(0);

  /** Takes the next bytes of the file; the ones before must have been parsed. */
  push(chunk: Uint8Array): void {
    const lineEnd = chunk.indexOf(NEWLINE) + 1;
    if (this.#tail.length === 0) this.#open(chunk);
    else if (lineEnd === 0) this.#keepTail(joined(this.#tail, chunk));
    else this.#openTail(chunk, lineEnd);
  }

  /** Parses into the batch until it is full (true) or the pushed bytes are used up (false). */
  fill(batch: AccessBatch): boolean {
    for (;;) {
      this.#parseLines(batch);
      if (batch.isFull) return true;
      if (!this.#next) return false;
      const chunk = this.#next;
      this.#next = undefined;
      this.#open(chunk);
    }
  }

  /** The line that the file ended in, without its end; empty when the last line was whole. */
  get unfinishedLine(): string {
    return printable(this.#tail);
  }

  /** The line that is being read, from 1 on. */
  get line(): number {
    return this.#lines;
  }

  /** The error for a file that is something else. */
  notATrace(): InputError {
    return new InputError(`is not a Lackey trace${this.#firstForeign ?? ''}; ${RECORD_HINT}`);
  }

  /** Completes the line that was begun before; the rest of the chunk comes after it. */
  #openTail(chunk: Uint8Array, lineEnd: number): void {
    this.#bytes = joined(this.#tail, chunk.subarray(0, lineEnd));
    this.#at = 0;
    this.#end = this.#bytes.length;
    this.#tail = this.#tail.subarray(0, 0);
    this.#next = chunk.subarray(lineEnd);
  }

  #open(chunk: Uint8Array): void {
    this.#bytes = chunk;
    this.#at = 0;
    this.#end = chunk.lastIndexOf(NEWLINE) + 1;
    this.#keepTail(chunk.slice(this.#end));
  }

  #keepTail(tail: Uint8Array): void {
    this.#tail = tail;
    if (tail.length <= LINE_BYTES_MAX) return;
    this.#firstForeign ??= this.#quoted(tail);
    throw this.notATrace();
  }

  /** The hot loop: every line in reach ends in a newline, which is no digit and stops each scan. */
  #parseLines(batch: AccessBatch): void {
    const bytes = this.#bytes;
    const { addresses, sizes, ops, capacity } = batch;
    let at = this.#at;
    let count = batch.length;
    while (at < this.#end && count < capacity) {
      this.#lines++;
      const op = opAt(bytes, at);
      let address = 0;
      let size = 0;
      let cursor = at + 3;
      if (op !== NOT_A_DIGIT) {
        for (let digit = digitOf[bytes[cursor]!]!; digit < 16; digit = digitOf[bytes[++cursor]!]!) {
          address = address * 16 + digit;
        }
        if (bytes[cursor] === COMMA) size = decimalAt(bytes, cursor + 1);
        cursor = lineEndAfter(bytes, cursor, size);
      }
      if (size === 0 || cursor === BAD_LINE) {
        at = this.#foreignLine(at);
      } else {
        at = cursor;
        if (op === FETCH) {
          this.counts.fetches++;
        } else {
          addresses[count] = address;
          sizes[count] = size;
          ops[count++] = op;
        }
      }
    }
    this.counts.accesses += count - batch.length;
    batch.length = count;
    this.#at = at;
  }

  /** Judges a line that is not an access; returns where the next one begins. */
  #foreignLine(start: number): number {
    const end = this.#bytes.indexOf(NEWLINE, start);
    const line = this.#bytes.subarray(start, end);
    if (isValgrindLine(line)) {
      const text = printable(line);
      if (text.includes('Lackey')) this.hasHeader = true;
      if (text.includes('Exit code:')) this.hasFooter = true;
    } else if (line.length > 0) {
      this.counts.foreignLines++;
      this.#firstForeign ??= this.#quoted(line);
      const known = this.counts.accesses + this.counts.fetches;
      if (this.counts.foreignLines > FOREIGN_LINES_MAX + known / 100) throw this.notATrace();
    }
    return end + 1;
  }

  #quoted(line: Uint8Array): string {
    return `: line ${this.#lines} reads '${printable(line).slice(0, 40)}'`;
  }
}

/** Which access a line begins with: ` L `, ` S `, ` M ` or `I  `. */
function opAt(bytes: Uint8Array, at: number): number {
  if (bytes[at] === SPACE && bytes[at + 2] === SPACE) return opOf[bytes[at + 1]!]!;
  const isFetch = bytes[at] === 73 && bytes[at + 1] === SPACE && bytes[at + 2] === SPACE;
  return isFetch ? FETCH : NOT_A_DIGIT;
}

/** The decimal number here; 0 when there is none or it is larger than any access. */
function decimalAt(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let digit = digitOf[bytes[at]!]!; digit < 10; digit = digitOf[bytes[++at]!]!) {
    value = value * 10 + digit;
    if (value > ACCESS_BYTES_MAX) return 0;
  }
  return value;
}

/** Where the next line begins when a size of these digits ends this one; BAD_LINE otherwise. */
function lineEndAfter(bytes: Uint8Array, comma: number, size: number): number {
  const digits = size < 10 ? 1 : size < 100 ? 2 : size < 1000 ? 3 : 4;
  const end = comma + 1 + digits;
  return bytes[end] === NEWLINE ? end + 1 : BAD_LINE;
}

/** Valgrind marks its own lines: `==pid==`, `--pid--`, `**pid**`. */
function isValgrindLine(line: Uint8Array): boolean {
  const mark = line[0];
  return (mark === EQUALS || mark === 45 || mark === 42) && line[1] === mark;
}

function joined(head: Uint8Array, rest: Uint8Array): Uint8Array {
  const both = new Uint8Array(head.length + rest.length);
  both.set(head);
  both.set(rest, head.length);
  return both;
}

function printable(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(0, 200))
    .toString('latin1')
    .replace(/[^ -~]/g, '.');
}
