/**
 * Who takes part in a scenario: processes `P0` to `P5`, five workers each, and what their names
 * stand for. Knows nothing of the text; run.ts decides what a worker does and what is printed.
 */

import type { Machine } from '../machine/machine.js';
import type { Process } from '../machine/process.js';
import type { Thread } from '../machine/thread.js';
import type { Task } from '../sched/task.js';
import type { Handle } from './args.js';
import { type Who, WORKER_NAMES, whoText } from './parse.js';

/** One worker: a thread that runs one operation at a time. */
export interface Worker {
  readonly name: string;
  readonly thread: Thread;
  readonly member: Member;
  /** The operation it has not finished. */
  task: Task<string> | undefined;
  /** Result of its last finished operation. */
  result: string | undefined;
}

/** One process of a scenario. */
export interface Member {
  readonly index: number;
  readonly world: World;
  readonly process: Process;
  readonly workers: readonly Worker[];
  /** Names of descriptors, shared by the workers. */
  readonly handles: Map<string, Handle>;
}

/** The processes of a scenario and their threads. */
export class World {
  readonly members: (Member | undefined)[] = [];
  /** Process names that are taken, also by a fork that still waits. */
  readonly taken = new Set<number>();
  readonly #workerOfTid = new Map<number, string>();

  constructor(readonly machine: Machine) {}

  /** Gives a new process its name and workers, and copies of its parent's names. */
  admit(index: number, process: Process, handles: ReadonlyMap<string, Handle>): Member {
    const workers: Worker[] = [];
    const member: Member = { index, world: this, process, workers, handles: new Map(handles) };
    for (const [worker, label] of WORKER_NAMES.entries()) {
      const thread = worker === 0 ? process.main : process.createThread(label);
      const name = whoText({ process: index, worker });
      workers.push({ name, thread, member, task: undefined, result: undefined });
      this.#workerOfTid.set(thread.tid, name);
    }
    this.taken.add(index);
    this.members[index] = member;
    return member;
  }

  /** The process of this name while it is alive. */
  alive(index: number): Member | undefined {
    const member = this.members[index];
    return member?.process.ended === false ? member : undefined;
  }

  worker(who: Who): Worker | undefined {
    return this.alive(who.process)?.workers[who.worker];
  }

  /** The worker with this tid, `?` if it is none. */
  workerName(tid: number): string {
    return this.#workerOfTid.get(tid) ?? '?';
  }

  /** Workers of live processes that have not finished, in the order of their names. */
  get busy(): Worker[] {
    return this.members.flatMap((_, index) =>
      (this.alive(index)?.workers ?? []).filter(({ task }) => task !== undefined),
    );
  }
}
