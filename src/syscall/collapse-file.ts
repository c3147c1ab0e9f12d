/**
 * MADV_COLLAPSE of a mapping of a file: what it refuses, and what the attempt has done by then.
 * The page cache has no huge pages, so whatever would become one is not modelled.
 * Answers to: hpage_collapse_scan_file(), collapse_file().
 */

import { NotModelledError } from '../base/not-modelled.js';
import { PMD_PAGES, pmdDown, pmdUp } from '../base/page.js';
import type { Inode } from '../file/inode.js';
import type { Mm } from '../mm/mm.js';
import { VmaSite } from '../mm/rmap.js';
import type { Vma } from '../mm/vma.js';
import { VM_UFFD_MISSING } from '../mm/vma-flags.js';
import { NO_FRAME } from '../phys/frames.js';
import { type Refusal, refusal } from './collapse-refusal.js';

/** Why no part of a mapping of this file can ever be a huge page. */
export function whyFileUnfit(vma: Vma, { backing }: Inode): string | undefined {
  if (backing !== 'shmem') return 'the mapping is of a file on disk or of hugetlb pages';
  const index = vma.indexOf(pmdUp(vma.start));
  return index % PMD_PAGES === 0 ? undefined : '2 MiB of the file begin elsewhere in the mapping';
}

/** Why the 2 MiB of the file at an address do not become a huge page. */
export function collapseFile({ memory }: Mm, vma: Vma, inode: Inode, addr: number): Refusal {
  const first = vma.indexOf(pmdDown(addr));
  const indexes = Array.from({ length: PMD_PAGES }, (_, i) => first + i);
  const held = indexes.filter((index) => inode.holds(index));
  if (held.length === 0) return refusal('EINVAL', 'the file has no page there', true);
  const awaited = held.length < PMD_PAGES && isArmed(inode, first);
  // When kernels began to look for a userfaultfd here is known as far back as this.
  const isRefused = awaited && memory.profile.has('collapseArmedEbusy') && isKnown(inode, held);
  if (!isRefused)
    throw new NotModelledError('MADV_COLLAPSE of a file (huge pages in the page cache)');
  for (const index of held) unmapPage(inode, index);
  return refusal('EBUSY', 'the file has holes that a userfaultfd wants to see', true);
}

/** Whether accesses to holes are awaited; an area that begins right behind the 2 MiB counts too. */
function isArmed(inode: Inode, first: number): boolean {
  for (const site of inode.sites) {
    if (!(site instanceof VmaSite) || !site.vma.has(VM_UFFD_MISSING)) continue;
    const { vma } = site;
    if (vma.pgoff <= first + PMD_PAGES && vma.indexOf(vma.end) > first) return true;
  }
  return false;
}

/** Whether the pages are in memory and nobody keeps them: no other reason comes first. */
const isKnown = (inode: Inode, held: readonly number[]): boolean =>
  held.every((index) => {
    const pfn = inode.lookup(index);
    return pfn !== NO_FRAME && inode.frames.pins(pfn) === 0;
  });

/** The attempt took the page away from everybody who mapped it; protections stay as markers. */
function unmapPage(inode: Inode, index: number): void {
  for (const site of inode.sites) site.unmap(index, index + 1, 'not-cows');
}
