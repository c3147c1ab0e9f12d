/**
 * Who read which message when: what a diagnosis needs to say who could have resolved a fault.
 * Looks at the queues after each step; changes nothing.
 */

import type { Machine } from '../machine/machine.js';
import { UffdContext } from '../uffd/context.js';
import type { FaultMessage } from '../uffd/fault-message.js';
import { UffdFile } from '../uffd/file.js';
import { PollWait, ReadWait } from '../uffd/read.js';
import type { Strand } from './strand.js';

/** A message was taken. */
export interface Reading {
  readonly strand: Strand;
  readonly step: number;
  readonly message: FaultMessage;
}

/** Knows the readers of every userfaultfd of a machine. */
export class ReaderLog {
  readonly #machine: Machine;
  readonly #readings = new Map<FaultMessage, Reading>();
  readonly #readers = new Map<UffdContext, Set<Strand>>();

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** Notes what a thread read in the step that it just took. */
  look(strand: Strand, step: number): void {
    for (const context of this.contexts()) {
      for (const message of context.waiting) {
        if (this.#readings.has(message)) continue;
        this.#readings.set(message, { strand, step, message });
        this.#note(context, strand);
      }
    }
    const reason = strand.sleep?.wait.reason;
    if (reason instanceof ReadWait || reason instanceof PollWait)
      this.#note(reason.context, strand);
  }

  /** Messages that were taken from anywhere, oldest first. */
  readings(): readonly Reading[] {
    return [...this.#readings.values()];
  }

  /** Everybody who ever read from a userfaultfd, or waits to. */
  readersOf(context: UffdContext): readonly Strand[] {
    return [...(this.#readers.get(context) ?? [])];
  }

  /** Every userfaultfd that somebody holds or that memory is registered with. */
  contexts(): UffdContext[] {
    const found = new Set<UffdContext>();
    for (const { fds, mm } of this.#machine.system.processes.values()) {
      for (const [, file] of fds.entries()) if (file instanceof UffdFile) found.add(file.context);
      for (const { uffd } of mm.vmas) if (uffd instanceof UffdContext) found.add(uffd);
    }
    return [...found];
  }

  /** Those that a descriptor of a process still refers to. */
  open(): UffdContext[] {
    const processes = [...this.#machine.system.processes.values()];
    const files = processes.flatMap(({ fds }) => fds.entries().map(([, file]) => file));
    return files.flatMap((file) => (file instanceof UffdFile ? [file.context] : []));
  }

  #note(context: UffdContext, strand: Strand): void {
    const known = this.#readers.get(context);
    if (known === undefined) this.#readers.set(context, new Set([strand]));
    else known.add(strand);
  }
}
