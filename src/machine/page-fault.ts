/**
 * A fault message as an object: what was read, and what can be done about it.
 * The data is that of `struct uffd_msg`; the methods are the handle's calls with the right range.
 */

import { PAGE_SIZE, pageDown } from '../base/page.js';
import type { UffdPagefaultMsg } from '../uapi/msg.js';
import {
  UFFD_PAGEFAULT_FLAG_MINOR,
  UFFD_PAGEFAULT_FLAG_RWP,
  UFFD_PAGEFAULT_FLAG_WP,
  UFFD_PAGEFAULT_FLAG_WRITE,
} from '../uapi/userfaultfd.js';
import type { UffdIoctls } from './uffd-ioctls.js';

/**
 * A thread waits for a page. Resolve it with one of the methods, each of which covers the page
 * that the message names and wakes whoever waits there.
 */
export class PageFault implements UffdPagefaultMsg {
  /** Tells this message from the others. */
  readonly event = 'pagefault';
  /** UFFD_PAGEFAULT_FLAG_* bits. */
  readonly flags: number;
  /** Address of the access: its page, or exact with UFFD_FEATURE_EXACT_ADDRESS. */
  readonly address: number;
  /** Thread that waits, with UFFD_FEATURE_THREAD_ID; 0 otherwise. */
  readonly ptid: number;
  /** Where the message was read. */
  readonly uffd: UffdIoctls;

  /** Made when a message is read. */
  constructor(uffd: UffdIoctls, message: UffdPagefaultMsg) {
    this.uffd = uffd;
    this.flags = message.flags;
    this.address = message.address;
    this.ptid = message.ptid;
  }

  /** Address of the page. */
  get page(): number {
    return pageDown(this.address);
  }

  /** The access is a write. */
  get write(): boolean {
    return (this.flags & UFFD_PAGEFAULT_FLAG_WRITE) !== 0;
  }

  /** The page is there and write-protected. */
  get wp(): boolean {
    return (this.flags & UFFD_PAGEFAULT_FLAG_WP) !== 0;
  }

  /** The page is in the page cache and not mapped. */
  get minor(): boolean {
    return (this.flags & UFFD_PAGEFAULT_FLAG_MINOR) !== 0;
  }

  /** The page is there and hidden (7.3). */
  get rwp(): boolean {
    return (this.flags & UFFD_PAGEFAULT_FLAG_RWP) !== 0;
  }

  /** Fills the page with bytes. @see {@link Userfaultfd.copy} */
  copy(src: Uint8Array | number, mode = 0): Promise<number> {
    return this.uffd.copy({ dst: this.page, src, len: PAGE_SIZE, mode });
  }

  /** {@link PageFault.copy} without waiting. */
  copySync(src: Uint8Array | number, mode = 0): number {
    return this.uffd.copySync({ dst: this.page, src, len: PAGE_SIZE, mode });
  }

  /** Fills the page with zeros. @see {@link Userfaultfd.zeropage} */
  zeropage(mode = 0): Promise<number> {
    return this.uffd.zeropage({ ...this.#range(), mode });
  }

  /** {@link PageFault.zeropage} at once. */
  zeropageSync(mode = 0): number {
    return this.uffd.zeropageSync({ ...this.#range(), mode });
  }

  /** Maps the page of the page cache. @see {@link Userfaultfd.continue} */
  continue(mode = 0): Promise<number> {
    return this.uffd.continue({ ...this.#range(), mode });
  }

  /** {@link PageFault.continue} at once. */
  continueSync(mode = 0): number {
    return this.uffd.continueSync({ ...this.#range(), mode });
  }

  /** Declares the page lost. @see {@link Userfaultfd.poison} */
  poison(mode = 0): Promise<number> {
    return this.uffd.poison({ ...this.#range(), mode });
  }

  /** {@link PageFault.poison} at once. */
  poisonSync(mode = 0): number {
    return this.uffd.poisonSync({ ...this.#range(), mode });
  }

  /** Takes write protection off the page. @see {@link Userfaultfd.writeprotect} */
  unprotect(): Promise<void> {
    return this.uffd.writeprotect({ ...this.#range(), mode: 0 });
  }

  /** {@link PageFault.unprotect} at once. */
  unprotectSync(): void {
    this.uffd.writeprotectSync({ ...this.#range(), mode: 0 });
  }

  /** Wakes who waits for the page without resolving it. @see {@link Userfaultfd.wake} */
  wake(): Promise<void> {
    return this.uffd.wake(this.#range());
  }

  /** {@link PageFault.wake} at once. */
  wakeSync(): void {
    this.uffd.wakeSync(this.#range());
  }

  #range(): { start: number; len: number } {
    return { start: this.page, len: PAGE_SIZE };
  }
}
