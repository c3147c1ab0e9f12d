/**
 * UFFDIO_MOVE of huge pages: as a whole where both ends are aligned and nothing is in the way.
 * Answers to: move_pages_huge_pmd().
 */

import { fail, type Result } from '../base/errno.js';
import { PAGE_SIZE, PMD_PAGES, pmdDown } from '../base/page.js';
import { isPinnedAnywhere } from '../mm/folio.js';
import { coversHuge, isHuge, splitHuge } from '../mm/huge.js';
import type { Mm } from '../mm/mm.js';
import type { Vma } from '../mm/vma.js';
import { NO_SLOT } from '../pgtable/arena.js';
import { pteIsSpecial, ptePfn } from '../pgtable/pte.js';
import { FRAME_EXCLUSIVE } from '../phys/frames.js';
import { type MoveArgs, moveFrame, moveZero } from './move-steps.js';

/**
 * Moves a whole huge page, if the range has one whole at both ends; splits it otherwise, and what
 * follows is page by page.
 */
export function moveHuge(
  mm: Mm,
  to: Vma,
  args: MoveArgs,
  offset: number,
): Result<'moved' | 'small'> {
  const src = args.src + offset;
  const dst = args.dst + offset;
  if (isHuge(mm, dst)) return fail('EEXIST', 'the destination is occupied');
  if (!isHuge(mm, src)) return 'small';
  const pte = mm.pte(src);
  const zero = pteIsSpecial(pte);
  if (!zero && !mm.memory.frames.has(ptePfn(pte), FRAME_EXCLUSIVE)) {
    return fail('EBUSY', 'the source page is shared');
  }
  const fits = coversHuge(src, args.src + args.len) && dst === pmdDown(dst);
  if (!fits || mm.hasTable(dst)) {
    splitHuge(mm, src);
    return 'small';
  }
  if (!zero && isPinnedAnywhere(mm.memory.frames, ptePfn(pte))) {
    return fail('EBUSY', 'the source page is pinned');
  }
  return moveWhole(mm, to, { src, dst });
}

interface Places {
  readonly src: number;
  readonly dst: number;
}

function moveWhole(mm: Mm, to: Vma, { src, dst }: Places): Result<'moved'> {
  splitHuge(mm, src);
  for (let i = 0; i < PMD_PAGES; i++) {
    const at = { src: src + i * PAGE_SIZE, dst: dst + i * PAGE_SIZE };
    const target = mm.slotOrCreate(at.dst);
    if (target === NO_SLOT) return fail('ENOMEM', 'no memory for a page table');
    const pte = mm.pte(at.src);
    if (pteIsSpecial(pte)) moveZero(mm, to, { ...at, target });
    else moveFrame(mm, to, { ...at, target }, ptePfn(pte));
  }
  mm.memory.tables.setHuge(mm.leaf(dst));
  mm.freeLeafTable(src);
  return 'moved';
}
