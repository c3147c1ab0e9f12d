/**
 * The one interface of the three ways to migrate. A strategy moves pages and ends with the guest
 * handed over; what it left behind is served page by page (serve.ts). What comes before (warm-up)
 * and after (verification) is not its business.
 */
import type { SourceSession } from './session.js';

/** A way to migrate. */
export interface Strategy {
  /** Runs until the guest is handed over; returns the pages that the destination still lacks. */
  handOver(session: SourceSession): Promise<readonly number[]>;
}
