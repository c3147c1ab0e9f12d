/**
 * Numbers of the kinds of entries that name no swap slot: five bits, taken from the top down.
 * A kernel without device memory, as distributions build it.
 * Answers to: SWP_MIGRATION_READ and its neighbours.
 */

import type { Capability } from './matrix.js';

/** Type field of each kind of entry. */
export interface EntryTypes {
  readonly hwpoison: number;
  readonly migrationRead: number;
  readonly migrationReadExclusive: number;
  readonly migrationWrite: number;
  readonly marker: number;
  readonly swapinError: number;
}

const TYPES = 32;

/** The numbers of a kernel that has what `has` says. */
export function entryTypes(has: (capability: Capability) => boolean): EntryTypes {
  // Markers came with exclusive migration entries; the entry of swap errors was above both.
  const marker = TYPES - (has('swapinErrorEntry') ? 2 : 1);
  const markers = has('wpNonAnon');
  const migrationWrite = markers ? marker - 1 : TYPES - 1;
  const migrationReadExclusive = markers ? migrationWrite - 1 : migrationWrite;
  const migrationRead = (markers ? migrationReadExclusive : migrationWrite) - 1;
  return {
    hwpoison: migrationRead - 1,
    migrationRead,
    migrationReadExclusive: markers ? migrationReadExclusive : migrationRead,
    migrationWrite,
    marker,
    swapinError: TYPES - 1,
  };
}
