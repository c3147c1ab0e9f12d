/**
 * What is at one page of a process, by name: for oracles and for messages. Read only.
 * Answers with names; the bits of an entry stay below.
 */

import { pageDown } from '../base/page.js';
import type { Process } from '../machine/process.js';
import type { Mm } from '../mm/mm.js';
import type { Vma } from '../mm/vma.js';
import * as flags from '../mm/vma-flags.js';
import { pagemapWord } from '../observe/pagemap.js';
import {
  MARKER_GUARD,
  MARKER_POISONED,
  markerHas,
  type Pte,
  pteIsDirty,
  pteIsPresent,
  pteIsSpecial,
  pteIsSwap,
  pteIsSwapinError,
  pteIsWpInAnyForm,
  pteIsWritable,
  pteMarkerBits,
} from '../pgtable/pte.js';
import { UffdContext } from '../uffd/context.js';
import { hex } from './page-range.js';

/** What is at a page: `zero` is the shared page of zeros, `missing` may be write-protected. */
export type PageState =
  | 'unmapped'
  | 'missing'
  | 'present'
  | 'zero'
  | 'swapped'
  | 'poisoned'
  | 'guard';

/** State of the page at an address. */
export function pageStateOf({ state: { mm } }: Process, addr: number): PageState {
  return mm.vmas.find(addr) === undefined ? 'unmapped' : stateOf(mm.pte(pageDown(addr)));
}

function stateOf(pte: Pte): PageState {
  if (pteIsPresent(pte)) return pteIsSpecial(pte) ? 'zero' : 'present';
  if (pteIsSwap(pte)) return 'swapped';
  const bits = pteMarkerBits(pte);
  if (pteIsSwapinError(pte) || markerHas(bits, MARKER_POISONED)) return 'poisoned';
  return markerHas(bits, MARKER_GUARD) ? 'guard' : 'missing';
}

/** Whether a userfaultfd write-protects the page, in whatever form. */
export function isWriteProtected({ state: { mm } }: Process, addr: number): boolean {
  const armed = mm.vmas.find(addr)?.has(flags.VM_UFFD_WP) === true;
  return armed && pteIsWpInAnyForm(mm.pte(pageDown(addr)));
}

const MODES = [
  [flags.VM_UFFD_MISSING, 'MISSING'],
  [flags.VM_UFFD_WP, 'WP'],
  [flags.VM_UFFD_MINOR, 'MINOR'],
  [flags.VM_UFFD_RWP, 'RWP'],
] as const;

/** One line about a page: its entry, its word of pagemap, its area and who registered it. */
export function describePage(process: Process, addr: number): string {
  const { mm } = process.state;
  const page = pageDown(addr);
  const vma = mm.vmas.find(page);
  if (vma === undefined) return `${hex(page)} of ${process.name}: nothing is mapped`;
  const words = [pageStateOf(process, page), ...traits(mm, page)];
  const word = `pagemap ${hexWord(pagemapWord(mm, page))}`;
  return `${hex(page)} of ${process.name}: ${words.join(', ')}; ${word}; ${areaOf(vma)}`;
}

function traits(mm: Mm, page: number): string[] {
  const pte = mm.pte(page);
  const found = [
    pteIsWpInAnyForm(pte) && 'write-protected',
    pteIsPresent(pte) && pteIsWritable(pte) && 'writable',
    pteIsPresent(pte) && pteIsDirty(pte) && 'dirty',
  ];
  return found.filter((trait) => trait !== false);
}

const hexWord = (word: bigint): string => `0x${word.toString(16).padStart(16, '0')}`;

function areaOf(vma: Vma): string {
  const kind = `${vma.isShared ? 'shared' : 'private'} ${vma.file?.link ?? 'anonymous memory'}`;
  const { uffd } = vma;
  if (uffd === undefined) return `${kind}, not registered`;
  const modes = MODES.filter(([flag]) => vma.has(flag)).map(([, name]) => name);
  const name = uffd instanceof UffdContext ? uffd.name : 'a userfaultfd';
  return `${kind}, registered by ${name} (${modes.join(', ')})`;
}
