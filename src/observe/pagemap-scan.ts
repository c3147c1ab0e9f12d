/**
 * PAGEMAP_SCAN: finds pages by category, and write-protects what it finds in the same step.
 * The walk is here; what a page is called is in `page-category.ts`, where results go in
 * `scan-output.ts`.
 * Answers to: do_pagemap_scan().
 */

import { type Failure, fail } from '../base/errno.js';
import { isPageAligned, PAGE_SIZE, PMD_SIZE, pageUp, pmdDown, TASK_SIZE } from '../base/page.js';
import { changeHuge, isHuge, splitHuge } from '../mm/huge.js';
import { hugeSize } from '../mm/hugetlb-area.js';
import type { Mm } from '../mm/mm.js';
import { protectSlot, setUffdWp } from '../mm/protect.js';
import type { Vma } from '../mm/vma.js';
import { VM_SOFTDIRTY, VM_UFFD_WP } from '../mm/vma-flags.js';
import { NO_SLOT, type Slot } from '../pgtable/arena.js';
import { pteIsPresent, pteIsWpInAnyForm, pteMakeUffdWp } from '../pgtable/pte.js';
import {
  PAGE_IS_ACCESSED,
  PAGE_IS_GUARD,
  PAGE_IS_SOFT_DIRTY,
  PAGE_IS_WPALLOWED,
  PAGE_IS_WRITTEN,
  PM_SCAN_CHECK_WPASYNC,
  PM_SCAN_WP_MATCHING,
} from '../uapi/pagemap.js';
import { holeCategory, hugeCategory, hugetlbCategory, pageCategory } from './page-category.js';
import { ScanOutput, type ScanRegion } from './scan-output.js';

/** Arguments of PAGEMAP_SCAN, as `struct pm_scan_arg` names them. */
export interface ScanArgs {
  readonly size: number;
  readonly flags: number;
  readonly start: number;
  readonly end: number;
  /** Address for the results; 0 for none. */
  readonly vec: number;
  readonly vecLen: number;
  readonly maxPages: number;
  readonly inverted: number;
  readonly mask: number;
  readonly anyof: number;
  readonly returned: number;
}

/** What a scan answers. */
export interface ScanOutcome {
  readonly failure: Failure | undefined;
  /** First address that was not scanned; `undefined` when the arguments were refused. */
  readonly walkEnd: number | undefined;
  readonly regions: readonly ScanRegion[];
}

const STRUCT_SIZE = 96;
const BASIC_CATEGORIES = 0xff;

/** Scans; what was protected before an error stays protected. */
export function pagemapScan(mm: Mm, args: ScanArgs): ScanOutcome {
  const failure = checkArgs(mm, args);
  if (failure !== undefined) return { failure, walkEnd: undefined, regions: [] };
  return new Scan(mm, args).run();
}

function checkArgs({ memory: { profile } }: Mm, args: ScanArgs): Failure | undefined {
  const { start, end, vec, vecLen } = args;
  if (args.size !== STRUCT_SIZE) return fail('EINVAL', `size is not ${STRUCT_SIZE}`);
  if (!within(args.flags, PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC)) {
    return fail('EINVAL', 'flags has unknown bits');
  }
  const guard = profile.has('scanGuard') ? PAGE_IS_GUARD : 0;
  const accessed = profile.has('scanAccessed') ? PAGE_IS_ACCESSED : 0;
  const known = BASIC_CATEGORIES | guard | accessed;
  const masks = [args.inverted, args.mask, args.anyof, args.returned];
  if (!masks.every((mask) => within(mask, known))) {
    return fail('EINVAL', 'a mask has unknown categories');
  }
  if (!isPageAligned(start)) return fail('EINVAL', 'start is not page aligned');
  if (end < start || end > TASK_SIZE) return fail('EFAULT', 'the range is not in user space');
  if (vec === 0 && vecLen !== 0) return fail('EINVAL', 'vec_len without vec');
  return vec + vecLen * 24 > TASK_SIZE ? fail('EFAULT', 'vec is not in user space') : undefined;
}

const within = (mask: number, known: number): boolean => mask < 2 ** 31 && (mask & ~known) === 0;

/** One scan in progress. */
class Scan {
  readonly #output: ScanOutput;
  readonly #protects: boolean;
  readonly #end: number;
  #vmaCategory = 0;

  constructor(
    readonly mm: Mm,
    readonly args: ScanArgs,
  ) {
    this.#output = new ScanOutput(args);
    this.#protects = (args.flags & PM_SCAN_WP_MATCHING) !== 0;
    this.#end = pageUp(args.end);
  }

  run(): ScanOutcome {
    for (const vma of this.mm.vmas.within(this.args.start, this.#end)) {
      const gate = this.#enter(vma);
      if (gate === 'skip') continue;
      if (gate !== 'scan') return this.#ended(gate);
      const from = Math.max(vma.start, this.args.start);
      const failure = this.#scanArea(vma, from, Math.min(vma.end, this.#end));
      if (failure !== undefined) return this.#ended(failure);
      if (this.#output.stoppedAt !== undefined) break;
    }
    return this.#ended(undefined);
  }

  #ended(failure: Failure | undefined): ScanOutcome {
    const walkEnd = this.#output.stoppedAt ?? this.#output.passedAt ?? this.#end;
    return { failure, walkEnd, regions: this.#output.regions };
  }

  /** Whether an area takes part; EPERM where asynchronous protection is demanded and missing. */
  #enter(vma: Vma): 'scan' | 'skip' | Failure {
    const allowed = vma.has(VM_UFFD_WP) && vma.uffd?.wpAsync === true && vma.usesMarkers;
    if (!allowed && (this.args.flags & PM_SCAN_CHECK_WPASYNC) !== 0) {
      return fail('EPERM', 'a part of the range is not write-protected asynchronously');
    }
    if (!allowed && this.#protects) return 'skip';
    const { config } = this.mm.memory.profile;
    const softDirty = config.softDirty && vma.has(VM_SOFTDIRTY) ? PAGE_IS_SOFT_DIRTY : 0;
    this.#vmaCategory = (allowed ? PAGE_IS_WPALLOWED : 0) | softDirty;
    const required = this.args.mask & PAGE_IS_WPALLOWED;
    return ((this.#vmaCategory ^ this.args.inverted) & required) === required ? 'scan' : 'skip';
  }

  #scanArea(vma: Vma, start: number, end: number): Failure | undefined {
    if (vma.isHugetlb) return this.#scanHugetlb(vma, start, end);
    for (let addr = start; addr < end && this.#output.stoppedAt === undefined; ) {
      const next = Math.min(pmdDown(addr) + PMD_SIZE, end);
      const failure = this.mm.hasTable(addr)
        ? this.#scanTable(vma, addr, next)
        : this.#scanHole(vma, addr, next);
      if (failure !== undefined) return failure;
      addr = next;
    }
    return undefined;
  }

  #scanHugetlb(vma: Vma, start: number, end: number): Failure | undefined {
    const size = hugeSize(vma);
    for (let addr = start; addr < end && this.#output.stoppedAt === undefined; ) {
      const next = Math.min(vma.pageStart(addr) + size, end);
      const slot = this.mm.hugeSlot(addr, size);
      const failure =
        slot === NO_SLOT
          ? this.#scanHugetlbHole(vma, addr, next)
          : this.#scanHugetlbPage(vma, slot, addr, next);
      if (failure !== undefined) return failure;
      addr = next;
    }
    return undefined;
  }

  /** A hole has no category but its area's; protection marks the page. */
  #scanHugetlbHole(vma: Vma, start: number, end: number): Failure | undefined {
    if (!this.#isInteresting(this.#vmaCategory)) return undefined;
    const done = this.#output.push(this.#vmaCategory, start, end);
    if (done === start || !this.#protects) return undefined;
    return setUffdWp(this.mm, vma, start, done);
  }

  /** A part of a huge page cannot be protected: the scan stops in front of it. */
  #scanHugetlbPage(vma: Vma, slot: Slot, start: number, end: number): undefined {
    const category = this.#vmaCategory | hugetlbCategory(this.mm, vma, start);
    if (!this.#isInteresting(category)) return;
    const done = this.#output.push(category, start, end);
    if (done === start || !this.#protects || (category & PAGE_IS_WRITTEN) === 0) return;
    const size = hugeSize(vma);
    if (done - start !== size) this.#output.takeBack(start, done);
    else {
      const pte = this.mm.load(slot);
      if (pteIsPresent(pte)) this.mm.storeHuge(slot, start, pteMakeUffdWp(pte), size);
    }
  }

  #scanTable(vma: Vma, start: number, end: number): undefined {
    if (isHuge(this.mm, start) && this.#scanHuge(vma, start, end)) return;
    if (this.#protects && this.args.vec === 0) return this.#protectAll(start, end);
    const writtenOnly = this.#wantsWrittenOnly();
    for (let addr = start; addr < end; addr += PAGE_SIZE) {
      const category = this.#vmaCategory | this.#categoryOf(vma, addr, writtenOnly);
      if (!this.#isInteresting(category)) continue;
      if (this.#output.push(category, addr, addr + PAGE_SIZE) === addr) return;
      if (this.#protects && (category & PAGE_IS_WRITTEN) !== 0) this.#protect(addr);
    }
  }

  /**
   * Reports (a part of) a huge entry as one; false when it had to be split because only a part is
   * to be protected: then nothing was reported.
   */
  #scanHuge(vma: Vma, start: number, end: number): boolean {
    const category = this.#vmaCategory | hugeCategory(this.mm, vma, start);
    if (!this.#isInteresting(category)) return true;
    const protects = this.#protects && (category & PAGE_IS_WRITTEN) !== 0;
    const accepted = this.#output.accepts(category, start, end);
    if (protects && accepted > start && accepted - start < PMD_SIZE) {
      splitHuge(this.mm, start);
      return false;
    }
    const done = this.#output.push(category, start, end);
    if (protects && done > start) changeHuge(this.mm, start, pteMakeUffdWp);
    return true;
  }

  /** Mask and answer are exactly WRITTEN: the kernel then looks at nothing but the protection. */
  #wantsWrittenOnly(): boolean {
    const { mask, anyof, inverted, returned } = this.args;
    return (
      mask === PAGE_IS_WRITTEN && returned === PAGE_IS_WRITTEN && anyof === 0 && inverted === 0
    );
  }

  #categoryOf(vma: Vma, addr: number, writtenOnly: boolean): number {
    if (!writtenOnly || this.mm.memory.profile.has('scanWrittenOnlyWp')) {
      return pageCategory(this.mm, vma, addr);
    }
    return pteIsWpInAnyForm(this.mm.pte(addr)) ? 0 : PAGE_IS_WRITTEN;
  }

  #scanHole(vma: Vma, start: number, end: number): Failure | undefined {
    const category = this.#vmaCategory | holeCategory(this.mm, vma);
    if (!this.#isInteresting(category)) return undefined;
    const done = this.#output.push(category, start, end);
    if (done === start || !this.#protects) return undefined;
    return setUffdWp(this.mm, vma, start, done);
  }

  #isInteresting(category: number): boolean {
    const { mask, anyof, inverted } = this.args;
    const seen = category ^ inverted;
    return (seen & mask) === mask && (anyof === 0 || (seen & anyof) !== 0);
  }

  /** Nobody wants to know which pages: protects them all. */
  #protectAll(start: number, end: number): undefined {
    for (let addr = start; addr < end; addr += PAGE_SIZE) this.#protect(addr);
  }

  #protect(addr: number): void {
    const slot = this.mm.slot(addr);
    if (!pteIsWpInAnyForm(this.mm.load(slot))) protectSlot(this.mm, slot, addr);
  }
}
