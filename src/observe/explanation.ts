/**
 * The form of an explanation: what there is at one address and what an access would do.
 * Types alone.
 */

import type { LEVELS } from '../pgtable/walk.js';
import type { AccessStep } from './access-step.js';
import type { EntryView } from './entry-view.js';
import type { MapsEntry } from './maps.js';

/** One level of the walk of the page tables. */
export interface WalkLevel {
  /** PGD, PUD, PMD or PTE; an absent table ends the walk early, a huge entry at PMD. */
  readonly level: (typeof LEVELS)[number];
  /** Number of the table. */
  readonly table: number;
  /** Which of its 512 entries leads on. */
  readonly index: number;
  /** What that entry is: another table, nothing, a huge page, or the page's own entry. */
  readonly leadsTo: 'table' | 'nothing' | 'huge page' | 'entry';
}

/** What {@link Machine.explain} answers. */
export interface Explanation {
  /** Address that was asked for, in bytes. */
  readonly addr: number;
  /** Address of its page. */
  readonly page: number;
  /** The area, as /proc/PID/maps and smaps show it; `undefined` where nothing is mapped. */
  readonly area: MapsEntry | undefined;
  /** The walk, from the root on, as far as there are tables. */
  readonly walk: readonly WalkLevel[];
  /** What the page's entry says; `none` where the walk ended early. */
  readonly entry: EntryView;
  /** What a load would do: kernel-resolved faults, then how it ends. */
  readonly read: readonly AccessStep[];
  /** What a store would do. */
  readonly write: readonly AccessStep[];
  /** All of it in lines of text. */
  readonly text: string;
}
