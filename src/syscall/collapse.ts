/**
 * MADV_COLLAPSE: puts the pages of each aligned 2 MiB into one huge page, whatever the settings.
 * Refuses where protection or a registration would be lost; the first hard reason ends it.
 * Answers to: madvise_collapse(), collapse_huge_page().
 */

import type { Pfn } from '../base/brand.js';
import { fail, type Result } from '../base/errno.js';
import { PAGE_SIZE, PMD_PAGES, PMD_SIZE, pmdDown, pmdUp } from '../base/page.js';
import { isProgress } from '../fault/outcome.js';
import { swapIn } from '../fault/swap-in.js';
import { isHuge } from '../mm/huge.js';
import { installHuge } from '../mm/huge-install.js';
import type { Mm } from '../mm/mm.js';
import type { Vma } from '../mm/vma.js';
import { VM_NOHUGEPAGE, VM_UFFD } from '../mm/vma-flags.js';
import { clearRange, ZAP_CONTENT } from '../mm/zap.js';
import {
  pteIsNone,
  pteIsPresent,
  pteIsSpecial,
  pteIsSwap,
  pteIsWpInAnyForm,
  pteIsWritable,
  ptePfn,
} from '../pgtable/pte.js';
import { NO_FRAME } from '../phys/frames.js';
import { collapseFile, whyFileUnfit } from './collapse-file.js';
import { type Refusal, refusal } from './collapse-refusal.js';

/** Collapses what `[start, end)` of an area has whole; answers the end or the last refusal. */
export function collapse(mm: Mm, vma: Vma, start: number, end: number): Result<number> {
  mm.endReading();
  const unfit = whyUnfit(vma);
  if (unfit !== undefined) return fail('EINVAL', unfit);
  let last: Refusal | undefined;
  if (pmdUp(start) > pmdDown(end)) return fail('EINVAL', 'the range holds no aligned 2 MiB');
  for (let addr = pmdUp(start); addr < pmdDown(end); addr += PMD_SIZE) {
    const refused = isHuge(mm, addr) ? undefined : collapseOne(mm, vma, addr);
    last = refused ?? last;
    if (refused?.ends === true) break;
  }
  return last === undefined ? end : fail(last.code, last.detail);
}

/** Why no part of an area can ever be a huge page. */
function whyUnfit(vma: Vma): string | undefined {
  if (vma.has(VM_NOHUGEPAGE)) return 'MADV_NOHUGEPAGE was said of the mapping';
  if (pmdUp(vma.start) + PMD_SIZE > vma.end) return 'the mapping holds no aligned 2 MiB';
  if (vma.file !== undefined) return whyFileUnfit(vma, vma.file.inode);
  return vma.anonVma === undefined ? 'the mapping never had a page' : undefined;
}

function collapseOne(mm: Mm, vma: Vma, addr: number): Refusal | undefined {
  if (vma.file !== undefined) return collapseFile(mm, vma, vma.file.inode, addr);
  if (!mm.hasTable(addr)) return refusal('EINVAL', 'nothing is there', false);
  const refused = scan(mm, vma, addr) ?? swapAllIn(mm, vma, addr);
  if (refused !== undefined) return refused;
  const head = gather(mm, addr);
  if (head === NO_FRAME) return refusal('ENOMEM', 'no memory for a huge page', true);
  clearRange(mm, vma, { start: addr, end: addr + PMD_SIZE }, ZAP_CONTENT);
  mm.freeLeafTable(addr);
  installHuge(mm, vma, addr, head);
  for (let i = 0; i < PMD_PAGES; i++) mm.memory.frames.put((head + i) as Pfn);
  return undefined;
}

/** What stands against it, in order of address. */
function scan(mm: Mm, vma: Vma, addr: number): Refusal | undefined {
  let writable = false;
  for (let i = 0; i < PMD_PAGES; i++) {
    const pte = mm.pte(addr + i * PAGE_SIZE);
    const present = pteIsPresent(pte);
    if (pteIsNone(pte) || (present && pteIsSpecial(pte))) {
      if (vma.has(VM_UFFD)) return armed(mm);
      continue;
    }
    if (pteIsWpInAnyForm(pte)) return refusal('EINVAL', 'a page is write-protected', false);
    if (present && isKept(mm, ptePfn(pte))) return refusal('EAGAIN', 'a page is in use', false);
    writable ||= present && pteIsWritable(pte);
  }
  if (writable || mm.memory.profile.has('collapseEmpty')) return undefined;
  return refusal('EINVAL', 'no page is writable', true);
}

/** A hole whose first access a userfaultfd wants to see. */
const armed = ({ memory: { profile } }: Mm): Refusal =>
  refusal(
    profile.has('collapseArmedEbusy') ? 'EBUSY' : 'EINVAL',
    'a registered mapping has holes',
    true,
  );

/** Whether somebody holds a page without mapping it. */
const isKept = ({ memory: { frames } }: Mm, pfn: Pfn): boolean => frames.pins(pfn) > 0;

/** Brings swapped pages back; markers of any other kind cannot be. */
function swapAllIn(mm: Mm, vma: Vma, start: number): Refusal | undefined {
  for (let i = 0; i < PMD_PAGES; i++) {
    const addr = start + i * PAGE_SIZE;
    const slot = mm.slot(addr);
    const pte = mm.load(slot);
    if (pteIsNone(pte) || pteIsPresent(pte)) continue;
    const back = pteIsSwap(pte) && isProgress(swapIn({ mm, vma, slot, addr }, false));
    if (!back) return refusal('EINVAL', 'an entry has no page that could be read back', true);
  }
  return undefined;
}

/** Copies 2 MiB into a new huge page. */
function gather(mm: Mm, start: number): Pfn {
  const { frames } = mm.memory;
  const head = frames.allocHuge();
  if (head === NO_FRAME) return NO_FRAME;
  for (let i = 0; i < PMD_PAGES; i++) {
    const pte = mm.pte(start + i * PAGE_SIZE);
    if (!pteIsPresent(pte) || pteIsSpecial(pte)) continue;
    frames.copy(ptePfn(pte), (head + i) as Pfn);
  }
  return head;
}
