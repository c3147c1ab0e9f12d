/**
 * Which pages of a process were really written since somebody began to watch, by whatever way a
 * byte can get there: the truth that a dirty tracker is compared with. Changes no entry and no
 * protection; fills by the owner of a userfaultfd are kept apart.
 */

import { PAGE_SIZE, pageDown } from '../base/page.js';
import type { Inode } from '../file/inode.js';
import type { AddressRange } from '../machine/memory-calls.js';
import type { Process } from '../machine/process.js';
import { Mm } from '../mm/mm.js';
import type { PageEvent, WriteEvent } from '../mm/page-events.js';
import { listenTo } from './listen.js';
import { covers, type PageSpan, pagesWithin, spanOf } from './page-range.js';

/**
 * How a page was written: `access` by a store or an atomic update of the process's own thread;
 * `kernel` by a system call that stores into the memory of its caller (`read`, the result field
 * of an ioctl); `remote` by process_vm_writev or /proc/PID/mem; `alias` through another mapping of
 * the same file, here or in another process; `file` by write(2) to the file that it maps.
 */
export type WriteWay = 'access' | 'kernel' | 'remote' | 'alias' | 'file';

/** A page that was written, and in which ways. */
export interface WrittenPage {
  /** Address of the page. */
  readonly page: number;
  /** In the order in which they were first seen. */
  readonly ways: readonly WriteWay[];
}

/** Watches stores to a range; made by {@link watchWrites}. */
export class WriteWatch {
  /** Whose memory it is. */
  readonly process: Process;
  /** @internal */
  readonly span: PageSpan;
  readonly #written = new Map<number, Set<WriteWay>>();
  readonly #filled = new Set<number>();
  readonly #stop: () => void;

  /** @internal */
  constructor(process: Process, span: PageSpan) {
    this.process = process;
    this.span = span;
    this.#stop = listenTo(process, (event) => this.#hear(event));
  }

  /**
   * Pages that were written since the watch began or was armed anew, low one first.
   *
   * @param ways - Which ways count. @defaultValue all
   * @returns Addresses of pages.
   */
  written(ways?: readonly WriteWay[]): number[] {
    const all = this.writes();
    const counted = ways === undefined ? all : all.filter((page) => page.ways.some(among(ways)));
    return counted.map(({ page }) => page);
  }

  /** As {@link WriteWatch.written}, with the ways in which each page was written. */
  writes(): WrittenPage[] {
    const pages = [...this.#written].sort(([a], [b]) => a - b);
    return pages.map(([page, ways]) => ({ page, ways: [...ways] }));
  }

  /** Pages that the owner of a userfaultfd filled since then, low one first. */
  filled(): number[] {
    return [...this.#filled].sort((a, b) => a - b);
  }

  /** Begins anew, as a tracker does that protects its pages again; what was written until then. */
  rearm(): number[] {
    const written = this.written();
    this.#written.clear();
    this.#filled.clear();
    return written;
  }

  /** Stops watching; what was seen stays. */
  close(): void {
    this.#stop();
  }

  /** Stops watching. */
  [Symbol.dispose](): void {
    this.close();
  }

  #hear(event: PageEvent): void {
    const { mm } = this.process.state;
    if (event.kind === 'write') this.#hearWrite(mm, event);
    else if (event.kind === 'file write') this.#markMapped(mm, event.inode, event.index, 'file');
    else if (event.kind === 'fill' && event.mm === mm && covers(this.span, event.addr)) {
      this.#filled.add(event.addr);
    }
  }

  #hearWrite(mm: Mm, { mm: where, addr, lenBytes, by }: WriteEvent): void {
    if (where === mm) {
      for (const page of pagesWithin(this.span, addr, addr + lenBytes)) this.#mark(page, by);
    }
    if (!(where instanceof Mm)) return;
    for (let at = pageDown(addr); at < addr + lenBytes; at += PAGE_SIZE) {
      const vma = where.vmas.find(at);
      if (vma?.isShared !== true || vma.file === undefined) continue;
      const own = where === mm ? at : undefined;
      this.#markMapped(mm, vma.file.inode, vma.indexOf(at), 'alias', own);
    }
  }

  /** Marks every watched page that shows a page of a file, but the one it was written through. */
  #markMapped(mm: Mm, inode: Inode, index: number, way: WriteWay, but?: number): void {
    for (const vma of mm.vmas.within(this.span.start, this.span.end)) {
      if (vma.file?.inode !== inode || !vma.isShared) continue;
      const page = vma.addressOf(index);
      const isThere = page >= vma.start && page < vma.end && covers(this.span, page);
      if (isThere && page !== but) this.#mark(page, way);
    }
  }

  #mark(page: number, way: WriteWay): void {
    const ways = this.#written.get(page) ?? new Set();
    this.#written.set(page, ways.add(way));
  }
}

const among =
  (ways: readonly WriteWay[]) =>
  (way: WriteWay): boolean =>
    ways.includes(way);

/**
 * Begins to watch stores to a range. While anybody watches a machine, stores take the path of a
 * cache miss, so that none goes unseen; loads are as fast as ever.
 *
 * @param process - Whose memory.
 * @param range - `addr` and `length` in bytes, both multiples of the page size; it need not be
 *   mapped yet.
 * @throws RangeError for a range that is not made of whole pages.
 *
 * @example
 * ```ts
 * import { Machine, MAP_ANONYMOUS, MAP_PRIVATE, PROT_WRITE, watchWrites } from 'uffd-emulator';
 *
 * const guest = new Machine().spawn();
 * const flags = MAP_PRIVATE | MAP_ANONYMOUS;
 * const addr = guest.main.mmapSync({ length: 8192, prot: PROT_WRITE, flags });
 * using watch = watchWrites(guest, { addr, length: 8192 });
 * guest.main.store8Sync(addr + 5000, 1);
 * console.log(watch.written().map((page) => page - addr)); // [ 4096 ]
 * ```
 */
export function watchWrites(process: Process, range: AddressRange): WriteWatch {
  return new WriteWatch(process, spanOf(range));
}
