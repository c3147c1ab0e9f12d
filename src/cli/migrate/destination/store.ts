/**
 * The destination's memory while pages arrive: registered for missing faults from the beginning, so
 * that no page is there before it was sent. A first copy comes with UFFDIO_COPY or UFFDIO_ZEROPAGE;
 * a later one overwrites it, as a VMM overwrites its guest's memory; a stale one is dropped.
 */
import { KernelError } from '../../../machine/errors.js';
import type { Userfaultfd } from '../../../machine/userfaultfd.js';
import { O_CLOEXEC, O_NONBLOCK } from '../../../uapi/fcntl.js';
import { UFFD_FEATURE_THREAD_ID } from '../../../uapi/features.js';
import { MADV_DONTNEED } from '../../../uapi/mman.js';
import { UFFDIO_REGISTER_MODE_MISSING } from '../../../uapi/userfaultfd.js';
import type { Guest } from '../guest/guest.js';
import { PAGE_BYTES } from '../guest/layout.js';

const ZEROS = new Uint8Array(PAGE_BYTES);

/** What arrived for a page: its bytes, or undefined when it is all zero. */
export type PageContent = Uint8Array | undefined;

/** Fills a guest's memory through userfaultfd. */
export class PageStore {
  readonly uffd: Userfaultfd;
  readonly #guest: Guest;
  #isOpen = true;

  constructor(guest: Guest) {
    this.#guest = guest;
    this.uffd = guest.main.userfaultfdSync(O_CLOEXEC | O_NONBLOCK);
    this.uffd.apiSync({ features: UFFD_FEATURE_THREAD_ID });
    for (const { start, pages } of guest.layout.ranges) {
      const len = pages * PAGE_BYTES;
      this.uffd.registerSync({ start, len, mode: UFFDIO_REGISTER_MODE_MISSING });
    }
  }

  /** Puts a page where none is; a thread that waits for it goes on. */
  install(page: number, content: PageContent): void {
    const start = this.#guest.layout.addressOf(page);
    if (content) this.uffd.copySync({ dst: start, src: content, len: PAGE_BYTES });
    else this.uffd.zeropageSync({ start, len: PAGE_BYTES });
  }

  /** Puts a page, or overwrites it when it was sent before. */
  put(page: number, content: PageContent): void {
    try {
      this.install(page, content);
    } catch (error) {
      if (!(error instanceof KernelError) || error.code !== 'EEXIST') throw error;
      this.#guest.writePage(page, content ?? ZEROS);
    }
  }

  /** Drops pages, so that the guest faults on them. */
  discard(pages: readonly number[]): void {
    for (const page of pages) {
      const addr = this.#guest.layout.addressOf(page);
      this.#guest.main.madviseSync({ addr, length: PAGE_BYTES, advice: MADV_DONTNEED });
    }
  }

  /** Gives the memory back to the kernel alone: nothing faults to user space any more. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const { start, pages } of this.#guest.layout.ranges) {
      this.uffd.unregisterSync({ start, len: pages * PAGE_BYTES });
    }
    this.uffd.close();
  }
}
