/**
 * Faults that huge pages answer: the first touch of 2 MiB without a page table, and a write to a
 * huge entry without write permission. What a huge page cannot answer goes on page by page.
 * Answers to: do_huge_pmd_anonymous_page(), do_huge_pmd_wp_page().
 */

import type { Pfn } from '../base/brand.js';
import { allowsHuge, changeHuge, hasRoomForHuge } from '../mm/huge.js';
import { installHuge, installHugeZero } from '../mm/huge-install.js';
import type { Mm } from '../mm/mm.js';
import { prepareAnonVma } from '../mm/rmap.js';
import { written } from '../mm/soft-dirty.js';
import type { Vma } from '../mm/vma.js';
import { VM_UFFD_WP } from '../mm/vma-flags.js';
import {
  type Pte,
  pteIsSpecial,
  pteIsUffdWp,
  pteIsWritable,
  pteMakeWritable,
  ptePfn,
} from '../pgtable/pte.js';
import { FRAME_EXCLUSIVE, HUGE_FRAMES, headOf, NO_FRAME } from '../phys/frames.js';
import type { FaultOutcome } from './outcome.js';

/** Answers the first touch of anonymous memory with a huge page; `small` where none may be. */
export function hugeMissing(
  mm: Mm,
  vma: Vma,
  page: number,
  write: boolean,
): FaultOutcome | 'small' {
  if (!allowsHuge(mm, vma) || !hasRoomForHuge(vma, page) || mm.hasTable(page)) return 'small';
  prepareAnonVma(mm, vma);
  if (vma.catchesMissing) return 'missing'; // no page table is made for a thread that sleeps
  const shared = !write && mm.memory.profile.config.zeroPage;
  if (shared) return installHugeZero(mm, vma, page) ? 'mapped' : 'oom';
  return mapNewHuge(mm, vma, page) ? 'mapped' : 'small';
}

/** Maps a new huge page in place of zeros or of nothing; false without memory for one. */
function mapNewHuge(mm: Mm, vma: Vma, page: number): boolean {
  const { frames } = mm.memory;
  const head = frames.allocHuge();
  if (head === NO_FRAME) return false;
  mm.freeLeafTable(page);
  const mapped = installHuge(mm, vma, page, head);
  for (let i = 0; i < HUGE_FRAMES; i++) frames.put((head + i) as Pfn);
  return mapped;
}

/** Answers a write to a huge entry as a whole; `split` where the page must be taken alone. */
export function hugeWriteFault(mm: Mm, vma: Vma, page: number): FaultOutcome | 'split' {
  const pte = mm.pte(page);
  if (pteIsWritable(pte)) return 'mapped';
  if (pteIsUffdWp(pte) && vma.has(VM_UFFD_WP)) return vma.uffd?.wpAsync === true ? 'split' : 'wp';
  if (pteIsSpecial(pte)) {
    const allocates = mm.memory.profile.has('hugeZeroWriteAllocates');
    return allocates && mapNewHuge(mm, vma, page) ? 'mapped' : 'split';
  }
  if (!reuseHuge(mm, page)) return 'split';
  changeHuge(mm, page, (entry) => written(mm, pteMakeWritable(entry)));
  return 'mapped';
}

/** Makes a huge page exclusive if the huge entry is the only way to it. */
export function reuseHuge(mm: Mm, page: number): boolean {
  const { frames } = mm.memory;
  const pte: Pte = mm.pte(page);
  if (pteIsSpecial(pte)) return false;
  const head = headOf(ptePfn(pte));
  if (frames.has(head, FRAME_EXCLUSIVE)) return true;
  for (let i = 0; i < HUGE_FRAMES; i++) if (frames.refs((head + i) as Pfn) > 1) return false;
  for (let i = 0; i < HUGE_FRAMES; i++) frames.setFlag((head + i) as Pfn, FRAME_EXCLUSIVE);
  return true;
}
