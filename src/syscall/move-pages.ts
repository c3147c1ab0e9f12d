/**
 * move_pages(2): tells on which memory node pages are, and moves them to others.
 * Each page is moved in one step, so no access ever meets it half way.
 * Answers to: do_pages_move(), add_folio_for_migration(), do_pages_stat().
 */

import { type ErrnoName, errnoOf, type Failure, fail, type Result } from '../base/errno.js';
import { NotModelledError } from '../base/not-modelled.js';
import type { Caller } from '../mm/caller.js';
import { movePage } from '../mm/migration.js';
import type { Mm } from '../mm/mm.js';
import type { Vma } from '../mm/vma.js';
import {
  PTE_NONE,
  type Pte,
  pteIsPresent,
  pteIsProtNone,
  pteIsSpecial,
  ptePfn,
} from '../pgtable/pte.js';
import { MPOL_MF_MOVE, MPOL_MF_MOVE_ALL } from '../uapi/mempolicy.js';

/** Arguments of move_pages(2). */
export interface MovePagesArgs {
  /** Addresses; each stands for its page. */
  readonly pages: readonly number[];
  /** Node for each page; `undefined` only asks where the pages are. */
  readonly nodes: readonly number[] | undefined;
  /** MPOL_MF_* bits. */
  readonly flags: number;
}

/** What move_pages(2) answers. */
export interface MovePagesResult {
  /** For each page its node, or a negated errno; `undefined` from the first that would not move. */
  readonly status: readonly (number | undefined)[];
  /** Pages that did not move although they could have been: somebody uses them, or no memory. */
  readonly notMoved: number;
}

/** Refuses flags, as the call does before it looks for the process. */
export function checkFlags(caller: Caller, flags: number): Failure | undefined {
  if ((flags & ~(MPOL_MF_MOVE | MPOL_MF_MOVE_ALL)) !== 0) return fail('EINVAL', 'unknown flags');
  if ((flags & MPOL_MF_MOVE_ALL) === 0 || caller.capable('CAP_SYS_NICE')) return undefined;
  return fail('EPERM', 'MPOL_MF_MOVE_ALL needs CAP_SYS_NICE');
}

/** move_pages(2), behind the checks of flags and process. */
export function movePages(mm: Mm, { pages, nodes, flags }: MovePagesArgs): Result<MovePagesResult> {
  const status: (number | undefined)[] = [];
  for (const [i, addr] of pages.entries()) {
    const node = nodes?.[i];
    if (node !== undefined && (node < 0 || node >= mm.memory.nodes)) {
      return fail('ENODEV', `there is no memory node ${node}`);
    }
    const moved = node === undefined ? nodeOf(mm, addr) : moveTo(mm, addr, node, flags);
    if (moved === undefined) return { status: padded(status, pages), notMoved: pages.length - i };
    status.push(moved);
  }
  return { status, notMoved: 0 };
}

const padded = (status: readonly (number | undefined)[], pages: readonly number[]) =>
  pages.map((_, i) => status[i]);

const negated = (code: ErrnoName): number => -errnoOf(code);

/** Node of the page at an address, or why it has none. */
function nodeOf(mm: Mm, addr: number): number {
  if (mm.vmas.find(addr) === undefined) return negated('EFAULT');
  const pte = mm.pte(addr);
  if (!pteIsPresent(pte)) return negated('ENOENT');
  return pteIsSpecial(pte) ? negated('EFAULT') : mm.memory.frames.node(ptePfn(pte));
}

/** Moves one page; `undefined` when it would have to but cannot. */
function moveTo(mm: Mm, addr: number, node: number, flags: number): number | undefined {
  const vma = mm.vmas.find(addr);
  if (vma === undefined) return negated('EFAULT');
  if (vma.isHugetlb) throw new NotModelledError('migration of hugetlb pages');
  const pte = mm.pte(addr);
  if (!isSeen(mm, pte)) return negated(unseen(mm, vma, pte));
  if (pteIsSpecial(pte)) return negated('EFAULT');
  const { frames } = mm.memory;
  const pfn = ptePfn(pte);
  if (frames.node(pfn) === node) return node;
  if (frames.maps(pfn) > 1 && (flags & MPOL_MF_MOVE_ALL) === 0) return negated('EACCES');
  return movePage(mm.memory, pfn, node) === 'moved' ? node : undefined;
}

/** Whether the look-up finds a page: before 6.12 it went by access rights. */
const isSeen = ({ memory: { profile } }: Mm, pte: Pte): boolean =>
  pteIsPresent(pte) && (profile.has('lookupIgnoresRights') || !pteIsProtNone(pte));

/** Errno of a page that is not found: the older look-up called empty anonymous memory a fault. */
function unseen({ memory: { profile } }: Mm, vma: Vma, pte: Pte): ErrnoName {
  const older = !profile.has('lookupIgnoresRights');
  return older && pte === PTE_NONE && vma.isAnonymous ? 'EFAULT' : 'ENOENT';
}
