/**
 * The machine that a user makes: a kernel version, memory, processes.
 * Joins the layers and keeps no rule of its own.
 */

import { type U64, unsigned } from '../base/args.js';
import { PAGE_SIZE } from '../base/page.js';
import type { Trace } from '../base/trace.js';
import { FdTable } from '../file/fd-table.js';
import type { CapabilityName } from '../mm/caller.js';
import { MachineMemory, type ThpPolicy } from '../mm/memory.js';
import { Mm } from '../mm/mm.js';
import { tearDown } from '../mm/teardown.js';
import { explain } from '../observe/explain.js';
import type { Explanation } from '../observe/explanation.js';
import { checkInvariants } from '../observe/invariants.js';
import { NO_TABLE } from '../pgtable/arena.js';
import { FRAME_HWPOISON } from '../phys/frames.js';
import type { KernelVersion } from '../profile/matrix.js';
import { type KernelConfig, kernelProfile, type Quirks } from '../profile/profile.js';
import { Credentials } from './credentials.js';
import { type HugepageCounts, type HugepageUse, hugepageUse, setHugePages } from './hugepages.js';
import { Ksm } from './ksm.js';
import { beginMigration, compactMm, type MigrateRequest, type Migration } from './migration.js';
import { Process } from './process.js';
import { ProcessState } from './process-state.js';
import {
  forkState,
  type MachineState,
  restoreSnapshot,
  type Snapshot,
  takeSnapshot,
} from './snapshot.js';
import { SwapDevice, type SwapOptions } from './swap-device.js';
import { System } from './system.js';
import type { Thread } from './thread.js';

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const FRAMES_MAX = 2 ** 22 - 2; // what a page table entry can name

/** Options of {@link Machine}. */
export interface MachineOptions {
  /** Linux version to play. @defaultValue `'6.18'` */
  readonly kernel?: KernelVersion;
  /** Memory in bytes, for data and page tables; at most 16 GiB. @defaultValue 256 MiB */
  readonly memory?: number;
  /** Build options; everything is built in unless taken away. */
  readonly config?: Partial<KernelConfig>;
  /** Single capabilities to switch on or off against the version's own. */
  readonly quirks?: Quirks;
  /** vm.mmap_min_addr in bytes. @defaultValue `65536` */
  readonly mmapMinAddr?: number;
  /**
   * Where faults bring huge pages of 2 MiB, as /sys/kernel/mm/transparent_hugepage/enabled.
   * MADV_COLLAPSE makes them whatever it says; shmem gets none by faults, khugepaged sleeps.
   * @defaultValue `'madvise'`
   */
  readonly transparentHugepage?: ThpPolicy;
  /** vm.unprivileged_userfaultfd. @defaultValue the version's own */
  readonly unprivilegedUserfaultfd?: 0 | 1;
  /** Mode of /dev/userfaultfd, owned by root. @defaultValue `0o600` */
  readonly devUserfaultfdMode?: number;
  /** Bytes that are read ahead at most from a file (read_ahead_kb). @defaultValue 128 KiB */
  readonly readAhead?: number;
  /** Memory nodes; page migration moves pages between them. @defaultValue `1` */
  readonly nodes?: number;
  /** A locked update faults as a read first, as emulated CPUs do. @defaultValue `false` */
  readonly rmwReadsFirst?: boolean;
  /** Huge pages that are set aside for hugetlb, out of `memory`. @defaultValue none */
  readonly nrHugepages?: HugepageCounts;
}

/** Options of {@link Machine.spawn}. */
export interface SpawnOptions {
  /** Name, for diagnosis. @defaultValue `process` and a number */
  readonly name?: string;
  /** User id. @defaultValue `0` */
  readonly uid?: number;
  /** Capabilities. @defaultValue all for root, none for others */
  readonly capabilities?: readonly CapabilityName[];
  /** RLIMIT_NOFILE. @defaultValue `1024` */
  readonly maxFiles?: number;
  /** RLIMIT_MEMLOCK in bytes: memory locked without CAP_IPC_LOCK. @defaultValue 8 MiB */
  readonly maxLocked?: number;
}

/**
 * A machine that runs one Linux version: the entry point of the library.
 *
 * Deterministic: no clock and no randomness. An operation that a call wakes goes on after that call
 * has returned; threads woken together go on last sleeper first.
 *
 * @example
 * ```ts
 * import { Machine, MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } from 'uffd-emulator';
 *
 * const machine = new Machine({ kernel: '6.18', memory: 64 * 2 ** 20 });
 * const { main } = machine.spawn({ name: 'guest' });
 * const prot = PROT_READ | PROT_WRITE;
 * const addr = main.mmapSync({ length: 8192, prot, flags: MAP_PRIVATE | MAP_ANONYMOUS });
 * main.store32Sync(addr, 42);
 * console.log(main.load32Sync(addr)); // 42
 * ```
 */
export class Machine {
  /** Linux version that the machine plays. */
  readonly kernel: KernelVersion;
  readonly #options: MachineOptions;
  #system: System;
  #processes = new Map<number, Process>();

  /** Makes a machine without processes. `RangeError` for an unknown version or memory size. */
  constructor(options: MachineOptions = {}) {
    this.kernel = options.kernel ?? '6.18';
    this.#options = options;
    const profile = kernelProfile(this.kernel, options.config, options.quirks);
    const minAddr = options.mmapMinAddr ?? 65536;
    const pages = pagesOf(options.memory ?? 256 * MIB);
    const policy = {
      unprivilegedUserfaultfd:
        options.unprivilegedUserfaultfd ?? (profile.has('unprivilegedDefault') ? 1 : 0),
      devUserfaultfdMode: options.devUserfaultfdMode ?? 0o600,
    } as const;
    const { transparentHugepage, nodes = 1 } = options;
    const memory = new MachineMemory(profile, pages, minAddr, transparentHugepage, nodesOf(nodes));
    setHugePages(memory, options.nrHugepages);
    this.#system = new System(memory, policy, options.rmwReadsFirst ?? false);
    this.#system.files.readAheadPages = readAheadPages(options.readAhead ?? 128 * KIB);
  }

  /** @internal */
  get system(): System {
    return this.#system;
  }

  /** Makes a process with one thread and an empty address space; `RangeError` without memory. */
  spawn(options: SpawnOptions = {}): Process {
    const { memory } = this.#system;
    const mm = new Mm(memory);
    if (mm.root === NO_TABLE) {
      tearDown(mm);
      throw new RangeError('memory: none is left for another process');
    }
    const pid = this.#system.nextId();
    const credentials = new Credentials(options.uid ?? 0, options.capabilities);
    const fds = new FdTable(options.maxFiles ?? 1024);
    const name = options.name ?? `process${pid}`;
    const lockedBytesMax = unsigned('maxLocked', options.maxLocked ?? 8 * MIB);
    const state = new ProcessState(pid, name, mm, fds, credentials, lockedBytesMax);
    this.#system.processes.set(pid, state);
    return this.process(pid);
  }

  /** The process with an id: one that was spawned, or a child that fork answered. */
  process(pid: number): Process {
    const known = this.#processes.get(pid);
    if (known !== undefined) return known;
    const state = this.#system.processes.get(pid);
    if (state === undefined) throw new RangeError(`pid: there is no process ${pid}`);
    const process = new Process(this.#system, state);
    this.#processes.set(pid, process);
    return process;
  }

  /** Every process, the ended ones too, in order of creation. */
  get processes(): Process[] {
    return [...this.#system.processes.keys()].map((pid) => this.process(pid));
  }

  /**
   * What happens in the machine, as events: calls, faults, messages, sleeps, page table entries.
   * Costs nothing while nobody listens.
   */
  get trace(): Trace {
    return this.#system.memory.trace;
  }

  /** Pages of memory. */
  get totalPages(): number {
    return this.#system.memory.frames.total;
  }

  /** Pages that neither data nor page tables use. */
  get freePages(): number {
    return this.#system.memory.frames.available;
  }

  /** The pool of huge pages of a size, 2 MiB unless said otherwise. */
  hugepages(size: '2M' | '1G' = '2M'): HugepageUse {
    return hugepageUse(this.#system.memory, size);
  }

  /**
   * Switches swap space on: what MADV_PAGEOUT and memory pressure move pages to.
   *
   * @see swapon(2)
   */
  swapOn({ size, name = `swap${this.#system.memory.swap.areas.length}` }: SwapOptions): SwapDevice {
    const slots = Math.floor(size / PAGE_SIZE);
    if (!Number.isSafeInteger(size) || slots < 1) {
      throw new RangeError(`size: ${size} bytes is less than a page`);
    }
    return new SwapDevice(this.#system, this.#system.memory.swap.addArea(name, slots));
  }

  /**
   * Takes pages out of memory as reclaim does, processes in order of creation.
   *
   * @returns Pages that went; fewer when nothing more can go, 0 without swap space.
   */
  reclaim(pages: number): number {
    return this.#system.scheduler.run(() => this.#system.reclaim(pages));
  }

  /** Swap space that is on, in the order in which it was switched on. */
  get swapDevices(): SwapDevice[] {
    return this.#system.memory.swap.areas.map((area) => new SwapDevice(this.#system, area));
  }

  /**
   * Takes a snapshot of everything: memory, page tables, files, swap, processes, listeners. It
   * costs as much as what it has beside memory, and each page once more when it changes first.
   *
   * @throws {@link SnapshotError} while an operation is in progress: it names who is asleep, and in
   *   what. Listeners ({@link Userfaultfd.on}) may be there.
   */
  snapshot(): Snapshot {
    return takeSnapshot(this.#state);
  }

  /**
   * Makes the machine what it was when a snapshot was taken, in time proportional to what differs.
   *
   * Objects that existed then are what they were; an object made since does not exist any more, and
   * its use is a {@link RestoredError}, with which operations in progress end too. Every snapshot
   * stays good, also one taken later than the one that is restored.
   *
   * @throws {@link SnapshotError} if the snapshot is of another machine, or an operation runs.
   */
  restore(snapshot: Snapshot): void {
    restoreSnapshot(this.#state, snapshot);
  }

  /**
   * A machine of its own in the same state: what happens on one is not seen on the other. Objects
   * of this machine go on belonging to it; those of the new one are found by number:
   * `fork.process(pid)`, its `threads`, and `thread.userfaultfdOf(fd)`. Nobody listens there, and
   * it has no snapshots. Bytes of a page are copied when the fork touches it first.
   *
   * @throws {@link SnapshotError} as {@link Machine.snapshot}.
   */
  fork(): Machine {
    const { system, processes } = forkState(this.#state);
    const fork = new Machine(this.#options);
    fork.#system = system;
    fork.#processes = processes;
    return fork;
  }

  get #state(): MachineState {
    return { system: this.#system, processes: this.#processes };
  }

  /** Kernel samepage merging: nothing is merged unless a pass is asked for. */
  get ksm(): Ksm {
    return new Ksm(this.#system);
  }

  /** Pages of memory that were lost to hardware errors, for good (HardwareCorrupted). */
  get poisonedPages(): number {
    const { frames } = this.#system.memory;
    return [...frames.allocated()].filter((pfn) => frames.has(pfn, FRAME_HWPOISON)).length;
  }

  /**
   * Begins to move the pages of a range to other frames, as compaction does on its own: accesses to
   * them sleep until the migration is ended. The zero page, pages that a call is using and pages
   * for which there is no frame stay.
   *
   * @returns The migration; `pages` says what is under way.
   * @throws RangeError for a range that is not of whole pages, or a node that is not there.
   */
  migrate(request: MigrateRequest): Migration {
    return this.#system.scheduler.run(() => beginMigration(this.#system, request));
  }

  /**
   * Moves every page of a process that can be moved to another frame, one after another.
   *
   * @returns Pages that moved.
   */
  compact(process: Process): number {
    return this.#system.scheduler.run(() => compactMm(process.state.mm));
  }

  /**
   * Tells what there is at an address and what an access by a thread would do there: the walk of
   * the page tables, the entry, and step by step a load and a store. Changes nothing: no accessed
   * bit, no fault, no message. Takes for granted that memory does not run out.
   *
   * @param addr - Any address; needs no alignment.
   *
   * @example
   * ```ts
   * import { Machine, MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ } from 'uffd-emulator';
   *
   * const machine = new Machine();
   * const { main } = machine.spawn();
   * const flags = MAP_PRIVATE | MAP_ANONYMOUS;
   * const addr = main.mmapSync({ length: 4096, prot: PROT_READ, flags });
   * console.log(machine.explain(main, addr).text);
   * ```
   */
  explain(thread: Thread, addr: U64): Explanation {
    return explain(thread.mm, unsigned('addr', addr));
  }

  /** Runs every thread that can run; calls do so themselves when they return. */
  settle(): void {
    this.#system.scheduler.settle();
  }

  /**
   * Checks everything that must always hold: reference and map counts, order of areas, reverse
   * mapping, translation cache within page tables, no empty marker. Slow; for tests.
   *
   * @throws AssertionError names the first thing that does not hold.
   */
  checkInvariants(): void {
    const { memory, processes } = this.#system;
    const living = [...processes.values()].filter((state) => !state.ended);
    const files = living.flatMap(({ fds }) => fds.entries().map(([, file]) => file));
    const spaces = [...memory.viewers].filter((space) => space instanceof Mm);
    checkInvariants(memory, { spaces, files, inodes: this.#system.files.inodes });
  }

  /** Ends every process. */
  close(): void {
    for (const process of this.processes) process.exit();
  }

  /** Ends every process. */
  [Symbol.dispose](): void {
    this.close();
  }
}

function readAheadPages(readAhead: number): number {
  if (Number.isSafeInteger(readAhead) && readAhead >= 0) return Math.floor(readAhead / PAGE_SIZE);
  throw new RangeError(`readAhead: ${readAhead} is no number of bytes`);
}

const NODES_MAX = 64;

function nodesOf(nodes: number): number {
  if (Number.isInteger(nodes) && nodes >= 1 && nodes <= NODES_MAX) return nodes;
  throw new RangeError(`nodes: ${nodes} is not between 1 and ${NODES_MAX}`);
}

function pagesOf(memory: number): number {
  const pages = Math.floor(memory / PAGE_SIZE);
  if (Number.isSafeInteger(memory) && pages >= 1 && pages <= FRAMES_MAX) return pages;
  throw new RangeError(`memory: ${memory} bytes is not between one page and 16 GiB`);
}
