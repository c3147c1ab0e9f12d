/**
 * The second look at an entry, after the message is queued and before the thread sleeps:
 * whether somebody resolved the fault in between.
 * Answers to: userfaultfd_must_wait().
 */

import type { Mm } from '../mm/mm.js';
import type { UffdReason } from '../mm/uffd-port.js';
import {
  MARKER_GUARD,
  MARKER_UFFD_WP,
  markerHas,
  pteIsNone,
  pteIsPresent,
  pteIsProtNone,
  pteIsSwap,
  pteIsUffdWp,
  pteIsWritable,
  pteMarkerBits,
} from '../pgtable/pte.js';

/** Whether a thread that sleeps on the page would sleep for a reason. */
export function stillFaulting(mm: Mm, addr: number, reason: UffdReason): boolean {
  const pte = mm.pte(addr);
  if (pteIsNone(pte)) return true;
  if (pteIsPresent(pte)) {
    const hidden = pteIsProtNone(pte) && pteIsUffdWp(pte);
    return reason === 'rwp' ? hidden : reason === 'wp' && !pteIsWritable(pte);
  }
  if (pteIsSwap(pte)) return false;
  const bits = pteMarkerBits(pte);
  return markerHas(bits, MARKER_UFFD_WP) && !markerHas(bits, MARKER_GUARD);
}
