/**
 * Taking a huge page back from the children: when the pool is empty, the address space that was
 * promised its pages goes first, and the others get SIGBUS from then on.
 * Answers to: unmap_ref_private().
 */

import type { Pfn } from '../base/brand.js';
import { pteIsPresent, ptePfn } from '../pgtable/pte.js';
import { hugeSize, hugetlbInode } from './hugetlb-area.js';
import { zapHugetlb } from './hugetlb-zap.js';
import { VmaSite } from './rmap.js';
import type { Vma } from './vma.js';

/** Unmaps a page from every area that was promised none; true when only `owner` has it then. */
export function takeBack(owner: Vma, addr: number, pfn: Pfn): boolean {
  const inode = hugetlbInode(owner);
  const index = owner.indexOf(addr);
  for (const site of inode.sites) {
    if (site instanceof VmaSite && site.vma !== owner && isGuest(site.vma))
      loosen(site, index, pfn);
  }
  return inode.frames.maps(pfn) === 1;
}

const isGuest = (vma: Vma): boolean => !vma.isShared && vma.promise === undefined;

function loosen({ mm, vma }: VmaSite, index: number, pfn: Pfn): void {
  const at = vma.addressOf(index);
  if (at < vma.start || at >= vma.end) return;
  const pte = mm.pte(at);
  if (!pteIsPresent(pte) || ptePfn(pte) !== pfn) return;
  zapHugetlb(mm, vma, { start: at, end: at + hugeSize(vma) }, 'keep');
  vma.lostPages = true;
}
