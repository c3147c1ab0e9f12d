/**
 * Memory to test with: some pages of a process, mapped, registered and watched in one call.
 * Every address is a number; a part of a region is a range of pages that matchers take.
 */

import type { U64 } from '../base/args.js';
import { PAGE_SIZE } from '../base/page.js';
import type { Process } from '../machine/process.js';
import type { Userfaultfd } from '../machine/userfaultfd.js';
import { MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED, PROT_READ, PROT_WRITE } from '../uapi/mman.js';
import { UFFDIO_REGISTER_MODE_MISSING } from '../uapi/userfaultfd.js';
import { type PageWatch, watchPages } from '../watch/page-watch.js';
import { type WriteWatch, watchWrites } from '../watch/write-watch.js';

/** Pages of a process that matchers can be asked about. */
export interface PageRange {
  /** Whose memory it is. */
  readonly process: Process;
  /** First address, page aligned. */
  readonly addr: number;
  /** Bytes, a multiple of the page size. */
  readonly length: number;
  /** Who knows what happened to the pages; messages tell it. */
  readonly watch?: PageWatch;
}

/** A range as the ioctls take it. */
export interface IoctlRange {
  /** First address, page aligned. */
  readonly start: number;
  /** Bytes, a multiple of the page size. */
  readonly len: number;
}

/** How memory is made. */
export interface RegionOptions {
  /** Pages. @defaultValue `4` */
  readonly pages?: number;
  /** Private anonymous memory, or a memfd mapped shared or private. @defaultValue `'anon'` */
  readonly kind?: 'anon' | 'shared' | 'private';
  /** PROT_* bits. @defaultValue PROT_READ | PROT_WRITE */
  readonly prot?: number;
  /** UFFDIO_REGISTER_MODE_* bits; 0 registers nothing. @defaultValue for missing pages */
  readonly mode?: number;
  /** UFFD_FEATURE_* bits to enable. @defaultValue `0` */
  readonly features?: U64;
  /** Flags of userfaultfd(2). @defaultValue `0`: reads wait */
  readonly flags?: number;
}

/** Some pages of a process with a userfaultfd of their own. */
export class Region implements PageRange {
  /** Whose memory it is. */
  readonly process: Process;
  /** First address. */
  readonly addr: number;
  /** Bytes. */
  readonly length: number;
  /** Number of pages. */
  readonly pages: number;
  /** The userfaultfd after its handshake. */
  readonly uffd: Userfaultfd;
  /** Descriptor of the memfd; -1 for anonymous memory. */
  readonly fd: number;
  /** How its pages come and go, from before they were registered. */
  readonly watch: PageWatch;

  /** Maps and registers, as the main thread of the process, without waiting. */
  constructor(process: Process, options: RegionOptions = {}) {
    const { pages = 4, mode = UFFDIO_REGISTER_MODE_MISSING } = options;
    this.process = process;
    this.pages = pages;
    this.length = pages * PAGE_SIZE;
    this.fd = fileFor(process, this.length, options);
    this.addr = mapFor(process, this.length, this.fd, options);
    this.watch = watchPages(process, this);
    this.uffd = process.main.userfaultfdSync(options.flags ?? 0);
    this.uffd.apiSync({ features: options.features ?? 0 });
    if (mode !== 0) this.uffd.registerSync({ start: this.addr, len: this.length, mode });
  }

  /** Address of page `n`. */
  page(n: number): number {
    if (Number.isSafeInteger(n) && n >= 0 && n < this.pages) return this.addr + n * PAGE_SIZE;
    throw new RangeError(`page ${n}: the region has pages 0 to ${this.pages - 1}`);
  }

  /**
   * Pages from `n` on, for matchers and calls.
   *
   * @param count - How many. @defaultValue `1`
   */
  at(n: number, count = 1): PageRange {
    const addr = this.page(n);
    this.page(n + count - 1);
    return { process: this.process, addr, length: count * PAGE_SIZE, watch: this.watch };
  }

  /** The whole region, or `count` pages from `n` on, as the ioctls take it. */
  range(n = 0, count = this.pages - n): IoctlRange {
    const { addr, length } = this.at(n, count);
    return { start: addr, len: length };
  }

  /** Begins to watch stores to the region. @see watchWrites */
  watchWrites(): WriteWatch {
    return watchWrites(this.process, this);
  }

  /** Closes the userfaultfd, if it is still open, and stops watching. */
  close(): void {
    this.uffd[Symbol.dispose]();
    this.watch.close();
  }

  /** As {@link Region.close}. */
  [Symbol.dispose](): void {
    this.close();
  }
}

function fileFor({ main }: Process, length: number, { kind = 'anon' }: RegionOptions): number {
  if (kind === 'anon') return -1;
  const fd = main.memfdCreateSync('region');
  main.ftruncateSync({ fd, length });
  return fd;
}

function mapFor(
  { main }: Process,
  length: number,
  fd: number,
  { kind = 'anon', prot = PROT_READ | PROT_WRITE }: RegionOptions,
): number {
  const type = kind === 'shared' ? MAP_SHARED : MAP_PRIVATE;
  const flags = fd < 0 ? type | MAP_ANONYMOUS : type;
  return main.mmapSync({ length, prot, flags, fd });
}
