/**
 * Storing markers: the one place that puts a set of marker bits into a slot.
 * Clearing single bits is `pteClearMarker`, which gives none with the last one.
 * Answers to: make_pte_marker(), set_pte_at().
 */

import type { Slot } from '../pgtable/arena.js';
import { type MarkerBits, pteMakeMarker } from '../pgtable/pte.js';
import type { Mm } from './mm.js';

/** Stores a marker, or none when the set is empty: the one place that stores them. */
export function installMarker(mm: Mm, slot: Slot, addr: number, bits: MarkerBits): void {
  mm.store(slot, addr, pteMakeMarker(bits));
}
