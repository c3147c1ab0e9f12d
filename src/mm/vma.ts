/**
 * A virtual memory area: one contiguous range of uniform attributes, and what it is called.
 * A plain record; `modify.ts` splits and merges, `vma-set.ts` keeps the order.
 */

import { PAGE_SIZE } from '../base/page.js';
import type { MappedFile, ReadPattern } from '../file/mapped-file.js';
import type { MappingSite } from '../phys/frames.js';
import type { AnonVma } from './anon-vma.js';
import type { HugePromise } from './hugetlb-promise.js';
import type { UffdPort } from './uffd-port.js';
import {
  VM_HUGETLB,
  VM_MAYWRITE,
  VM_RAND_READ,
  VM_SEQ_READ,
  VM_SHARED,
  VM_SOFTDIRTY,
  VM_UFFD_MINOR,
  VM_UFFD_MISSING,
  VM_UFFD_WP,
  VM_WRITE,
} from './vma-flags.js';

/** Attributes of a new area. */
export interface VmaInit {
  readonly start: number;
  readonly end: number;
  readonly flags: number;
  readonly file: MappedFile | undefined;
  readonly pgoff: number;
}

/** One area of an address space: `[start, end)`. */
export class Vma {
  start: number;
  end: number;
  /** VM_* bits, the modes of a registration among them. */
  flags: number;
  /** What backs it; `undefined` for anonymous memory. Holds a reference while mapped. */
  readonly file: MappedFile | undefined;
  /** Page index of `start` in the file, or a virtual page number for anonymous memory. */
  pgoff: number;
  /** Context that it is registered with. Set exactly when one of the VM_UFFD modes is. */
  uffd: UffdPort | undefined;
  /** Owner of the pages that this area makes; set by the first of them. */
  anonVma: AnonVma | undefined;
  /** Every owner whose pages may be mapped here: the own one and, after fork, the ancestors'. */
  anonChain: AnonVma[] = [];

  /** Huge pages that a private area was promised; shared by the parts of a split. */
  promise: HugePromise | undefined;
  /** A huge page was taken away for the parent: a missing page is an error from now on. */
  lostPages = false;

  /** How the owners of its pages know it; there while the area is in an address space. */
  site: MappingSite | undefined;

  constructor(init: VmaInit) {
    this.start = init.start;
    this.end = init.end;
    this.flags = init.flags;
    this.file = init.file;
    this.pgoff = init.pgoff;
  }

  has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }

  get isAnonymous(): boolean {
    return this.file === undefined;
  }

  get isShared(): boolean {
    return this.has(VM_SHARED);
  }

  /** Private and writable some day: pages are copied on write and on fork. */
  get isCow(): boolean {
    return (this.flags & (VM_SHARED | VM_MAYWRITE)) === VM_MAYWRITE;
  }

  /** The first store to a clean page must be noticed, because the page is written to a disk. */
  get tracksDirty(): boolean {
    return this.isShared && this.file?.inode.backing === 'disk';
  }

  /** Somebody wants to know of the first store to a page: a userfaultfd, soft-dirty, the disk. */
  get notifiesWrites(): boolean {
    return this.has(VM_UFFD_WP) || !this.has(VM_SOFTDIRTY) || this.tracksDirty;
  }

  /** A new page-cache entry may be writable at once: shared, writable, nobody wants to know. */
  get mapsWritable(): boolean {
    return this.isShared && this.has(VM_WRITE) && !this.notifiesWrites;
  }

  /** How its file should be read ahead. */
  get readPattern(): ReadPattern {
    if (this.has(VM_RAND_READ)) return 'random';
    return this.has(VM_SEQ_READ) ? 'sequential' : 'normal';
  }

  /** Write protection of an empty slot is kept in a marker. */
  get usesMarkers(): boolean {
    return this.has(VM_UFFD_WP) && (!this.isAnonymous || this.uffd?.wpUnpopulated === true);
  }

  /** A read fault may map cached neighbours too. */
  get mayFaultAround(): boolean {
    return !this.isAnonymous && !this.has(VM_UFFD_WP | VM_UFFD_MINOR);
  }

  get catchesMissing(): boolean {
    return this.has(VM_UFFD_MISSING);
  }

  get isHugetlb(): boolean {
    return this.has(VM_HUGETLB);
  }

  /** Bytes of what is mapped, filled and protected at once. */
  get pageSize(): number {
    return this.file?.inode.pageSize ?? PAGE_SIZE;
  }

  /** Start of the page, a huge one where there are such, that holds `addr`. */
  pageStart(addr: number): number {
    return addr - (addr % this.pageSize);
  }

  /** Page index, in the file or of the anonymous memory, of the page at `addr`. */
  indexOf(addr: number): number {
    return this.pgoff + (addr - this.start) / PAGE_SIZE;
  }

  /** Where the page of an index is mapped; may lie outside the area. */
  addressOf(index: number): number {
    return this.start + (index - this.pgoff) * PAGE_SIZE;
  }
}
