/**
 * What the function under exploration holds: a machine, ways to start threads, locks and time.
 * Each of its waits is an operation of the machine's scheduler, as those of the kernel are.
 */

import type { Op } from '../base/op.js';
import type { Machine } from '../machine/machine.js';
import type { Process } from '../machine/process.js';
import { inTime, post } from '../machine/runner.js';
import type { Thread } from '../machine/thread.js';
import { type FaultName, isPossible } from './faults.js';
import type { Simulation } from './simulation.js';
import type { Strand } from './strand.js';
import { Channel, Condition, joinWith, Mutex, sleepFor } from './sync.js';

/** Options of {@link Sim.spawn}. */
export interface SpawnThreadOptions {
  /** Process that the thread belongs to. @defaultValue the first process */
  readonly process?: Process;
  /**
   * Whether the run may end before this thread does, as one that serves faults for ever. It also
   * ends, without an error, with its process, and when a call of it gets `EBADF`: the userfaultfd
   * was closed.
   *
   * @defaultValue `false`
   */
  readonly daemon?: boolean;
}

/** A thread that was started: await it, or {@link SimTask.join}, to wait for its end. */
export class SimTask<T> implements PromiseLike<T> {
  readonly #join: () => Promise<T>;

  /** @internal */
  constructor(
    /** Name of the thread. */
    readonly name: string,
    join: () => Promise<T>,
  ) {
    this.#join = join;
  }

  /** Waits for the end of the thread; its function's value. */
  join(): Promise<T> {
    return this.#join();
  }

  /** Makes `await` wait for the end of the thread. */
  then<A = T, B = never>(
    fulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.join().then(fulfilled, rejected);
  }
}

/**
 * One run of a program on a machine of its own. Everything awaited from here or from the machine is
 * a place where another thread may run; calls ending in `Sync` are not.
 */
export class Sim {
  /** The machine; made for this run. */
  readonly machine: Machine;
  /** The first process, named `guest`. */
  readonly process: Process;
  /** The thread of the function under exploration: the first of the first process. */
  readonly thread: Thread;
  readonly #simulation: Simulation;

  /** @internal */
  constructor(simulation: Simulation) {
    this.#simulation = simulation;
    this.machine = simulation.machine;
    this.process = simulation.machine.spawn({ name: 'guest' });
    this.thread = this.process.main;
  }

  /**
   * Starts a simulated thread.
   *
   * @param name - For messages; also the name of the machine's thread.
   * @param body - What the thread does with the machine's thread that it gets.
   * @returns A handle to await its end. A body that throws ends the run.
   */
  spawn<T>(
    name: string,
    body: (thread: Thread) => Promise<T>,
    options: SpawnThreadOptions = {},
  ): SimTask<T> {
    const thread = (options.process ?? this.process).createThread(name);
    let value: T | undefined;
    const serve = async (): Promise<void> => {
      value = await body(thread);
    };
    const kind = options.daemon === true ? 'daemon' : 'thread';
    const strand = this.#simulation.spawn(name, thread, serve, kind);
    strand.process = options.process ?? this.process;
    return new SimTask(name, () => this.#join(strand).then(() => value as T));
  }

  /** A lock. */
  mutex(name: string): Mutex {
    return new Mutex(this.#simulation, this.#post, name);
  }

  /** A condition variable whose waiters hold `mutex`. */
  condition(mutex: Mutex, name: string): Condition {
    return new Condition(this.#simulation, this.#post, mutex, name);
  }

  /**
   * A queue between threads.
   *
   * @param capacity - Values that it holds before a sender waits. @defaultValue no limit
   */
  channel<T>(name: string, capacity = Number.POSITIVE_INFINITY): Channel<T> {
    return new Channel(this.#post, name, capacity);
  }

  /** Sleeps for virtual time, in nanoseconds. Other threads may be slower or faster than that. */
  sleep(nanoseconds: number): Promise<void> {
    return this.#post('sleep', sleepFor(this.#simulation, nanoseconds));
  }

  /** A place where another thread may run. */
  yield(): Promise<void> {
    return this.#post('yield', nothing());
  }

  /**
   * Makes a call go wrong once.
   *
   * @param call - Its name: an ioctl as `UFFDIO_COPY`, otherwise as `read`, `madvise`, `load8`.
   * @param options - `nth`: which call of that name from now on, whoever makes it; 1 is the next.
   *   `impossible`: whether it may be something that no real kernel does to that call.
   * @throws RangeError for a fault that no real kernel shows there.
   */
  inject(
    call: string,
    fault: FaultName,
    { nth = 1, impossible = false }: { readonly nth?: number; readonly impossible?: boolean } = {},
  ): void {
    if (!impossible && !isPossible(call, fault)) {
      throw new RangeError(`fault: no kernel does ${fault} to ${call} (pass impossible: true)`);
    }
    this.#simulation.plan(call, fault, nth);
  }

  /** Virtual time in nanoseconds since the start. */
  get now(): number {
    return this.#simulation.now;
  }

  /** Steps that were taken. */
  get step(): number {
    return this.#simulation.taken.length;
  }

  #join(strand: Strand): Promise<void> {
    return this.#post(`join ${strand.name}`, joinWith(strand));
  }

  readonly #post = <T>(what: string, op: Op<T>): Promise<T> => {
    const { scheduler } = this.machine.system;
    return inTime(scheduler, post(scheduler, { what }, op), {});
  };
}

function* nothing(): Op<void> {}
