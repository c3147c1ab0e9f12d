/**
 * Locked pages: frames whose page is being moved, and who sleeps until that is over.
 * Never says what a sleeper finds afterwards: it starts again at translation.
 * Answers to: folio_lock(), migration_entry_wait_on_locked().
 */

import { assert } from '../base/assert.js';
import type { Pfn } from '../base/brand.js';
import { type Op, Wait, WaitQueue } from '../base/op.js';

/** The locked frames of a machine. */
export class PageLocks {
  private readonly sleepers = new Map<Pfn, WaitQueue>();

  /** Whether anything is locked at all. */
  get any(): boolean {
    return this.sleepers.size > 0;
  }

  isLocked(pfn: Pfn): boolean {
    return this.any && this.sleepers.has(pfn);
  }

  lock(pfn: Pfn): void {
    assert(!this.sleepers.has(pfn), `frame ${pfn} is locked twice`);
    this.sleepers.set(pfn, new WaitQueue());
  }

  /** Unlocks and wakes, first sleeper first. */
  unlock(pfn: Pfn): void {
    const queue = this.sleepers.get(pfn);
    this.sleepers.delete(pfn);
    queue?.wakeInOrder();
  }

  /** Sleeps until a frame is not locked; not at all when it is not. */
  *unlocked(pfn: Pfn): Op<void> {
    const queue = this.sleepers.get(pfn);
    if (queue === undefined) return;
    const describe = () => `the page of frame ${pfn} is being moved; its end would wake the thread`;
    const wait = new Wait({ kind: 'page', describe });
    queue.add(wait);
    try {
      while (this.sleepers.get(pfn) === queue) yield wait;
    } finally {
      queue.remove(wait);
    }
  }

  /** Frames that are locked: for the invariant checker. */
  locked(): IterableIterator<Pfn> {
    return this.sleepers.keys();
  }
}
