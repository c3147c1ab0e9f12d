/**
 * The pools of huge pages as a machine's user sets and sees them.
 * Answers to: nr_hugepages, /proc/meminfo.
 */

import { PAGE_SIZE, PMD_SIZE, PUD_SIZE } from '../base/page.js';
import type { MachineMemory } from '../mm/memory.js';

const HUGE_SIZES = { '2M': PMD_SIZE, '1G': PUD_SIZE } as const;

/** Huge pages by size: nr_hugepages. */
export interface HugepageCounts {
  /** Pages of 2 MiB. @defaultValue `0` */
  readonly '2M'?: number;
  /** Pages of 1 GiB; one takes its gigabyte of the host when it is first used. @defaultValue `0` */
  readonly '1G'?: number;
}

/** A pool of huge pages, as /proc/meminfo counts it. */
export interface HugepageUse {
  /** HugePages_Total. */
  readonly total: number;
  /** HugePages_Free: pages that nobody has. */
  readonly free: number;
  /** HugePages_Rsvd: free pages that mappings were promised. */
  readonly reserved: number;
}

/** Sets the pools up; RangeError for a number that is none or more than memory holds. */
export function setHugePages(memory: MachineMemory, counts: HugepageCounts = {}): void {
  for (const size of ['2M', '1G'] as const) {
    const pages = counts[size] ?? 0;
    const wanted = pages * HUGE_SIZES[size];
    if (!Number.isSafeInteger(pages) || !Number.isSafeInteger(wanted) || pages < 0) {
      throw new RangeError(`nrHugepages: ${pages} is no number of pages`);
    }
    if (!memory.setHugePages(HUGE_SIZES[size], pages)) {
      throw new RangeError(
        `nrHugepages: ${pages} huge pages of ${size} need ${wanted} bytes of memory, ` +
          `of which ${memory.frames.available * PAGE_SIZE} are left`,
      );
    }
  }
}

/** The pool of a size. */
export function hugepageUse({ hugePools }: MachineMemory, size: '2M' | '1G'): HugepageUse {
  const pool = hugePools.get(HUGE_SIZES[size]);
  return { total: pool?.total ?? 0, free: pool?.free ?? 0, reserved: pool?.reserved ?? 0 };
}
