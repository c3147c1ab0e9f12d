/**
 * Registrations as attributes of areas: what (un)registering does to one area and its neighbours.
 * Clears write protection where the kernel version does; poison and guards stay.
 */

import type { Mm } from '../mm/mm.js';
import { type MergeSides, modifyVma, type VmaChange } from '../mm/modify.js';
import { clearUffdRwp, clearUffdWp } from '../mm/protect.js';
import type { UffdPort } from '../mm/uffd-port.js';
import type { Vma } from '../mm/vma.js';
import { VM_UFFD, VM_UFFD_RWP, VM_UFFD_WP } from '../mm/vma-flags.js';

/** Which neighbours an area may join when the part from `start` on changes, on this kernel. */
export const mergeSides = (mm: Mm, vma: Vma, start: number): MergeSides =>
  start > vma.start && !mm.memory.profile.has('mergeFollowing') ? 'previous' : 'both';

/** The attributes of an area without its registration. */
export const withoutUffd = (vma: Vma): VmaChange => ({
  flags: vma.flags & ~VM_UFFD,
  uffd: undefined,
});

/** Clears write protection in a part of an area that is registered for it. */
export function clearProtection(mm: Mm, vma: Vma, start: number, end: number): void {
  if (vma.has(VM_UFFD_WP)) clearUffdWp(mm, vma, start, end);
  if (vma.has(VM_UFFD_RWP)) clearUffdRwp(mm, vma, start, end);
}

/** Takes the registrations of a context away and leaves everything else as it is. */
export function forgetRegistrations(mm: Mm, uffd: UffdPort): void {
  for (const vma of mm.vmas) if (vma.uffd === uffd) Object.assign(vma, withoutUffd(vma));
}

/** Unregisters every area of a context: its file is closed. */
export function unregisterAreas(mm: Mm, uffd: UffdPort): void {
  for (const vma of [...mm.vmas].filter((area) => area.uffd === uffd)) {
    if (mm.memory.profile.has('closeClearsWp')) clearProtection(mm, vma, vma.start, vma.end);
    modifyVma(mm, vma, vma, withoutUffd(vma));
  }
}
