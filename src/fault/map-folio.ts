/**
 * Pages that the page cache holds as one are mapped as one: a fault on any of them brings all, if
 * the area and the page table have room and nobody is to be asked for the others.
 * Answers to: finish_fault().
 */

import { pmdDown } from '../base/page.js';
import { installCached, type Place } from '../mm/install.js';
import { PTE_NONE } from '../pgtable/pte.js';
import { NO_FRAME } from '../phys/frames.js';

/** Maps the other pages of what was just mapped, as that one was: for a write all are dirty. */
export function mapRestOfFolio(
  { mm, vma, addr }: Place,
  { writable, dirty }: { readonly writable: boolean; readonly dirty: boolean },
): void {
  const inode = vma.file?.inode;
  const folio = inode?.folios.get(vma.indexOf(addr));
  if (inode === undefined || folio === undefined || vma.uffd !== undefined) return;
  const others = folio.map((index) => vma.addressOf(index)).filter((other) => other !== addr);
  const fits = others.every(
    (other) => other >= vma.start && other < vma.end && pmdDown(other) === pmdDown(addr),
  );
  if (!fits || others.some((other) => mm.pte(other) !== PTE_NONE)) return;
  for (const other of others) {
    const pfn = inode.lookup(vma.indexOf(other));
    if (pfn === NO_FRAME) continue;
    if (dirty && vma.tracksDirty) mm.memory.frames.markDirty(pfn);
    const how = { writable, dirty, protection: 'plain' } as const;
    installCached({ mm, vma, slot: mm.slot(other), addr: other }, pfn, how);
    mm.memory.onPage?.({ kind: 'around', mm, addr: other });
  }
}
