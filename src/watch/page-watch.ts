/**
 * How each page of a range came to be what it is: by a fill, by a fault that the kernel resolved
 * itself, by a neighbour's fault, or because a userfaultfd was closed; and whether what a fill
 * brought was still wanted. Read only.
 */

import { PAGE_SIZE, PMD_SIZE, pageDown } from '../base/page.js';
import type { AddressRange } from '../machine/memory-calls.js';
import type { Process } from '../machine/process.js';
import type {
  FaultEvent,
  FillEvent,
  Message,
  PageEvent,
  ProtectionEvent,
  RegistrationEvent,
} from '../mm/page-events.js';
import { pteIsPresent } from '../pgtable/pte.js';
import { History } from './history.js';
import { listenTo } from './listen.js';
import { covers, hex, type PageSpan, pagesWithin, spanOf } from './page-range.js';
import { pageStateOf } from './page-state.js';

/**
 * How a page became readable: it was there `before` the watch began; by a `fill` of the owner of a
 * userfaultfd; by a `fault` that no userfaultfd was asked about; by `fault-around`, that is by a
 * fault on a neighbour; as part of a `huge page`; by a `close`, which released the thread that
 * waited for it to the default page; in a way that is `unknown`, such as mremap.
 */
export type PageOrigin =
  | 'before'
  | 'fill'
  | 'fault'
  | 'fault-around'
  | 'huge page'
  | 'close'
  | 'unknown';

/** A page that can be read although no fill brought it. */
export interface SilentPage {
  /** Address of the page. */
  readonly page: number;
  /** How it came. */
  readonly origin: Exclude<PageOrigin, 'fill'>;
}

/** A page whose fill answered a fault that was older than the page's removal. */
export interface StalePage {
  /** Address of the page. */
  readonly page: number;
  /** Removals of the page until the newest fault that the fill can have answered was raised. */
  readonly faultEpoch: number;
  /** Removals of the page until it was filled. */
  readonly fillEpoch: number;
}

/** A fault that was raised and not answered yet. */
interface Asked {
  readonly message: Message;
  readonly epoch: number;
}

/** Whether a fill may still answer the fault: it was read, or will be. */
const isOpen = ({ message: { wasRead, ended } }: Asked): boolean => wasRead || !ended;

/** Most pages that can be watched. */
const PAGES_MAX = 2 ** 20;

/** Watches the pages of a range; made by {@link watchPages}. */
export class PageWatch {
  /** Whose memory it is. */
  readonly process: Process;
  /** @internal */
  readonly span: PageSpan;
  readonly #history = new History();
  readonly #epochs: Uint32Array;
  readonly #origins = new Map<number, { origin: PageOrigin; epoch: number }>();
  readonly #asked = new Map<number, Asked[]>();
  readonly #orphans = new Set<number>();
  readonly #zeroed = new Set<number>();
  readonly #stale = new Map<number, StalePage>();
  readonly #stop: () => void;

  /** @internal */
  constructor(process: Process, span: PageSpan) {
    this.process = process;
    this.span = span;
    const pages = (span.end - span.start) / PAGE_SIZE;
    if (pages > PAGES_MAX) throw new RangeError(`length: more than ${PAGES_MAX} pages`);
    this.#epochs = new Uint32Array(pages);
    for (const page of pagesWithin(span, span.start, span.end)) {
      if (this.#isReadable(page)) this.#came(page, 'before');
    }
    this.#stop = listenTo(process, (event) => this.#hear(event));
  }

  /**
   * Pages whose content is older than their latest removal: a fill with anything but zeros,
   * although every fault on the page that its owner can have known of was raised before the page
   * was removed (MADV_DONTNEED, MADV_FREE, MADV_REMOVE, a hole, munmap). What a removed page has
   * to read is zeros. A later removal or a right fill takes the page off the list.
   *
   * A fill that answers no fault at all is never called stale.
   *
   * @param range - Part of the watched pages. @defaultValue all of them
   */
  stalePages(range?: AddressRange): StalePage[] {
    const { start, end } = range === undefined ? this.span : spanOf(range);
    const pages = [...this.#stale.values()].filter(({ page }) => page >= start && page < end);
    return pages.sort((a, b) => a.page - b.page);
  }

  /**
   * Pages that a thread can read now although no fill brought them, low one first: what a pager
   * that means to serve every page has lost without hearing of it.
   */
  silentPages(): SilentPage[] {
    return [...pagesWithin(this.span, this.span.start, this.span.end)].flatMap((page) => {
      const origin = this.originOf(page);
      return origin === undefined || origin === 'fill' ? [] : { page, origin };
    });
  }

  /**
   * Pages that a thread waited for when the last descriptor of the userfaultfd was closed, and
   * that the kernel then filled by default, low one first: silent corruption after a crash of the
   * handler.
   */
  zeroedByClose(): number[] {
    return [...this.#zeroed].sort((a, b) => a - b);
  }

  /** How the page at an address became readable; `undefined` when it is not. */
  originOf(addr: number): PageOrigin | undefined {
    const page = pageDown(addr);
    return this.#isReadable(page) ? (this.#origins.get(page)?.origin ?? 'unknown') : undefined;
  }

  /** Removals of the page at an address since the watch began. */
  epochOf(addr: number): number {
    return this.#epochs[(pageDown(addr) - this.span.start) / PAGE_SIZE] ?? 0;
  }

  /** What last happened to the page at an address, a sentence each, the oldest first. */
  historyOf(addr: number): string[] {
    return this.#history.of(pageDown(addr));
  }

  /** Stops watching; what was seen stays. */
  close(): void {
    this.#stop();
  }

  /** Stops watching. */
  [Symbol.dispose](): void {
    this.close();
  }

  #isReadable(page: number): boolean {
    const state = pageStateOf(this.process, page);
    return state === 'present' || state === 'zero' || state === 'swapped';
  }

  #hear(event: PageEvent): void {
    if (event.kind === 'file write' || event.mm !== this.process.state.mm) return;
    if (event.kind === 'close') this.#hearClose(event.waiters);
    else if (event.kind === 'removal') this.#hearRemoval(event.start, event.end);
    else if (event.kind === 'write') this.#hearWrite(event);
    else if (event.kind === 'fault') this.#hearFault(event);
    else if (event.kind === 'huge') this.#hearHuge(event.addr);
    else if ('start' in event) this.#hearRange(event);
    else if (covers(this.span, event.addr)) this.#hearArrival(event);
  }

  #hearWrite({ addr, lenBytes, by }: Extract<PageEvent, { kind: 'write' }>): void {
    for (const page of pagesWithin(this.span, addr, addr + lenBytes)) {
      this.#history.note(page, `written (${by}), ${lenBytes} bytes at ${hex(addr)}`);
    }
  }

  #hearFault({ fault, message }: FaultEvent): void {
    const page = pageDown(fault.addr);
    if (!covers(this.span, page)) return;
    const access = fault.write ? 'write' : 'read';
    this.#history.note(page, `${fault.faulter.name} raised a ${fault.reason} fault (${access})`);
    if (fault.reason !== 'missing') return;
    const open = (this.#asked.get(page) ?? []).filter(isOpen);
    this.#asked.set(page, [...open, { message, epoch: this.epochOf(page) }]);
  }

  #hearRemoval(start: number, end: number): void {
    for (const page of pagesWithin(this.span, start, end)) {
      const at = (page - this.span.start) / PAGE_SIZE;
      this.#epochs[at] = (this.#epochs[at] ?? 0) + 1;
      this.#stale.delete(page);
      this.#orphans.delete(page);
      this.#zeroed.delete(page);
      this.#history.note(page, `removed: content epoch ${this.#epochs[at]}`);
    }
  }

  #hearRange(event: ProtectionEvent | RegistrationEvent): void {
    const what = 'name' in event ? `${event.kind}ed: ${event.name}` : `${event.kind}ed`;
    for (const page of pagesWithin(this.span, event.start, event.end)) {
      this.#history.note(page, what);
    }
  }

  #hearClose(waiters: readonly number[]): void {
    for (const page of waiters.map(pageDown)) {
      if (!covers(this.span, page)) continue;
      this.#orphans.add(page);
      this.#history.note(page, 'the userfaultfd was closed while a thread waited for the page');
    }
  }

  #hearArrival(event: Extract<PageEvent, { kind: 'install' | 'around' | 'fill' }>): void {
    const { kind, addr } = event;
    if (kind === 'fill') this.#hearFill(event);
    else if (kind === 'around') {
      this.#came(addr, 'fault-around');
      this.#history.note(addr, 'mapped by fault-around, without a fault of its own');
    } else if (!pteIsPresent(this.process.state.mm.pte(addr))) this.#hearInstall(addr);
  }

  /** Pages that were there stay what they are. */
  #hearHuge(start: number): void {
    for (const page of pagesWithin(this.span, start, start + PMD_SIZE)) {
      if (this.#origins.get(page)?.epoch === this.epochOf(page)) continue;
      this.#came(page, 'huge page');
      this.#history.note(page, 'mapped as part of a huge page');
    }
  }

  #came(page: number, origin: PageOrigin): void {
    this.#origins.set(page, { origin, epoch: this.epochOf(page) });
  }

  /** A page comes; a fill says so itself, afterwards. */
  #hearInstall(page: number): void {
    const orphaned = this.#orphans.delete(page);
    this.#came(page, orphaned ? 'close' : 'fault');
    if (orphaned) this.#zeroed.add(page);
    this.#history.note(page, orphaned ? 'filled by default after the close' : 'a page came');
  }

  #hearFill({ addr }: FillEvent): void {
    this.#came(addr, 'fill');
    this.#zeroed.delete(addr);
    const fillEpoch = this.epochOf(addr);
    const known = (this.#asked.get(addr) ?? []).filter(({ message }) => message.wasRead);
    this.#history.note(addr, `filled by the owner of the userfaultfd in epoch ${fillEpoch}`);
    const newest = known.at(-1);
    if (newest === undefined) return;
    this.#forget(addr, known);
    if (newest.epoch === fillEpoch || this.#isZero(addr)) this.#stale.delete(addr);
    else this.#stale.set(addr, { page: addr, faultEpoch: newest.epoch, fillEpoch });
  }

  #forget(page: number, answered: readonly Asked[]): void {
    const left = (this.#asked.get(page) ?? []).filter((asked) => !answered.includes(asked));
    if (left.length > 0) this.#asked.set(page, left);
    else this.#asked.delete(page);
  }

  #isZero(page: number): boolean {
    const { mm } = this.process.state;
    const pte = mm.pte(page);
    if (!pteIsPresent(pte)) return true; // poison, or a hole that was moved
    return mm.memory.frames.pageBytes(mm.frameAt(page)).every((byte) => byte === 0);
  }
}

/**
 * Begins to watch how the pages of a range come and go. Begin before memory is registered, to see
 * the pages that are touched too early.
 *
 * @param process - Whose memory.
 * @param range - `addr` and `length` in bytes, both multiples of the page size, 4 GiB at most; it
 *   need not be mapped yet.
 * @throws RangeError for a range that is not made of whole pages, or too large.
 *
 * @example
 * ```ts
 * import { Machine, MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, watchPages } from 'uffd-emulator';
 *
 * const guest = new Machine().spawn();
 * const flags = MAP_PRIVATE | MAP_ANONYMOUS;
 * const addr = guest.main.mmapSync({ length: 8192, prot: PROT_READ, flags });
 * using watch = watchPages(guest, { addr, length: 8192 });
 * guest.main.load8Sync(addr); // nobody is registered yet: the zero page
 * console.log(watch.silentPages()); // the first page, by a fault
 * ```
 */
export function watchPages(process: Process, range: AddressRange): PageWatch {
  return new PageWatch(process, spanOf(range));
}
