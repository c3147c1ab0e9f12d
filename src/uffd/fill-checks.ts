/**
 * The two questions that decide most fills: are the mode bits known, is the slot free.
 * Answers to the EEXIST column of ioctl_userfaultfd(2).
 */

import { type Failure, fail } from '../base/errno.js';
import type { Place } from '../mm/install.js';
import { MARKER_GUARD, markerHas, PTE_NONE, pteIsMarker, pteMarkerBits } from '../pgtable/pte.js';

/** Refuses mode bits that the ioctl does not have. */
export function checkMode(mode: number, known: number): Failure | undefined {
  if (mode < 2 ** 31 && (mode & ~known) === 0) return undefined;
  return fail('EINVAL', 'mode has unknown bits');
}

/** What counts as occupied: pages alone, or markers too. */
export type Strictness = 'pages' | 'markers-too';

/** EEXIST unless a page may be put into the slot. */
export function occupied(place: Place, strictness: Strictness = 'pages'): Failure | undefined {
  const { profile } = place.mm.memory;
  const pte = place.mm.load(place.slot);
  if (pte === PTE_NONE) return undefined;
  if (!pteIsMarker(pte)) return fail('EEXIST', 'a page is there already');
  if (strictness === 'markers-too') return fail('EEXIST', 'a marker is there');
  const guarded = markerHas(pteMarkerBits(pte), MARKER_GUARD);
  const replaces = profile.has(guarded ? 'fillOverGuard' : 'fillOverMarkers');
  return replaces ? undefined : fail('EEXIST', 'a marker is there that this kernel keeps');
}
