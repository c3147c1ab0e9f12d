/**
 * A thread as far as running operations goes: one at a time, to its end, as a promise or at once.
 * Implements the kernel's view of a caller. What a thread can do is in the classes above.
 */

import type { Failure } from '../base/errno.js';
import type { Op } from '../base/op.js';
import type { Signal } from '../fault/outcome.js';
import type { FdTable } from '../file/fd-table.js';
import type { Caller, CapabilityName } from '../mm/caller.js';
import type { FaultCounts } from '../mm/fault-counts.js';
import type { Mm } from '../mm/mm.js';
import { Tlb } from '../pgtable/tlb.js';
import type { Runnable, Task } from '../sched/task.js';
import type { Credentials } from './credentials.js';
import type { Era } from './era.js';
import { ProcessEndedError, ThreadBusyError } from './errors.js';
import type { Member, ProcessState } from './process-state.js';
import { atOnce, begin, inTime, post, unwrap, type WaitOptions } from './runner.js';
import type { System } from './system.js';
import { traced } from './traced.js';

/** Never hits: what a thread that cannot run has for a translation cache. */
const NO_TLB = new Tlb({ bytes: new Uint8Array(0), words: new Int32Array(0) });

/** What a thread is doing. */
export type ThreadState = 'idle' | 'blocked' | 'dead';

/** A thread that runs one operation at a time. */
export class ThreadCore implements Caller, Member {
  /** Thread id, as THREAD_ID reports it. */
  readonly tid: number;
  /** Faults of the thread so far that got it its page, as getrusage(2) counts them. */
  readonly faults: FaultCounts = { minor: 0, major: 0 };
  /** `process/thread`, for diagnosis. */
  readonly name: string;
  /** @internal */
  readonly system: System;
  /** @internal */
  readonly process: ProcessState;
  /** @internal Translations that accesses look at first; none while the thread cannot run. */
  protected readTags: Float64Array;
  /** @internal */
  protected writeTags: Float64Array;
  /** @internal The arrays of the translation cache and of memory, here to save a hit a load. */
  protected readonly frameWords: Int32Array;
  /** @internal */
  protected bytes: Uint8Array;
  /** @internal */
  protected words: Int32Array;
  /** @internal Who the thread is; setresuid changes it for this thread alone. */
  credentials: Credentials;
  /** @internal */
  readonly era: Era;
  #task: Runnable | undefined;

  /** @internal */
  constructor(system: System, process: ProcessState, name: string, tid: number) {
    this.system = system;
    this.process = process;
    this.name = `${process.name}/${name}`;
    this.tid = tid;
    this.credentials = process.credentials;
    this.era = system.eras.current;
    const { tlb, memory } = process.mm;
    this.readTags = tlb.readTags;
    this.writeTags = tlb.writeTags;
    this.frameWords = tlb.frameWords;
    this.bytes = tlb.bytes;
    this.words = tlb.words;
    if (!this.#mayHit) this.#use(NO_TLB);
    process.members.add(this);
    memory.viewers.add(this);
  }

  /** @internal */
  get mm(): Mm {
    return this.process.mm;
  }

  /** @internal */
  get fds(): FdTable {
    return this.process.fds;
  }

  /** @internal */
  get lockedBytesMax(): number {
    return this.process.lockedBytesMax;
  }

  /** Whether the thread is idle, asleep in an operation, or ended with its process. */
  get state(): ThreadState {
    if (this.process.ended || !this.system.isCurrent(this)) return 'dead';
    return this.#task === undefined ? 'idle' : 'blocked';
  }

  /** What the thread waits for, as a sentence; `undefined` unless it is blocked. */
  get waitsFor(): string | undefined {
    return this.#task?.waitingFor?.reason.describe();
  }

  /** @internal */
  readonly capable = (name: CapabilityName): boolean => this.credentials.has(name);

  /** @internal Starts an operation and runs the machine until nothing more can run. */
  begin<T>(op: Op<T>): Task<T> {
    this.assertIdle();
    return begin(this.system.scheduler, this.#occupied(op), (task) => {
      this.#task = task;
    });
  }

  /** As {@link ThreadCore.begin}, begun when a controller says so. */
  #post<T>(what: string, op: Op<T>): Task<T> {
    this.assertIdle();
    return post(this.system.scheduler, { what, thread: this }, this.#occupied(op), (task) => {
      this.#task = task;
      task.onEnd(() => {
        this.#task = undefined; // an operation that is given up before its first step ends here
      });
    });
  }

  /** Runs an operation as this thread's one, which accesses wait for. */
  *#occupied<T>(op: Op<T>): Op<T> {
    this.#use(NO_TLB);
    try {
      return yield* op;
    } finally {
      this.#task = undefined;
      this.#use(this.#mayHit ? this.process.mm.tlb : NO_TLB);
    }
  }

  /** Whether accesses may go ahead unseen: not while somebody watches each step. */
  get #mayHit(): boolean {
    const exists = !this.process.ended && this.system.isCurrent(this);
    return exists && this.system.scheduler.controller === undefined;
  }

  #use(tlb: Tlb): void {
    this.readTags = tlb.readTags;
    this.writeTags = tlb.writeTags;
  }

  /** @internal Physical memory moved to larger buffers. */
  showMemory(): void {
    this.bytes = this.mm.tlb.bytes;
    this.words = this.mm.tlb.words;
  }

  /** @internal Runs an operation; the promise carries its value. */
  protected async run<T>(
    what: string,
    op: Op<T | Failure | Signal>,
    options: WaitOptions = {},
  ): Promise<T> {
    options.signal?.throwIfAborted();
    return unwrap(
      what,
      await inTime(this.system.scheduler, this.#post(what, this.#traced(what, op)), options),
    );
  }

  /** @internal Runs an operation that must not wait in the end. */
  protected runSync<T>(what: string, op: Op<T | Failure | Signal>): T {
    return unwrap(what, atOnce(this.system.scheduler, what, this.begin(this.#traced(what, op))));
  }

  #traced<T>(what: string, op: Op<T>): Op<T> {
    const call = { who: this.name, fd: undefined, userfaultfd: undefined, what };
    return traced(this.system.memory, call, op);
  }

  /** @internal Throws unless the thread can start something. */
  protected assertIdle(): void {
    this.system.scheduler.controller?.calledAtOnce();
    this.system.assertCurrent(this);
    if (this.process.ended) {
      throw new ThreadBusyError(`${this.name}: its process was ${this.process.endedBecause}`);
    }
    if (this.#task !== undefined) {
      throw new ThreadBusyError(`${this.name} is asleep: ${this.waitsFor ?? 'about to go on'}`);
    }
  }

  /** Delivers a signal that is caught: a user-mode fault repeats with a new message. */
  interrupt(): void {
    this.system.scheduler.run(() => this.#task?.waitingFor?.onSignal?.());
  }

  /** @internal */
  end(why: string): void {
    this.#use(NO_TLB);
    this.mm.memory.viewers.delete(this);
    const task = this.#task;
    if (task === undefined) return;
    const begun = this.system.scheduler.controller === undefined;
    if (begun && task.waitingFor === undefined) return; // it ends itself
    this.giveUp(new ProcessEndedError(`${this.name}: ${why}`));
  }

  /** @internal What the thread is in the midst of, as a sentence. */
  get inProgress(): string | undefined {
    return this.#task === undefined ? undefined : (this.waitsFor ?? 'about to go on');
  }

  /** @internal */
  giveUp(reason: unknown): void {
    if (this.#task !== undefined) this.system.scheduler.cancel(this.#task, reason);
  }

  /** @internal The machine is in a state in which the thread may not exist: nothing hits. */
  forget(): void {
    this.#use(NO_TLB);
  }

  /** @internal The machine is in a state in which the thread exists. */
  remember(): void {
    this.#use(this.#mayHit ? this.process.mm.tlb : NO_TLB);
    this.showMemory();
  }
}
