/**
 * The guest: an emulated process whose mappings are those of the trace, and whose virtual CPUs are
 * threads that play it. Each side of a migration has one. The VMM's own thread (`main`) reads and
 * writes its pages, as a VMM does that shares its guest's memory. Knows no migration and no time.
 */

import { FaultPendingError } from '../../../machine/errors.js';
import { Machine } from '../../../machine/machine.js';
import type { Process } from '../../../machine/process.js';
import type { Thread } from '../../../machine/thread.js';
import {
  MAP_ANONYMOUS,
  MAP_FIXED_NOREPLACE,
  MAP_PRIVATE,
  PROT_READ,
  PROT_WRITE,
} from '../../../uapi/mman.js';
import { type AccessBatch, OP_LOAD, OP_STORE } from '../trace/access.js';
import { accessMemory, storedWord } from './access-memory.js';
import { type MemoryLayout, PAGE_BYTES, type PageRange } from './layout.js';

/** How many accesses a virtual CPU plays before the next one has its turn. */
const TURN_ACCESSES = 4096;
/** Room beside the guest's pages, and for the page tables above each mapping. */
const SPARE_BYTES = 16 * 2 ** 20;
const TABLES_PER_RANGE = 4;

/** Whose guest this is and how many virtual CPUs it has. */
export interface GuestOptions {
  readonly name: string;
  readonly vcpus: number;
}

/** An emulated process that plays a trace. */
export class Guest {
  readonly layout: MemoryLayout;
  readonly process: Process;
  readonly vcpus: readonly Thread[];
  /** The next access to play. */
  step = 0;
  /** The sum over everything that was loaded: the state of the virtual CPUs. */
  checksum = 0;
  /** Set by whoever wants `play` to stop after the access that is under way. */
  isInterrupted = false;
  readonly #machine: Machine;
  #pendingOp = OP_LOAD;

  constructor(layout: MemoryLayout, { name, vcpus }: GuestOptions) {
    this.layout = layout;
    const pages = layout.pages + layout.ranges.length * TABLES_PER_RANGE;
    this.#machine = new Machine({ memory: pages * PAGE_BYTES + SPARE_BYTES });
    this.process = this.#machine.spawn({ name });
    this.vcpus = Array.from({ length: vcpus }, (_, index) =>
      this.process.createThread(`vcpu${index}`),
    );
    for (const range of layout.ranges) this.#map(range);
  }

  /** The thread of the VMM, which is not the guest's. */
  get main(): Thread {
    return this.process.main;
  }

  /** The thread whose turn it is. */
  get vcpu(): Thread {
    return this.vcpus[Math.floor(this.step / TURN_ACCESSES) % this.vcpus.length]!;
  }

  /** The name of one of the guest's threads, by the id that fault messages carry. */
  vcpuName(tid: number): string {
    const index = this.vcpus.findIndex((vcpu) => vcpu.tid === tid);
    return index < 0 ? `thread ${tid}` : `vcpu${index}`;
  }

  /**
   * Plays accesses `from` to `to` (excluded) of a batch; `step` says how far it came. Stops after
   * one during which somebody interrupted, and before one that has to wait for a userfaultfd's
   * handler that is not here: that fault is returned, and the access has not been made.
   */
  play(batch: AccessBatch, from: number, to: number): FaultPendingError | undefined {
    const { addresses, sizes, ops, firstStep } = batch;
    let index = from;
    let sum = this.checksum;
    this.isInterrupted = false;
    try {
      while (index < to && !this.isInterrupted) {
        const vcpu = this.vcpu;
        const turnEnd = Math.min(to, index + TURN_ACCESSES - (this.step % TURN_ACCESSES));
        while (index < turnEnd && !this.isInterrupted) {
          const step = firstStep + index;
          sum = accessMemory(vcpu, ops[index]!, addresses[index]!, sizes[index]!, step, sum);
          index++;
        }
        this.step = firstStep + index;
      }
      return undefined;
    } catch (error) {
      if (!(error instanceof FaultPendingError)) throw error;
      this.#pendingOp = ops[index] ?? OP_LOAD;
      return error;
    } finally {
      this.step = firstStep + index;
      this.checksum = sum;
    }
  }

  /**
   * Makes the access of a returned fault again, and this time its thread sleeps until the page is
   * there. `play` then repeats the whole access, which overwrites whatever this one stored.
   */
  async sleepOn({ address }: FaultPendingError): Promise<void> {
    if (this.#pendingOp === OP_STORE) {
      await this.vcpu.store8(address, storedWord(address, this.step));
    } else {
      await this.vcpu.load8(address);
    }
  }

  /** Copies a page out, by its number. */
  readPage(page: number): Uint8Array {
    return this.main.readSync(this.layout.addressOf(page), PAGE_BYTES);
  }

  /** Overwrites a page that is mapped and populated. */
  writePage(page: number, bytes: Uint8Array): void {
    this.main.writeSync(this.layout.addressOf(page), bytes);
  }

  /** Ends the machine of this guest. */
  close(): void {
    this.#machine.close();
  }

  #map({ start, pages }: PageRange): void {
    this.main.mmapSync({
      addr: start,
      length: pages * PAGE_BYTES,
      prot: PROT_READ | PROT_WRITE,
      flags: MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
    });
  }
}
