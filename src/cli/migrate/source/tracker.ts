/**
 * Which pages the guest writes to, learnt through userfaultfd and nothing else: the guest's ranges
 * are registered for write protection, armed, and every write-protect message names one dirty page,
 * which is unprotected so that its thread goes on. WP_UNPOPULATED lets pages be armed that are not
 * there yet. Uses userfaultfd(2), UFFDIO_REGISTER and UFFDIO_WRITEPROTECT as a VMM on Linux would.
 */
import type { PageFault } from '../../../machine/page-fault.js';
import type { Userfaultfd } from '../../../machine/userfaultfd.js';
import { O_CLOEXEC, O_NONBLOCK } from '../../../uapi/fcntl.js';
import {
  UFFD_FEATURE_PAGEFAULT_FLAG_WP,
  UFFD_FEATURE_THREAD_ID,
  UFFD_FEATURE_WP_UNPOPULATED,
} from '../../../uapi/features.js';
import { UFFDIO_REGISTER_MODE_WP, UFFDIO_WRITEPROTECT_MODE_WP } from '../../../uapi/userfaultfd.js';
import type { Guest } from '../guest/guest.js';
import { PAGE_BYTES } from '../guest/layout.js';
import type { FaultHandler, Runner } from '../guest/runner.js';
import type { TimeModel } from '../model.js';
import type { FaultLog } from '../timeline/fault-log.js';

/** What a tracker works with. */
export interface TrackerParts {
  readonly guest: Guest;
  readonly runner: Runner;
  readonly model: TimeModel;
  readonly log: FaultLog;
}

/** Tracks the dirty pages of a guest while it runs. */
export class DirtyTracker implements FaultHandler {
  readonly #parts: TrackerParts;
  readonly #uffd: Userfaultfd;
  #dirty = new Set<number>();
  #resolved: { page: number; ptid: number }[] = [];

  /** Registers the guest's memory and takes over its faults; nothing is armed yet. */
  constructor(parts: TrackerParts) {
    this.#parts = parts;
    const { guest, runner } = parts;
    this.#uffd = guest.main.userfaultfdSync(O_CLOEXEC | O_NONBLOCK);
    this.#uffd.apiSync({
      features:
        UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_WP_UNPOPULATED | UFFD_FEATURE_THREAD_ID,
    });
    for (const { start, pages } of guest.layout.ranges) {
      this.#uffd.registerSync({ start, len: pages * PAGE_BYTES, mode: UFFDIO_REGISTER_MODE_WP });
    }
    this.#uffd.on('pagefault', (msg) => this.#onFault(msg));
    runner.handler = this;
  }

  /** How many pages are dirty now. */
  get dirtyPages(): number {
    return this.#dirty.size;
  }

  /** Write-protects pages, given by number in ascending order, one call for each run of them. */
  arm(pages: Iterable<number>): void {
    for (const { start, pages: count } of runsOf(pages, this.#parts.guest)) {
      const len = count * PAGE_BYTES;
      this.#uffd.writeprotectSync({ start, len, mode: UFFDIO_WRITEPROTECT_MODE_WP });
    }
  }

  /** Gives the pages that became dirty since the last call, ascending, and forgets them. */
  takeDirty(): number[] {
    const pages = [...this.#dirty].sort((a, b) => a - b);
    this.#dirty = new Set();
    return pages;
  }

  /** Takes note of the faults since the last call, at the guest's time. */
  settle(): number {
    const { guest, runner, model, log } = this.#parts;
    for (const { page, ptid } of this.#resolved) {
      const vcpu = guest.vcpuName(ptid);
      const stallNs = model.wpFaultNs;
      log.add({ kind: 'wp', atNs: runner.nowNs, page, isWrite: true, vcpu, stallNs });
    }
    const stalledNs = this.#resolved.length * model.wpFaultNs;
    this.#resolved = [];
    return stalledNs;
  }

  /** A thread was about to write: its page is dirty from now on, and the thread may go on. */
  #onFault(msg: PageFault): void {
    const { guest } = this.#parts;
    const page = guest.layout.indexOf(msg.page);
    if (page === undefined || !msg.wp) throw new Error(`unexpected fault at ${msg.page}`);
    this.#dirty.add(page);
    this.#resolved.push({ page, ptid: msg.ptid });
    msg.unprotectSync();
    guest.isInterrupted = true; // the clock has to move
  }

  /** Gives the guest back: no page stays protected, no fault is reported any more. */
  stop(): void {
    const { guest, runner } = this.#parts;
    for (const { start, pages } of guest.layout.ranges) {
      this.#uffd.unregisterSync({ start, len: pages * PAGE_BYTES });
    }
    this.#uffd.close();
    runner.handler = undefined;
  }
}

/** Joins neighbouring pages of one mapping into runs. */
function* runsOf(
  pages: Iterable<number>,
  guest: Guest,
): Generator<{ start: number; pages: number }> {
  let run: { start: number; pages: number } | undefined;
  for (const page of pages) {
    const start = guest.layout.addressOf(page);
    if (run && start === run.start + run.pages * PAGE_BYTES) {
      run.pages++;
    } else {
      if (run) yield run;
      run = { start, pages: 1 };
    }
  }
  if (run) yield run;
}
