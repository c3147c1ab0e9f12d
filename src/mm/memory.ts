/**
 * What all address spaces of one machine share: frames, page tables, kernel profile.
 * Page tables are charged against memory, as on a real machine.
 */

import type { Pfn } from '../base/brand.js';
import type { Copier } from '../base/graph.js';
import type { PointSwitch } from '../base/op.js';
import { PMD_SIZE, PUD_SIZE } from '../base/page.js';
import { Trace } from '../base/trace.js';
import { Versions } from '../base/versions.js';
import { NO_TABLE, TableArena, type TableId } from '../pgtable/arena.js';
import { Frames } from '../phys/frames.js';
import { HugePool } from '../phys/huge-pool.js';
import { PageLocks } from '../phys/page-locks.js';
import { SwapSpace } from '../phys/swap.js';
import type { KernelProfile } from '../profile/profile.js';
import type { PageHub } from './page-events.js';

/** Who keeps views of physical memory, which growth replaces. */
export interface MemoryViewer {
  showMemory(): void;
}

/** Where a fault may bring a huge page: everywhere, where MADV_HUGEPAGE was said, or nowhere. */
export type ThpPolicy = 'always' | 'madvise' | 'never';

/** A page on its way to another frame. */
export interface Moving {
  readonly from: Pfn;
  readonly to: Pfn;
}

/** How room is made: by taking pages first, or at once by ending a process. */
export type Relief = 'reclaim' | 'kill';

/** Memory of one machine. */
export class MachineMemory {
  /** What snapshots keep of frames, page tables, and the maps of files and swap. */
  readonly versions = new Versions();
  /** Events for whoever listens. */
  readonly trace = new Trace();
  readonly frames: Frames;
  readonly swap: SwapSpace;
  /** Pages that are being moved. */
  readonly locks = new PageLocks();
  /** Their moves, by the frame that each page leaves. */
  readonly moves = new Map<Pfn, Moving>();
  readonly tables: TableArena;
  /** Pools of hugetlb pages by the bytes of a page. */
  readonly hugePools = new Map<number, HugePool>();
  /** Address spaces, those of children that are still being forked too, and then threads. */
  readonly viewers = new Set<MemoryViewer>();
  /** Called when memory is full with the address space that asks; true when some was freed. */
  onOutOfMemory: (asking: object, relief: Relief) => boolean = () => false;
  /** Called when an operation found no memory; true when some was freed and it may try again. */
  onShortage: () => boolean = () => false;
  /** Hears of what happens to pages; `undefined` while nobody watches. */
  onPage: PageHub | undefined;
  /** Whether operations yield their named points. */
  readonly points: PointSwitch = { on: false, cutsFill: false };

  constructor(
    readonly profile: KernelProfile,
    totalPages: number,
    /** vm.mmap_min_addr in bytes. */
    readonly mmapMinAddr: number,
    /** Where a fault may bring a transparent huge page. */
    readonly transparentHugepage: ThpPolicy = 'madvise',
    /** Memory nodes; all of them take their frames from one pool. */
    readonly nodes = 1,
  ) {
    this.frames = new Frames(totalPages, this.versions);
    this.swap = new SwapSpace(this.frames);
    this.tables = new TableArena(totalPages, this.versions);
    for (const size of [PMD_SIZE, PUD_SIZE]) {
      this.hugePools.set(size, new HugePool(this.frames, size, 0));
    }
    this.frames.onGrow = () => {
      for (const viewer of this.viewers) viewer.showMemory();
    };
  }

  /** Memory of another machine with the same contents; it keeps no versions yet. */
  copyWith(copier: Copier): MachineMemory {
    const copy = new MachineMemory(this.profile, this.frames.total, this.mmapMinAddr);
    copier.enter(this.versions, copy.versions);
    copier.enter(this.trace, copy.trace);
    copier.enter(this.frames, copy.frames);
    copier.enter(this.tables, copy.tables);
    copy.frames.become(this.frames, copier);
    copy.tables.become(this.tables);
    return copy;
  }

  /** A page table, or `NO_TABLE` when memory is full. */
  allocTable = (): TableId => (this.frames.charge() ? this.tables.alloc() : NO_TABLE);

  /** Sets huge pages of a size aside, once; false when memory does not hold them. */
  setHugePages(pageSize: number, pages: number): boolean {
    const pool = new HugePool(this.frames, pageSize, pages);
    if (!this.frames.addPool(pool, pages * pool.pageFrames)) return false;
    this.hugePools.set(pageSize, pool);
    return true;
  }

  /** No frame is left. */
  get isShort(): boolean {
    return this.frames.available <= 0;
  }

  /** Makes room for an access; false when there is nothing to take and nobody to kill. */
  relieve(asking: object, relief: Relief): boolean {
    return this.onOutOfMemory(asking, relief);
  }

  freeTable(table: TableId): void {
    this.tables.free(table);
    this.frames.uncharge();
  }
}
