/**
 * What a user holds of a process: its threads, its end, what /proc shows of it.
 * The kernel's side of it is `process-state.ts`.
 */

import { type U64, unsigned } from '../base/args.js';
import { isPageAligned } from '../base/page.js';
import { type MapsEntry, maps } from '../observe/maps.js';
import { pagemap } from '../observe/pagemap.js';
import { type SmapsEntry, smaps } from '../observe/smaps.js';
import { clearRefs } from '../syscall/clear-refs.js';
import type { Era } from './era.js';
import type { ProcessState } from './process-state.js';
import { unwrap } from './runner.js';
import { type ScanRequest, type ScanResult, scan } from './scan.js';
import type { System } from './system.js';
import { Thread } from './thread.js';
import { Userfaultfd } from './userfaultfd.js';

/** A process: an address space, descriptors, and threads. */
export class Process {
  /** @internal */
  readonly era: Era;
  readonly #state: ProcessState;
  readonly #system: System;
  private readonly threadList: Thread[] = [];

  /** @internal */
  constructor(system: System, state: ProcessState) {
    this.#system = system;
    this.#state = state;
    this.era = system.eras.current;
    this.threadList.push(new Thread(system, state, 'main', state.pid));
  }

  /** @internal */
  get state(): ProcessState {
    this.#system.assertCurrent(this);
    return this.#state;
  }

  /** @internal The same process and threads on a fork of the machine. */
  copyFor(system: System, state: ProcessState): Process {
    const copy = new Process(system, state);
    for (const { name, tid } of this.threadList.slice(1)) {
      copy.threadList.push(new Thread(system, state, name.slice(state.name.length + 1), tid));
    }
    for (const [i, { credentials }] of this.threadList.entries()) {
      (copy.threadList[i] as Thread).credentials = credentials;
      (copy.threadList[i] as Thread).remember();
    }
    return copy;
  }

  /** Process id. */
  get pid(): number {
    return this.#state.pid;
  }

  /** Name, for diagnosis. */
  get name(): string {
    return this.#state.name;
  }

  /** The first thread. */
  get main(): Thread {
    return this.threadList[0] as Thread;
  }

  /** All threads, in order of creation. */
  get threads(): readonly Thread[] {
    return this.threadList;
  }

  /** Whether the process has ended. */
  get ended(): boolean {
    return this.state.ended;
  }

  /** Makes a thread. */
  createThread(name = `thread${this.threadList.length}`): Thread {
    const thread = new Thread(this.#system, this.state, name, this.#system.nextId());
    this.threadList.push(thread);
    return thread;
  }

  /** Ends the process: threads, memory, descriptors. No event is sent, nobody waits. */
  exit(): void {
    this.#end('ended by exit');
  }

  /** Ends the process as SIGKILL does. */
  kill(): void {
    this.#end('ended by SIGKILL');
  }

  #end(why: string): void {
    this.#system.scheduler.run(() => this.state.end(why));
  }

  /**
   * Receives a userfaultfd from another process, as SCM_RIGHTS passes descriptors. Its ioctls go on
   * acting on the memory of the process that made it.
   *
   * @throws KernelError `EBADF` (closed there), `EMFILE` (no descriptor free here).
   */
  receive(uffd: Userfaultfd): Userfaultfd {
    const file = uffd.openFile();
    return new Userfaultfd(this.main, unwrap('recvmsg', this.state.fds.share(file)));
  }

  /** The areas of the address space, as /proc/PID/maps and the VmFlags of smaps show them. */
  maps(): MapsEntry[] {
    return maps(this.state.mm);
  }

  /** As {@link Process.maps}, with what of each area is in memory, used and in swap. */
  smaps(): SmapsEntry[] {
    return smaps(this.state.mm);
  }

  /**
   * The entries of /proc/PID/pagemap for a range of whole pages.
   *
   * @param range - `addr` page aligned; `length` in bytes, a multiple of the page size.
   * @returns One 64-bit word for each page; PM_* bits.
   * @see proc_pid_pagemap(5)
   */
  pagemap(range: { addr: U64; length: U64 }): BigUint64Array {
    const addr = unsigned('addr', range.addr);
    const length = unsigned('length', range.length);
    if (!isPageAligned(addr)) throw new RangeError(`addr: ${addr} is not page aligned`);
    if (!isPageAligned(length)) throw new RangeError(`length: ${length} is no number of pages`);
    return pagemap(this.state.mm, addr, length);
  }

  /**
   * Writes a number to /proc/PID/clear_refs. 1 makes all pages look unused, 2 those of anonymous
   * areas, 3 those of files; 4 resets the soft-dirty bits and takes write permission away, so that
   * the next store sets them again; 5 resets what nobody here counts.
   *
   * @throws KernelError `EINVAL` (any other number), `ERANGE` (one of more than 32 bits).
   * @see proc_pid_clear_refs(5)
   */
  clearRefs(what: number): void {
    unwrap('clear_refs', clearRefs(this.state.mm, what));
  }

  /**
   * PAGEMAP_SCAN on /proc/PID/pagemap: finds pages by category and, with PM_SCAN_WP_MATCHING,
   * write-protects what it finds in the same step.
   *
   * @returns Regions in order of address and where the scan stopped: the end of the range, or the
   *   first page that a limit left out.
   * @throws KernelError `ENOTTY` (before 6.7), `EINVAL` (flags; categories; start not page
   *   aligned), `EFAULT` (not user space), `EPERM` (PM_SCAN_CHECK_WPASYNC met memory that is not
   *   protected asynchronously; what came before it is protected).
   * @since Linux 6.7
   * @see PAGEMAP_SCAN(2const)
   */
  pagemapScan(request: ScanRequest): ScanResult {
    return scan(this.state.mm, request);
  }
}
