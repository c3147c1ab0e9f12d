/**
 * What the processes of one machine share above its memory: the run queue, ids, policy,
 * and the out-of-memory killer. Internal; `Machine` is what users hold.
 */

import { TASK_SIZE } from '../base/page.js';
import type { MachineMemory } from '../mm/memory.js';
import { slotAfter } from '../pgtable/arena.js';
import { pteIsPresent } from '../pgtable/pte.js';
import { Scheduler } from '../sched/scheduler.js';
import type { ProcessState } from './process-state.js';

/** What an administrator decides. */
export interface Policy {
  /** vm.unprivileged_userfaultfd. */
  readonly unprivilegedUserfaultfd: 0 | 1;
  /** Mode of /dev/userfaultfd, owned by root. */
  readonly devUserfaultfdMode: number;
}

/** Everything below the facade. */
export class System {
  readonly scheduler = new Scheduler();
  readonly processes = new Map<number, ProcessState>();
  #lastId = 99;
  #lastIno = 0;

  constructor(
    readonly memory: MachineMemory,
    readonly policy: Policy,
    /** A locked read-modify-write faults as a read first, as emulated CPUs do. */
    readonly rmwReadsFirst: boolean,
  ) {
    memory.onOutOfMemory = () => this.#killLargest();
  }

  /** Next process or thread id. */
  nextId(): number {
    return ++this.#lastId;
  }

  /** Next inode number of a memfd. */
  nextIno(): number {
    return ++this.#lastIno;
  }

  /** Ends the process with the most resident pages; false when there is none. */
  #killLargest(): boolean {
    const living = [...this.processes.values()].filter((state) => !state.ended);
    living.sort((a, b) => residentPages(b) - residentPages(a));
    const [victim] = living;
    if (victim === undefined || residentPages(victim) === 0) return false;
    victim.end('killed because the machine is out of memory');
    return true;
  }
}

function residentPages({ mm }: ProcessState): number {
  let pages = 0;
  mm.visit(0, TASK_SIZE, (first, _addr, count) => {
    for (let i = 0; i < count; i++) if (pteIsPresent(mm.load(slotAfter(first, i)))) pages++;
  });
  return pages;
}
