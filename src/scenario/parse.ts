/**
 * One line of a scenario: who, which operation, its words and keys. Pure text: what a word means
 * is for values.ts, what an operation wants for the tables.
 */

/** Longest line a scenario may have, in bytes. */
export const LINE_BYTES_MAX = 600;

/** Processes a scenario may have: `P0` to `P5`. */
export const PROCESSES_MAX = 6;

/** Workers of each process, in the order in which a transcript lists them. */
export const WORKER_NAMES = ['M', 'T0', 'T1', 'T2', 'T3'] as const;

/** A worker as a scenario names it. */
export interface Who {
  readonly process: number;
  /** Index into {@link WORKER_NAMES}. */
  readonly worker: number;
}

/** An operation as written. */
export interface Line {
  /** The words joined by one blank, without the comment. */
  readonly text: string;
  readonly who: Who;
  /** Empty when the line has nothing but a WHO. */
  readonly op: string;
  /** Words without a `=`, in order. */
  readonly words: readonly string[];
  readonly keys: ReadonlyMap<string, string>;
}

const WHO = /^(?:P([0-5])(?:\.(M|T[0-3]))?|(T[0-3]))$/;

/** A worker from `P1`, `T0`, `P1.T2` or `P0.M`; `undefined` for any other word. */
export function parseWho(word: string): Who | undefined {
  const [matched, process = '0', named, thread] = WHO.exec(word) ?? [];
  if (matched === undefined) return undefined;
  const worker = WORKER_NAMES.findIndex((name) => name === (named ?? thread ?? 'M'));
  return { process: Number(process), worker };
}

/** How a transcript names a worker: `P0.T1`. */
export const whoText = ({ process, worker }: Who): string => `P${process}.${WORKER_NAMES[worker]}`;

/** Splits one line; `undefined` when it has no word. */
export function parseLine(raw: string): Line | undefined {
  const all = raw.replace(/#.*/, '').match(/[^ \t\r\n]+/g);
  if (all === null) return undefined;
  const who = parseWho(all[0] ?? '');
  const [op = '', ...rest] = who === undefined ? all : all.slice(1);
  const words: string[] = [];
  const keys = new Map<string, string>();
  for (const word of rest) {
    const at = word.indexOf('=');
    if (at < 0) words.push(word);
    else if (!keys.has(word.slice(0, at))) keys.set(word.slice(0, at), word.slice(at + 1));
  }
  return { text: all.join(' '), who: who ?? { process: 0, worker: 0 }, op, words, keys };
}

/** The lines of a scenario that have a word, in order; `RangeError` names one that is too long. */
export function parseScenario(text: string): Line[] {
  const lines: Line[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    if (raw.length > LINE_BYTES_MAX) {
      throw new RangeError(`line ${index + 1}: longer than ${LINE_BYTES_MAX} bytes`);
    }
    const line = parseLine(raw);
    if (line !== undefined) lines.push(line);
  }
  return lines;
}
