/**
 * /proc/PID/pagemap: one 64-bit word for each page, bit by bit as the kernel builds it. Read only.
 * Answers to: pagemap_read(), pte_to_pagemap_entry().
 */

import { PAGE_SIZE } from '../base/page.js';
import { isHuge } from '../mm/huge.js';
import type { Mm } from '../mm/mm.js';
import type { Vma } from '../mm/vma.js';
import { VM_SOFTDIRTY } from '../mm/vma-flags.js';
import {
  MARKER_GUARD,
  markerHas,
  type Pte,
  pteIsHwpoison,
  pteIsMigrationExclusive,
  pteIsMigrationWrite,
  pteIsNone,
  pteIsPresent,
  pteIsSoftDirty,
  pteIsSpecial,
  pteIsSwap,
  pteIsSwapinError,
  pteIsWpInAnyForm,
  pteMarkerBits,
  pteNamesFrame,
  ptePfn,
  ptePfnAt,
  pteSwapSlot,
} from '../pgtable/pte.js';
import { FRAME_ANON, headOf } from '../phys/frames.js';
import type { EntryTypes } from '../profile/entry-types.js';

const bit = (number: number): bigint => 1n << BigInt(number);

const SOFT_DIRTY = bit(55);
const EXCLUSIVE = bit(56);
const UFFD_WP = bit(57);
const GUARD = bit(58);
const FILE = bit(61);
const SWAP = bit(62);
const PRESENT = bit(63);

/** Words of the pages of `[addr, addr + lenBytes)`. */
export function pagemap(mm: Mm, addr: number, lenBytes: number): BigUint64Array {
  const words = new BigUint64Array(lenBytes / PAGE_SIZE);
  for (let i = 0; i < words.length; i++) words[i] = pagemapWord(mm, addr + i * PAGE_SIZE);
  return words;
}

/** Word of the page at `addr`; 0 where nothing is mapped. */
export function pagemapWord(mm: Mm, addr: number): bigint {
  const vma = mm.vmas.find(addr);
  if (vma === undefined) return 0n;
  const pte = mm.pte(addr);
  let word = softDirty(mm, vma, pte);
  if (pteIsNone(pte)) return word;
  if (vma.isHugetlb) return word | hugetlbBits(mm, pte, addr);
  if (pteIsWpInAnyForm(pte) && mm.memory.profile.has('pagemapWp')) word |= UFFD_WP;
  if (pteIsSwap(pte)) return word | swapBits(mm, pte);
  if (pteNamesFrame(pte)) return word | frameBits(mm, pte);
  return word | (pteIsPresent(pte) ? presentBits(mm, addr, pte) : errorBits(mm, pte));
}

function softDirty(mm: Mm, vma: Vma, pte: Pte): bigint {
  if (!mm.memory.profile.config.softDirty) return 0n;
  return vma.has(VM_SOFTDIRTY) || pteIsSoftDirty(pte) ? SOFT_DIRTY : 0n;
}

/** Of a hugetlb page each base page has its own frame; markers show nothing but protection. */
function hugetlbBits(mm: Mm, pte: Pte, addr: number): bigint {
  const { frames, profile } = mm.memory;
  const protection = pteIsWpInAnyForm(pte) && profile.has('pagemapWp') ? UFFD_WP : 0n;
  if (!pteIsPresent(pte)) return protection;
  const head = ptePfn(pte);
  const file = frames.has(head, FRAME_ANON) ? 0n : FILE;
  const exclusive = frames.maps(head) === 1 ? EXCLUSIVE : 0n;
  return PRESENT | protection | file | exclusive | BigInt(ptePfnAt(pte, addr));
}

function presentBits(mm: Mm, addr: number, pte: Pte): bigint {
  const { frames, profile } = mm.memory;
  const pfn = ptePfn(pte);
  const word = PRESENT | BigInt(pfn);
  const huge = isHuge(mm, addr);
  if (pteIsSpecial(pte)) return huge && profile.has('hugeZeroIsFile') ? word | FILE : word;
  const file = frames.has(pfn, FRAME_ANON) ? 0n : FILE;
  // Of a huge entry, the first page speaks for all of them.
  const counted = huge && !profile.has('thpExclusivePerPage') ? headOf(pfn) : pfn;
  return word | file | (frames.maps(counted) === 1 ? EXCLUSIVE : 0n);
}

function swapBits({ memory }: Mm, pte: Pte): bigint {
  const slot = pteSwapSlot(pte);
  return SWAP | BigInt(memory.swap.areaOf(slot).index) | (BigInt(slot) << 5n);
}

/** A marker or a swap error: the type, and a marker's bits as the offset. */
function errorBits({ memory: { profile } }: Mm, pte: Pte): bigint {
  if (pteIsSwapinError(pte)) return SWAP | BigInt(profile.entryTypes.swapinError);
  const bits = pteMarkerBits(pte);
  const guard = markerHas(bits, MARKER_GUARD) ? GUARD : 0n;
  return SWAP | guard | BigInt(profile.entryTypes.marker) | (BigInt(bits) << 5n);
}

/** A page that is being moved, or that is lost: its frame, and whose it was. */
function frameBits({ memory: { frames, profile } }: Mm, pte: Pte): bigint {
  const pfn = ptePfn(pte);
  const file = frames.has(pfn, FRAME_ANON) ? 0n : FILE;
  return SWAP | file | BigInt(typeOf(profile.entryTypes, pte)) | (BigInt(pfn) << 5n);
}

function typeOf(types: EntryTypes, pte: Pte): number {
  if (pteIsHwpoison(pte)) return types.hwpoison;
  if (pteIsMigrationWrite(pte)) return types.migrationWrite;
  return pteIsMigrationExclusive(pte) ? types.migrationReadExclusive : types.migrationRead;
}
