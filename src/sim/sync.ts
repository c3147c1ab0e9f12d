/**
 * What the threads of a program wait for besides the kernel: locks, conditions, channels, time, and
 * each other's end. All of it is virtual, so that a lock taken in the wrong order is found.
 */

import { type Op, Wait } from '../base/op.js';
import type { Simulation } from './simulation.js';
import type { Strand } from './strand.js';
import { UserWait } from './user-wait.js';

/** Begins an operation of the thread whose code runs. */
export type Post = <T>(what: string, op: Op<T>) => Promise<T>;

/** A lock was given back by somebody who does not hold it. */
export class LockError extends Error {
  /** Always `'LockError'`. */
  override readonly name = 'LockError';
}

/** Sleepers in the order in which they fell asleep. */
class Sleepers {
  readonly #waits: Wait[] = [];

  *sleep(reason: UserWait): Op<void> {
    const wait = new Wait(reason);
    this.#waits.push(wait);
    try {
      yield wait;
    } finally {
      const at = this.#waits.indexOf(wait);
      if (at >= 0) this.#waits.splice(at, 1);
    }
  }

  /** Wakes the one that sleeps longest. */
  wakeOne(): void {
    this.#waits.shift()?.wake();
  }

  wakeAll(): void {
    for (const wait of this.#waits.splice(0)) wait.wake();
  }
}

/** A lock that one thread holds at a time; not recursive. */
export class Mutex {
  readonly #simulation: Simulation;
  readonly #post: Post;
  readonly #sleepers = new Sleepers();
  #owner: Strand | undefined;

  /** @internal */
  constructor(
    simulation: Simulation,
    post: Post,
    /** Name, for diagnosis. */
    readonly name: string,
  ) {
    this.#simulation = simulation;
    this.#post = post;
  }

  /** Waits until the lock is free and takes it. */
  lock(): Promise<void> {
    return this.#post(`lock ${this.name}`, this.acquire(this.#simulation.current));
  }

  /** Gives the lock back. @throws LockError when another thread holds it, or none. */
  unlock(): void {
    if (this.#owner !== this.#simulation.current) {
      const holder = this.#owner === undefined ? 'nobody' : this.#owner.name;
      throw new LockError(
        `${this.#simulation.current.name} unlocks ${this.name}: ${holder} holds it`,
      );
    }
    this.release();
  }

  /** Runs `body` with the lock held. */
  async with<T>(body: () => T | Promise<T>): Promise<T> {
    await this.lock();
    try {
      return await body();
    } finally {
      this.unlock();
    }
  }

  /** @internal */
  *acquire(strand: Strand): Op<void> {
    const holder = (): readonly Strand[] => (this.#owner === undefined ? [] : [this.#owner]);
    while (this.#owner !== undefined) {
      yield* this.#sleepers.sleep(new UserWait('lock', `mutex ${this.name}`, holder));
    }
    this.#owner = strand;
  }

  /** @internal */
  release(): void {
    this.#owner = undefined;
    this.#sleepers.wakeOne();
  }
}

/** A condition variable: sleeps without the lock, goes on with it. */
export class Condition {
  readonly #simulation: Simulation;
  readonly #post: Post;
  readonly #sleepers = new Sleepers();

  /** @internal */
  constructor(
    simulation: Simulation,
    post: Post,
    /** Lock that a waiter holds. */
    readonly mutex: Mutex,
    /** Name, for diagnosis. */
    readonly name: string,
  ) {
    this.#simulation = simulation;
    this.#post = post;
  }

  /** Gives the lock back, waits for a notification, takes the lock again. */
  wait(): Promise<void> {
    return this.#post(`wait ${this.name}`, this.#wait(this.#simulation.current));
  }

  /** Wakes the thread that waits longest; nothing is remembered when none does. */
  notify(): void {
    this.#sleepers.wakeOne();
  }

  /** Wakes every thread that waits. */
  notifyAll(): void {
    this.#sleepers.wakeAll();
  }

  *#wait(strand: Strand): Op<void> {
    this.mutex.release();
    yield* this.#sleepers.sleep(new UserWait('condition', `condition ${this.name}`, () => []));
    yield* this.mutex.acquire(strand);
  }
}

/** A queue between threads. */
export class Channel<T> implements AsyncIterable<T> {
  readonly #post: Post;
  readonly #values: T[] = [];
  readonly #receivers = new Sleepers();
  readonly #senders = new Sleepers();
  #closed = false;

  /** @internal */
  constructor(
    post: Post,
    /** Name, for diagnosis. */
    readonly name: string,
    /** Values that it holds before a sender waits. */
    readonly capacity: number,
  ) {
    this.#post = post;
  }

  /** Values that nobody has received. */
  get length(): number {
    return this.#values.length;
  }

  /** Puts a value in, waiting while the channel is full. */
  send(value: T): Promise<void> {
    return this.#post(`send ${this.name}`, this.#send(value));
  }

  /** Takes the oldest value, waiting for one; `undefined` once the channel is closed and empty. */
  receive(): Promise<T | undefined> {
    return this.#post(`receive ${this.name}`, this.#receive());
  }

  /** No more values come: receivers get what is left, then `undefined`. */
  close(): void {
    this.#closed = true;
    this.#receivers.wakeAll();
    this.#senders.wakeAll();
  }

  /** Values until the channel is closed. */
  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    for (;;) {
      const value = await this.receive();
      if (value === undefined) return;
      yield value;
    }
  }

  *#send(value: T): Op<void> {
    while (this.#values.length >= this.capacity && !this.#closed) {
      yield* this.#senders.sleep(new UserWait('channel', `room in channel ${this.name}`, () => []));
    }
    this.#values.push(value);
    this.#receivers.wakeOne();
  }

  *#receive(): Op<T | undefined> {
    while (this.#values.length === 0 && !this.#closed) {
      yield* this.#receivers.sleep(new UserWait('channel', `channel ${this.name}`, () => []));
    }
    this.#senders.wakeOne();
    return this.#values.shift();
  }
}

/** Sleeps for virtual time. */
export function* sleepFor(simulation: Simulation, nanoseconds: number): Op<void> {
  const at = simulation.now + nanoseconds;
  const wait = new Wait(new UserWait('timer', `time ${at} ns`, () => []));
  simulation.setTimer(at, wait);
  while (simulation.now < at) yield wait;
}

/** Sleeps until another thread has ended. */
export function* joinWith(strand: Strand): Op<void> {
  const wait = new Wait(new UserWait('join', `the end of ${strand.name}`, () => [strand]));
  strand.joiners.push(wait);
  while (strand.ended === undefined) yield wait;
}
