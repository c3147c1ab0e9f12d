/**
 * What the processes of one machine share above its memory: the run queue, ids, policy,
 * and the out-of-memory killer. Internal; `Machine` is what users hold.
 */

import type { Copier } from '../base/graph.js';
import { TASK_SIZE } from '../base/page.js';
import { FileSystem } from '../file/file-system.js';
import { MappedFile } from '../file/mapped-file.js';
import type { MachineMemory } from '../mm/memory.js';
import { Mm } from '../mm/mm.js';
import { reclaimFrom } from '../mm/reclaim.js';
import { unuse } from '../mm/swapoff.js';
import { slotAfter } from '../pgtable/arena.js';
import { pteIsPresent } from '../pgtable/pte.js';
import type { SwapArea } from '../phys/swap.js';
import { Scheduler } from '../sched/scheduler.js';
import { type Dated, Eras, RestoredError } from './era.js';
import type { ProcessState } from './process-state.js';
import { traceEntries } from './traced.js';

/** Pages that one shortage takes out of memory. */
const RECLAIM_BATCH = 32;

/** What an administrator decides. */
export interface Policy {
  /** vm.unprivileged_userfaultfd. */
  readonly unprivilegedUserfaultfd: 0 | 1;
  /** Mode of /dev/userfaultfd, owned by root. */
  readonly devUserfaultfdMode: number;
}

/** Somebody who consumes messages, and can stop for a while. */
export interface Listener {
  /** Stops; the answer listens again, as it was. */
  suspend(): () => void;
}

/** Everything below the facade. */
export class System {
  readonly scheduler = new Scheduler();
  /** Regular files. */
  readonly files: FileSystem;
  readonly processes = new Map<number, ProcessState>();
  readonly eras = new Eras();
  /** Who listens to messages. */
  readonly listeners = new Set<Listener>();
  private lastId = 99;
  private lastIno = 0;

  constructor(
    readonly memory: MachineMemory,
    readonly policy: Policy,
    /** A locked read-modify-write faults as a read first, as emulated CPUs do. */
    readonly rmwReadsFirst: boolean,
  ) {
    this.files = new FileSystem(memory);
    memory.onOutOfMemory = (asking, relief) =>
      (relief === 'reclaim' && this.reclaim(RECLAIM_BATCH) > 0) || this.#kill(asking);
    traceEntries(memory, (mm) => this.#nameOf(mm));
    memory.onShortage = () => this.reclaim(RECLAIM_BATCH) > 0;
  }

  /** The system of a machine of its own, in the same state; without versions and listeners. */
  copyWith(copier: Copier): System {
    const copy = new System(copier.copy(this.memory), this.policy, this.rmwReadsFirst);
    copier.enter(this.scheduler, copy.scheduler);
    copier.enter(this.eras, copy.eras);
    copier.enter(this.listeners, copy.listeners);
    return copy;
  }

  #nameOf(mm: Mm): string {
    const state = [...this.processes.values()].find((one) => one.mm === mm);
    return state?.name ?? 'a new process';
  }

  /** Whether an object that users hold exists in the state that the machine is in. */
  isCurrent(object: Dated): boolean {
    return this.eras.has(object);
  }

  assertCurrent(object: Dated): void {
    if (this.eras.has(object)) return;
    throw new RestoredError(`${object.name} does not exist: the machine was restored`);
  }

  /** Next process or thread id. */
  nextId(): number {
    return ++this.lastId;
  }

  /** Next inode number of a memfd. */
  nextIno(): number {
    return ++this.lastIno;
  }

  /**
   * Takes up to `pages` pages out of memory, processes in order of creation and then what nobody
   * maps of regular files; how many went. A dirty page of a file is unmapped before it is written.
   */
  reclaim(pages: number): number {
    const { frames } = this.memory;
    const before = frames.available;
    let gone = 0;
    for (const state of this.processes.values()) {
      if (!state.ended && gone < pages) gone += reclaimFrom(state.mm, pages - gone);
    }
    this.files.shrink(pages - (frames.available - before));
    return frames.available - before;
  }

  /** Empties a swap area and takes it away; false when memory is full. */
  swapOff(area: SwapArea): boolean {
    area.leaving = true;
    // A child that is being forked is no process yet, and has entries already.
    const spaces = [...this.memory.viewers].filter((space) => space instanceof Mm);
    const empty = spaces.every((mm) => unuse(mm, area)) && this.#readFilesBack(spaces, area);
    if (empty) this.memory.swap.removeArea(area);
    else area.leaving = false;
    return empty;
  }

  #readFilesBack(spaces: readonly Mm[], area: SwapArea): boolean {
    const living = [...this.processes.values()].filter((state) => !state.ended);
    const files = [
      ...living.flatMap(({ fds }) => fds.entries().map(([, file]) => file)),
      ...spaces.flatMap(({ vmas }) => [...vmas].map(({ file }) => file)),
    ];
    const inodes = new Set(files.flatMap((file) => (file instanceof MappedFile ? file.inode : [])));
    return [...inodes].every((inode) => inode.leaveSwap(area));
  }

  /** Ends the process with the most resident pages, or the one that asks if none has any. */
  #kill(asking: object): boolean {
    const living = [...this.processes.values()].filter((state) => !state.ended);
    living.sort((a, b) => residentPages(b) - residentPages(a));
    const [largest] = living;
    const hasPages = largest !== undefined && residentPages(largest) > 0;
    const victim = hasPages ? largest : living.find(({ mm }) => mm === asking);
    victim?.end('killed because the machine is out of memory');
    return victim !== undefined;
  }
}

function residentPages({ mm }: ProcessState): number {
  let pages = 0;
  mm.visit(0, TASK_SIZE, (first, _addr, count) => {
    for (let i = 0; i < count; i++) if (pteIsPresent(mm.load(slotAfter(first, i)))) pages++;
  });
  return pages;
}
