/**
 * Serving a region from a source of pages: the loop that most pagers write, on the public calls.
 * Removed memory reads as zeros afterwards; a page that is already there only needs a wake.
 */

import { unsigned } from '../base/args.js';
import { PAGE_SIZE } from '../base/page.js';
import type { UffdRemoveMsg } from '../uapi/msg.js';
import { KernelError } from './errors.js';
import type { PageFault } from './page-fault.js';
import type { UffdRange } from './uffd-calls.js';
import type { UffdIoctls } from './uffd-ioctls.js';

/**
 * Bytes of one page, 4096 of them, at an offset from the start of the region in bytes; at once or
 * as a promise.
 */
export type PageSource = (offset: number) => Uint8Array | Promise<Uint8Array>;

/** A userfaultfd whose messages can be listened to. */
interface Listenable extends UffdIoctls {
  on(event: 'pagefault', listener: (fault: PageFault) => void): unknown;
  on(event: 'remove', listener: (message: UffdRemoveMsg) => void): unknown;
  off(event: 'pagefault', listener: (fault: PageFault) => void): unknown;
  off(event: 'remove', listener: (message: UffdRemoveMsg) => void): unknown;
}

/** Serves missing pages until it is closed. */
export class PageServer implements Disposable {
  /** Pages that were filled from the source. */
  served = 0;
  readonly #uffd: Listenable;
  readonly #start: number;
  readonly #end: number;
  readonly #source: PageSource;
  readonly #removed = new Set<number>();
  readonly #onFault = (fault: PageFault): void => this.#serve(fault);
  readonly #onRemove = (message: UffdRemoveMsg): void => this.#forget(message);
  #failure: unknown;

  /** @internal */
  constructor(uffd: Listenable, region: UffdRange, source: PageSource) {
    this.#uffd = uffd;
    this.#start = unsigned('start', region.start);
    this.#end = this.#start + unsigned('len', region.len);
    this.#source = source;
    uffd.thread.system.listeners.add(this);
    uffd.on('pagefault', this.#onFault);
    uffd.on('remove', this.#onRemove);
  }

  /** What the source threw or rejected with last, if it did; its page is still missing. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Stops serving. */
  close(): void {
    this.#uffd.thread.system.listeners.delete(this);
    this.#uffd.off('pagefault', this.#onFault);
    this.#uffd.off('remove', this.#onRemove);
  }

  /** Stops serving. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** @internal What it served is a part of the machine's state; the handle stops the messages. */
  suspend(): () => void {
    const { served } = this;
    const removed = [...this.#removed];
    this.#uffd.thread.system.listeners.delete(this);
    return () => {
      this.served = served;
      this.#removed.clear();
      for (const page of removed) this.#removed.add(page);
      this.#uffd.thread.system.listeners.add(this);
    };
  }

  #serve(fault: PageFault): void {
    const { page } = fault;
    const missing = !fault.wp && !fault.minor && !fault.rwp;
    if (!missing || page < this.#start || page >= this.#end) return;
    if (this.#removed.has(page)) {
      this.#resolve(fault, () => fault.zeropageSync());
      return;
    }
    const bytes = this.#ask(page - this.#start);
    if (bytes instanceof Uint8Array) this.#fill(fault, bytes);
    else bytes.then((late) => this.#fill(fault, late)).catch((error) => this.#failed(error));
  }

  #ask(offset: number): Uint8Array | Promise<Uint8Array> {
    try {
      return this.#source(offset);
    } catch (error) {
      this.#failed(error);
      throw error; // comes out where the machine was made to run
    }
  }

  #failed(error: unknown): void {
    this.#failure = error;
  }

  #fill(fault: PageFault, bytes: Uint8Array): void {
    this.#resolve(fault, () => {
      fault.copySync(bytes);
      this.served++;
    });
  }

  /** Fills a page; where one is already, whoever waits must be woken by hand. */
  #resolve(fault: PageFault, fill: () => void): void {
    try {
      fill();
    } catch (error) {
      if (!(error instanceof KernelError) || error.code !== 'EEXIST') throw error;
      fault.wakeSync();
    }
  }

  #forget({ start, end }: UffdRemoveMsg): void {
    for (let page = start; page < end; page += PAGE_SIZE) this.#removed.add(page);
  }
}
