/**
 * One run of a program under one schedule: keeps the threads, asks the strategy who goes on, grants
 * steps, and lets the program's own code follow before the next choice.
 * Lives in microtasks alone, so that no timer and no I/O of the host can come between.
 */

import { type Op, Point, type Wait } from '../base/op.js';
import { KernelError, ProcessEndedError } from '../machine/errors.js';
import type { Machine } from '../machine/machine.js';
import type { Begun, Controller, Scheduler } from '../sched/scheduler.js';
import type { Runnable, Task } from '../sched/task.js';
import { NeverYieldsError } from './errors.js';
import type { FaultName } from './faults.js';
import { withFault } from './inject.js';
import type { Injector } from './injector.js';
import { outcomeOf } from './outcome.js';
import { ReaderLog } from './readers.js';
import { type Injection, THREADS_MAX } from './schedule.js';
import { callerStack } from './stack.js';
import { type Activity, Strand, type StrandKind } from './strand.js';
import type { Choice, Strategy } from './strategy.js';

/** Why a run stopped before its end. */
export type Stop =
  | { readonly kind: 'error'; readonly strand: Strand | undefined; readonly error: unknown }
  | { readonly kind: 'steps' }
  | { readonly kind: 'livelock'; readonly strand: Strand };

/** A fault that the program asked for. */
interface Plan {
  readonly call: string;
  readonly fault: FaultName;
  left: number;
}

/** A sleep until a time. */
interface Timer {
  readonly at: number;
  readonly wait: Wait;
  readonly strand: Strand;
}

/** An operation that has ended. */
export interface EndedCall {
  readonly strand: Strand;
  /** Number of the step in which it ended. */
  readonly step: number;
  /** Name of the call, such as `UFFDIO_COPY`. */
  readonly what: string;
  /** Errno, if it failed. */
  readonly code: string | undefined;
}

/** Settings of one run. */
export interface RunSettings {
  readonly maxSteps: number;
  /** Which calls go wrong. */
  readonly injector: Injector;
  /** Whether to remember where in the program each call was made. */
  readonly stacks: boolean;
}

/** Turns of the microtask queue without a call, after which a thread's code is taken to rest. */
const QUIET_TURNS = 16;
const PATIENT_TURNS = 64;
const LAST_TURNS = 1000;

/** `…Sync` calls of one thread in one step. */
const CALLS_AT_ONCE_MAX = 1_000_000;

/** Fruitless repetitions after which others get a turn, and after which it is a livelock. */
const FUTILE_TURN = 4;
const FUTILE_MAX = 100;

/** A run of a program. */
export class Simulation implements Controller {
  readonly strands: Strand[] = [];
  /** Who took each step so far. */
  readonly taken: number[] = [];
  /** What the step was one of. */
  readonly calls: string[] = [];
  /** Which calls went wrong. */
  readonly injected: Injection[] = [];
  /** Operations that have ended, oldest first. */
  readonly ended: EndedCall[] = [];
  readonly readers: ReaderLog;
  /** Virtual time in nanoseconds. */
  now = 0;
  /** Whose code runs, or ran last. */
  current!: Strand;
  stop: Stop | undefined;
  readonly #scheduler: Scheduler;
  readonly #byThread = new Map<object, Strand>();
  readonly #owners = new Map<Runnable, { strand: Strand; activity: Activity }>();
  readonly #timers: Timer[] = [];
  readonly #plans: Plan[] = [];
  #signals = 0;
  #readyCount = 0;
  #useful = 0;
  #callsAtOnce = 0;

  constructor(
    readonly machine: Machine,
    readonly strategy: Strategy,
    readonly settings: RunSettings,
  ) {
    this.#scheduler = machine.system.scheduler;
    this.#scheduler.controller = this;
    machine.system.memory.points.on = true;
    this.readers = new ReaderLog(machine);
  }

  /** Adds a thread whose function begins once it gets its first step. */
  spawn(
    name: string,
    thread: object | undefined,
    body: () => Promise<void>,
    kind: StrandKind = 'thread',
  ): Strand {
    const strand = this.#add(name, kind);
    if (thread !== undefined) this.#byThread.set(thread, strand);
    const finish = (ended: { readonly error?: unknown }): void => this.#finish(strand, ended);
    const task = this.#scheduler.post(nothing(), { what: 'start', thread: strand }, this);
    task.onEnd(() => {
      body().then(
        () => finish({}),
        (error: unknown) => finish({ error }),
      );
    });
    return strand;
  }

  /** Makes a call of that name go wrong: the `nth` from now on, whoever makes it. */
  plan(call: string, fault: FaultName, nth: number): void {
    this.#plans.push({ call, fault, left: nth });
  }

  alter<T>(op: Op<T>, { what, thread }: Begun): Op<T> {
    if (what === 'start' || what === 'listen') return op;
    const strand = this.#strandFor(what, thread);
    const call = ++strand.calls;
    const planned = this.#planned(what);
    const fault = planned ?? this.settings.injector.faultOf(strand.id, call, what);
    if (fault === undefined) return op;
    if (planned === undefined) this.injected.push({ thread: strand.id, call, fault });
    const { machine, strands } = this;
    const end = (dying: Strand): void => this.#finish(dying, {});
    return withFault({ machine, strands, strand, end }, what, op, fault);
  }

  begun(task: Runnable, { what, thread }: Begun): void {
    const strand = this.#strandFor(what, thread);
    const stack = this.settings.stacks ? callerStack() : undefined;
    const since = this.taken.length + 1;
    const activity: Activity = { task, what, since, stack, ready: ++this.#readyCount };
    strand.activities.push(activity);
    this.#owners.set(task, { strand, activity });
    this.#signals++;
  }

  calledAtOnce(): void {
    if (++this.#callsAtOnce <= CALLS_AT_ONCE_MAX) return;
    throw new NeverYieldsError(
      `${this.current.name} made ${CALLS_AT_ONCE_MAX} calls in one step: if it waits for ` +
        'something, it must await it',
    );
  }

  woken(task: Runnable): void {
    const owner = this.#owners.get(task);
    if (owner !== undefined) owner.activity.ready = ++this.#readyCount;
  }

  /** Wakes a sleeper once time has come this far. */
  setTimer(at: number, wait: Wait): void {
    this.#timers.push({ at, wait, strand: this.current });
    this.#timers.sort((a, b) => a.at - b.at);
  }

  /** Runs until nothing can go on, or something stops the run. */
  async run(): Promise<void> {
    while (this.stop === undefined) {
      const choices = this.#choices();
      if (choices.length === 0) {
        if (await this.#quiet(this.#isOver ? PATIENT_TURNS : LAST_TURNS)) return;
      } else if (this.taken.length === this.settings.maxSteps) this.stop = { kind: 'steps' };
      else await this.#take(this.strategy.choose(choices, this.taken.at(-1) ?? 0));
    }
  }

  #planned(what: string): FaultName | undefined {
    const at = this.#plans.findIndex(({ call }) => call === what);
    const plan = this.#plans[at];
    if (plan === undefined || --plan.left > 0) return undefined;
    this.#plans.splice(at, 1);
    return plan.fault;
  }

  /** Every thread that has to end has ended; only what nobody waits for may still call. */
  get #isOver(): boolean {
    return this.strands.every(({ kind, ended }) => kind !== 'thread' || ended !== undefined);
  }

  #add(name: string, kind: StrandKind): Strand {
    if (this.strands.length === THREADS_MAX) {
      throw new RangeError(`a simulation has ${THREADS_MAX} threads at most`);
    }
    const strand = new Strand(this.strands.length, name, kind);
    this.strands.push(strand);
    return strand;
  }

  #strandFor(what: string, thread: object | undefined): Strand {
    if (what === 'listen') return this.#add(`listener${this.strands.length}`, 'listener');
    if (thread instanceof Strand) return thread;
    return (thread && this.#byThread.get(thread)) ?? this.current;
  }

  #finish(strand: Strand, ended: { readonly error?: unknown }): void {
    strand.ended = ended;
    strand.endedAt = this.taken.length;
    this.#signals++;
    if ('error' in ended && !endsDaemon(strand, ended.error))
      this.stop ??= { kind: 'error', strand, error: ended.error };
    for (const wait of strand.joiners) wait.wake();
  }

  #choices(): Choice[] {
    const choices: Choice[] = [];
    for (const { id, next } of this.strands) {
      if (next?.ready !== undefined) choices.push({ thread: id, since: next.ready, timer: false });
    }
    const timer = this.#timers.find(({ wait }) => wait.armed);
    if (timer === undefined || choices.some(({ thread }) => thread === timer.strand.id)) {
      return choices;
    }
    choices.push({ thread: timer.strand.id, since: Number.POSITIVE_INFINITY, timer: true });
    return choices.sort((a, b) => a.thread - b.thread);
  }

  async #take({ thread, timer }: Choice): Promise<void> {
    if (timer) this.#passTime();
    const strand = this.strands[thread] as Strand;
    const activity = strand.next;
    if (activity === undefined) return;
    this.current = strand;
    this.#callsAtOnce = 0;
    this.taken.push(thread);
    this.calls.push(activity.what);
    strand.lastStep = this.taken.length;
    this.#advance(strand, activity);
    this.readers.look(strand, this.taken.length);
    if (!this.#forgetEnded()) return;
    await this.#quiet(PATIENT_TURNS);
    this.readers.look(strand, this.taken.length); // what its code read by calls ending in Sync
  }

  #advance(strand: Strand, activity: Activity): void {
    activity.ready = undefined;
    try {
      const stop = this.#scheduler.advance(activity.task);
      if (stop instanceof Point) activity.ready = ++this.#readyCount;
    } catch (error) {
      this.stop ??= { kind: 'error', strand, error }; // thrown by a listener
    }
    if (activity.task.done) this.#judge(strand, activity);
  }

  #passTime(): void {
    const at = this.#timers.findIndex(({ wait }) => wait.armed);
    const [timer] = this.#timers.splice(at, 1);
    if (timer === undefined) return;
    this.now = Math.max(this.now, timer.at);
    timer.wait.wake();
  }

  /** Notices a thread that does the same in vain while nobody else does anything useful. */
  #judge(strand: Strand, { task, what }: Activity): void {
    const code = outcomeOf(task as Task<unknown>, what);
    this.ended.push({ strand, step: this.taken.length, what, code });
    const { futility } = strand;
    const key = `${what} ${code}`;
    if (code === undefined) {
      futility.key = '';
      this.#useful++;
      return;
    }
    if (futility.key !== key || futility.useful !== this.#useful) {
      Object.assign(futility, { key, count: 1, useful: this.#useful });
      return;
    }
    futility.count++;
    if (futility.count % FUTILE_TURN === 0) this.#letOthers(strand);
    if (futility.count < FUTILE_MAX || this.#hinders(strand)) return;
    this.stop ??= { kind: 'livelock', strand };
  }

  /** Whether somebody could do something useful, if only this thread gave way. */
  #hinders(strand: Strand): boolean {
    return this.strands.some((other) => {
      const { futility, next } = other;
      const tries = futility.key !== '' && futility.useful === this.#useful;
      return other !== strand && next !== undefined && !tries;
    });
  }

  #letOthers(strand: Strand): void {
    this.strategy.futile?.(strand.id);
    if (this.strands.every((other) => other === strand || other.next === undefined)) {
      this.#passTime();
    }
  }

  /** Forgets operations that ended; whether there were any. */
  #forgetEnded(): boolean {
    let any = false;
    for (const strand of this.strands) {
      for (const activity of [...strand.activities]) {
        if (!activity.task.done) continue;
        strand.drop(activity);
        this.#owners.delete(activity.task);
        any = true;
      }
    }
    return any;
  }

  /** Lets the program's code follow; whether it made no call meanwhile. */
  async #quiet(patience: number): Promise<boolean> {
    let left = patience;
    let called = false;
    while (left-- > 0 && this.stop === undefined) {
      const before = this.#signals;
      await undefined;
      if (this.#signals === before) continue;
      called = true;
      left = QUIET_TURNS;
    }
    return !called;
  }
}

/** A daemon ends with its process, or when the descriptor is closed that it reads from. */
const endsDaemon = ({ kind }: Strand, error: unknown): boolean =>
  kind === 'daemon' &&
  (error instanceof ProcessEndedError || (error instanceof KernelError && error.code === 'EBADF'));

function* nothing(): Op<void> {}
