/**
 * What a user holds of kernel samepage merging: a pass on demand, the way back, two counters.
 * Answers to: /sys/kernel/mm/ksm.
 */

import { fail } from '../base/errno.js';
import { mergedFrames, mergeSamePages } from '../mm/ksm.js';
import type { Mm } from '../mm/mm.js';
import { unmergeRange } from '../syscall/unmerge.js';
import { KernelError } from './errors.js';
import type { System } from './system.js';

/**
 * Kernel samepage merging of a machine; see {@link Machine.ksm}. Nothing is merged by itself.
 *
 * A merged page is read-only; a write copies it. An entry that is replaced by the merged page loses
 * its write protection by userfaultfd, as on Linux: later writes to it raise no event.
 */
export class Ksm {
  readonly #system: System;

  /** @internal */
  constructor(system: System) {
    this.#system = system;
  }

  /**
   * Looks at every page of the areas that MADV_MERGEABLE named, processes in order of creation, and
   * merges equal ones. The second of two equal pages stays and is what the others become.
   *
   * @returns Entries that were replaced.
   */
  run(): number {
    const { memory, scheduler } = this.#system;
    return scheduler.run(() => mergeSamePages(memory, this.#spaces));
  }

  /**
   * Gives everybody a page of his own again, read-only until it is written; protection stays.
   *
   * @throws KernelError `ENOMEM` (memory does not hold the copies; what was done stays done).
   */
  unmerge(): void {
    const { scheduler } = this.#system;
    const enough = scheduler.run(() =>
      this.#spaces.every((mm) => [...mm.vmas].every((vma) => unmergeRange(mm, vma, vma))),
    );
    if (!enough) throw new KernelError('ksm', fail('ENOMEM', 'no memory for a page'));
  }

  /** Merged pages (pages_shared). */
  get pagesShared(): number {
    return mergedFrames(this.#system.memory.frames).length;
  }

  /** Entries that a merged page saves a page (pages_sharing). */
  get pagesSharing(): number {
    const { frames } = this.#system.memory;
    return mergedFrames(frames).reduce((sum, pfn) => sum + frames.maps(pfn) - 1, 0);
  }

  get #spaces(): Mm[] {
    return [...this.#system.processes.values()].filter((one) => !one.ended).map(({ mm }) => mm);
  }
}
