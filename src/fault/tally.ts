/**
 * Counts one access's faults: each once, when it is complete, as minor or as major.
 * A fault that had to begin again under the lock of the whole address space is major whatever it
 * waited for; the first time costs nothing where faults run under the lock of their area alone.
 * Answers to: mm_account_fault(), FAULT_FLAG_TRIED.
 */

import type { FaultCounts } from '../mm/fault-counts.js';
import type { FaultOutcome } from './outcome.js';

/** Which lock a fault begins under. */
export type FaultLock = 'area' | 'address space';

/** The faults of one access to one page. */
export class FaultTally {
  private isOpen = false;
  private isLoaded = false;
  private wasTried = false;

  constructor(
    private readonly counts: FaultCounts,
    private readonly lock: FaultLock,
  ) {}

  /** Takes note of an attempt that did not fail. */
  note(outcome: FaultOutcome): void {
    // A store to a page that came back protected goes on as the same fault.
    const goesOn = this.isLoaded && outcome === 'wp';
    if (this.isLoaded && !goesOn) this.complete('major');
    this.isLoaded = outcome === 'loaded';
    if (outcome === 'mapped') this.complete('minor');
    else if (outcome !== 'loaded' && outcome !== 'retry') {
      this.begunAgain(outcome === 'read' || goesOn);
    }
  }

  /** The page is there: a fault that was begun is over. */
  settled(): void {
    if (this.isLoaded) this.complete('major');
    else if (this.isOpen) this.complete('minor');
  }

  /** The attempt waited or read, and is made again. */
  private begunAgain(wasRead: boolean): void {
    this.wasTried ||= this.isOpen || wasRead || this.lock === 'address space';
    this.isOpen = true;
  }

  private complete(kind: 'minor' | 'major'): void {
    if (kind === 'major' || this.wasTried) this.counts.major++;
    else this.counts.minor++;
    this.isOpen = false;
    this.isLoaded = false;
    this.wasTried = false;
  }
}
