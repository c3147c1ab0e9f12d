/**
 * Decides which calls of a run go wrong: by dice, by plan, or as a schedule recorded it.
 * A fault belongs to the n-th call of a thread, so that it stays where it was when the order of the
 * threads changes.
 */

import { type FaultName, faultsOf, isPossible } from './faults.js';
import { Random } from './random.js';
import { type Injection, letterOf } from './schedule.js';

/** Decides for one run. */
export interface Injector {
  /** The fault of a call; `undefined` for none. */
  faultOf(thread: number, call: number, what: string): FaultName | undefined;
}

/** No call goes wrong. */
export const NO_FAULTS: Injector = { faultOf: () => undefined };

/** Which faults dice may choose. */
export interface FaultOptions {
  /** Chance of a fault at each call, from 0 to 1. @defaultValue `0.05` */
  readonly rate?: number;
  /** Names of calls that may go wrong, such as `UFFDIO_COPY`. @defaultValue all */
  readonly calls?: readonly string[];
  /** What may go wrong. @defaultValue everything but `die` and `exit` */
  readonly kinds?: readonly FaultName[];
  /** Whether `kinds` may also happen where no real kernel does it. @defaultValue `false` */
  readonly impossible?: boolean;
}

/** Faults by chance. */
export class DiceInjector implements Injector {
  readonly #random: Random;
  readonly #rate: number;

  constructor(
    seed: number,
    readonly options: FaultOptions,
  ) {
    this.#random = new Random(seed ^ 0x6b43a9b5);
    this.#rate = options.rate ?? 0.05;
    if (!(this.#rate >= 0 && this.#rate <= 1)) {
      throw new RangeError(`faults.rate: ${this.#rate} is no chance from 0 to 1`);
    }
  }

  faultOf(_thread: number, _call: number, what: string): FaultName | undefined {
    const { calls, kinds, impossible = false } = this.options;
    if (this.#random.next() >= this.#rate * 2 ** 32) return undefined;
    if (calls !== undefined && !calls.includes(what)) return undefined;
    const may = (kind: FaultName): boolean => impossible || isPossible(what, kind);
    const options = kinds === undefined ? faultsOf(what) : kinds.filter(may);
    return options.length === 0 ? undefined : this.#random.pick(options);
  }
}

/** The faults of a list. */
export class ListInjector implements Injector {
  readonly #faults: ReadonlyMap<string, FaultName>;

  constructor(injections: readonly Injection[]) {
    this.#faults = new Map(injections.map((each) => [keyOf(each.thread, each.call), each.fault]));
  }

  faultOf(thread: number, call: number): FaultName | undefined {
    return this.#faults.get(keyOf(thread, call));
  }
}

const keyOf = (thread: number, call: number): string => `${letterOf(thread)}${call}`;
