/**
 * A run of a machine that can be gone through back and forth, operation by operation. Keeps a
 * snapshot at each boundary where there can be one; where somebody sleeps it repeats the operations
 * since the one before. Knows nothing of what the operations do.
 */

import type { Machine } from '../machine/machine.js';
import { type Snapshot, SnapshotError } from '../machine/snapshot.js';

/** Options of {@link History}. */
export interface HistoryOptions {
  /**
   * Takes down what the program keeps beside the machine, such as lists of its own; the answer
   * puts it back. Called at each boundary that has a snapshot.
   */
  readonly save?: () => () => void;
}

/** The state between two operations, if it can be put back at once. */
type Boundary = { readonly snapshot: Snapshot; readonly putBack: () => void } | undefined;

interface Operation {
  readonly name: string;
  readonly run: () => unknown;
}

/**
 * The operations of a run, and the state of the machine between them.
 *
 * An operation is a function. It may be repeated, so it does the same each time: what it makes it
 * keeps in variables outside of it, which a repetition assigns anew. It may leave threads asleep.
 *
 * @example
 * ```ts
 * import { History, Machine, MAP_ANONYMOUS, MAP_PRIVATE } from 'uffd-emulator';
 * import { PROT_READ, PROT_WRITE } from 'uffd-emulator';
 *
 * const machine = new Machine();
 * const { main } = machine.spawn();
 * const prot = PROT_READ | PROT_WRITE;
 * const addr = main.mmapSync({ length: 4096, prot, flags: MAP_PRIVATE | MAP_ANONYMOUS });
 *
 * const history = new History(machine);
 * history.run('one', () => main.store8Sync(addr, 1));
 * history.run('two', () => main.store8Sync(addr, 2));
 * history.back();
 * console.log(main.load8Sync(addr)); // 1
 * ```
 */
export class History {
  /** The machine that the operations run on. */
  readonly machine: Machine;
  readonly #save: () => () => void;
  readonly #operations: Operation[] = [];
  readonly #boundaries: Boundary[] = [];
  #step = 0;

  /**
   * Begins with the state that the machine is in.
   *
   * @throws {@link SnapshotError} while an operation is in progress.
   */
  constructor(machine: Machine, options: HistoryOptions = {}) {
    this.machine = machine;
    this.#save = options.save ?? (() => () => {});
    this.#boundaries.push({ snapshot: machine.snapshot(), putBack: this.#save() });
  }

  /** How many operations led to the state that the machine is in now. */
  get step(): number {
    return this.#step;
  }

  /** Names of all operations, also of those after {@link History.step}. */
  get operations(): readonly string[] {
    return this.#operations.map(({ name }) => name);
  }

  /**
   * Runs an operation and adds it to the history. From an earlier step it begins another future:
   * the operations that came after are forgotten.
   *
   * @param name - Name, for whoever looks at the history.
   * @returns What the operation answers; what it throws is thrown on, and the operation counts.
   */
  run<T>(name: string, operation: () => T): T {
    this.#operations.length = this.#step;
    this.#boundaries.length = this.#step + 1;
    this.#operations.push({ name, run: operation });
    try {
      return quiet(operation());
    } finally {
      this.#step++;
      this.#boundaries.push(this.#boundary());
    }
  }

  /** Goes one operation back; false at the beginning. */
  back(): boolean {
    if (this.#step === 0) return false;
    this.at(this.#step - 1);
    return true;
  }

  /** Goes one operation forward; false at the end. Who sleeps here goes on, rather than anew. */
  forward(): boolean {
    const next = this.#step + 1;
    if (next > this.#operations.length) return false;
    if (this.#boundaries[this.#step] === undefined) this.#repeatTo(next);
    else this.at(next);
    return true;
  }

  /**
   * Goes to the state after a number of operations. Changes of the machine that are no operation
   * of the history are lost.
   *
   * @param step - 0 for the beginning, up to the number of operations; `RangeError` otherwise.
   */
  at(step: number): void {
    if (!Number.isInteger(step) || step < 0 || step > this.#operations.length) {
      throw new RangeError(`step: ${step} is not one of 0 to ${this.#operations.length}`);
    }
    let from = step;
    while (this.#boundaries[from] === undefined && from > 0) from--;
    const boundary = this.#boundaries[from];
    if (boundary === undefined) throw new RangeError('the history has no beginning');
    this.machine.restore(boundary.snapshot);
    boundary.putBack();
    this.#step = from;
    this.#repeatTo(step);
  }

  #repeatTo(step: number): void {
    for (const { run } of this.#operations.slice(this.#step, step)) repeat(run);
    this.#step = step;
  }

  #boundary(): Boundary {
    try {
      return { snapshot: this.machine.snapshot(), putBack: this.#save() };
    } catch (error) {
      if (error instanceof SnapshotError) return undefined; // somebody sleeps: repeated later
      throw error;
    }
  }
}

/** A promise that stays behind when the machine goes elsewhere rejects unheard. */
function quiet<T>(value: T): T {
  if (value instanceof Promise) value.catch(() => {});
  return value;
}

/** Runs an operation again; it ends as it did the first time. */
function repeat(run: () => unknown): void {
  try {
    quiet(run());
  } catch {
    return; // it threw the first time too, to whoever ran it
  }
}
