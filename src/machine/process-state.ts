/**
 * A process as the kernel keeps it: address space, descriptors, threads to end with it.
 * Internal; `Process` is what users hold.
 */

import type { FdTable } from '../file/fd-table.js';
import type { Mm } from '../mm/mm.js';
import { releaseMm } from '../mm/teardown.js';
import type { Credentials } from './credentials.js';

/** Something that ends with its process: a thread, or an operation that no thread runs. */
export interface Member {
  /** Name, for diagnosis. */
  readonly name: string;
  /** What it is in the midst of, as a sentence; `undefined` while it is idle. */
  readonly inProgress: string | undefined;
  end(why: string): void;
  /** Gives up what it is in the midst of. */
  giveUp(reason: unknown): void;
}

/** One process. */
export class ProcessState {
  readonly members = new Set<Member>();
  /** Why it ended; `undefined` while it lives. */
  endedBecause: string | undefined;

  constructor(
    readonly pid: number,
    readonly name: string,
    readonly mm: Mm,
    readonly fds: FdTable,
    /** Who its threads are at first. */
    readonly credentials: Credentials,
    /** RLIMIT_MEMLOCK, in bytes. */
    readonly lockedBytesMax: number,
  ) {}

  get ended(): boolean {
    return this.endedBecause !== undefined;
  }

  /** Ends the process: threads, memory, descriptors, in this order. Nobody is told. */
  end(why: string): void {
    if (this.ended) return;
    this.endedBecause = why;
    for (const member of [...this.members]) member.end(why);
    releaseMm(this.mm);
    this.fds.closeAll();
  }
}
