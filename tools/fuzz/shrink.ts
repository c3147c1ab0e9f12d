/**
 * Makes a scenario that differs smaller, as long as it still differs at the same kind of operation:
 * first fewer lines (halves, quarters, … single ones), then simpler words, then fewer lines again.
 * Owns the order of attempts and their limit; what a simpler word is, simplify.ts knows.
 */

import { compare, type Difference, operationName } from './compare.js';
import { isExcluded } from './excluded.js';
import type { Outcome, Pair } from './sides.js';
import { simplerLines } from './simplify.js';

/** Runs of both sides before the shrinker is content with what it has. */
const RUNS_MOST = 2500;

/** A scenario on which the sides differ, and how. */
export interface Divergence {
  readonly lines: readonly string[];
  readonly difference: Difference;
  readonly expected: Outcome;
  readonly actual: Outcome;
}

/** Runs a scenario on both sides; `undefined` when they agree or cannot be compared. */
export async function diverge(
  pair: Pair,
  lines: readonly string[],
): Promise<Divergence | undefined> {
  const text = `${lines.join('\n')}\n`;
  const [expected, actual] = await Promise.all([pair.expected.run(text), pair.actual.run(text)]);
  const comparison = compare(expected, actual);
  if (comparison.kind !== 'differs') return undefined;
  return { lines, difference: comparison.difference, expected, actual };
}

/** What must stay as it was: the kind of operation, and how each side ended. */
function signature({ difference, actual, expected }: Divergence): string {
  const isFirst = difference.expected.startsWith('= ');
  const name = actual.status >= 4 ? 'trouble' : operationName(difference.operation);
  return `${name} ${isFirst ? '=' : 'later'} ${expected.status >= 2} ${actual.status >= 2}`;
}

class Shrinker {
  #runs = 0;

  constructor(
    private readonly pair: Pair,
    private best: Divergence,
  ) {}

  async run(): Promise<Divergence> {
    this.#cut();
    for (let before = -1; before !== this.#size && !this.#isTired; ) {
      before = this.#size;
      await this.#dropLines();
      await this.#simplify();
    }
    return this.best;
  }

  /** Total length in characters: every step makes it smaller. */
  get #size(): number {
    return this.best.lines.join('\n').length;
  }

  get #isTired(): boolean {
    return this.#runs >= RUNS_MOST;
  }

  /** Nothing behind the difference matters. */
  #cut(): void {
    const { difference, expected } = this.best;
    const operations = expected.transcript
      .split('\n')
      .slice(0, difference.at + 1)
      .filter((line) => line.startsWith('> ')).length;
    const own = this.best.lines.filter((line) => line.replace(/#.*/, '').trim() !== '');
    const end = difference.operation === '' ? own.length : operations;
    this.best = { ...this.best, lines: own.slice(0, end) };
  }

  /** Takes a smaller scenario if it differs in the same way. */
  async #try(lines: readonly string[]): Promise<boolean> {
    if (this.#isTired || isExcluded(lines)) return false;
    this.#runs++;
    const found = await diverge(this.pair, lines);
    if (found === undefined || signature(found) !== signature(this.best)) return false;
    this.best = found;
    return true;
  }

  async #dropLines(): Promise<void> {
    for (let chunk = this.best.lines.length >> 1; chunk >= 1; chunk >>= 1) {
      for (let at = this.best.lines.length - chunk; at > -chunk; at -= chunk) {
        const { lines } = this.best;
        const start = Math.max(0, at);
        const rest = [...lines.slice(0, start), ...lines.slice(at + chunk)];
        if (rest.length < lines.length) await this.#try(rest);
      }
    }
  }

  async #simplify(): Promise<void> {
    for (let again = true; again && !this.#isTired; ) {
      again = false;
      for (const lines of simplerLines(this.best.lines)) {
        again = await this.#try(lines);
        if (again) break;
      }
    }
  }
}

/** The smallest scenario found that differs in the same way. */
export async function shrink(pair: Pair, divergence: Divergence): Promise<Divergence> {
  const smaller = await new Shrinker(pair, divergence).run();
  return (await diverge(pair, smaller.lines)) ?? smaller;
}
