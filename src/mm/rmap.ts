/**
 * Reverse mapping: from an owner of pages to the entries that map them.
 * An area is entered under the file that it maps and under each owner of its anonymous pages.
 * Answers to: struct anon_vma, i_mmap.
 */

import { assert } from '../base/assert.js';
import type { Pfn } from '../base/brand.js';
import { PAGE_SIZE } from '../base/page.js';
import { NO_SLOT, type Slot, slotAfter } from '../pgtable/arena.js';
import { type Pte, ptePfn } from '../pgtable/pte.js';
import type { FrameOwner, Frames, MappingSite, UnmapScope } from '../phys/frames.js';
import { AnonVma } from './anon-vma.js';
import { cleanRange } from './clean.js';
import { KsmPage } from './ksm-page.js';
import { Mm } from './mm.js';
import type { Vma } from './vma.js';
import { VM_ACCESS, VM_STICKY } from './vma-flags.js';
import { ZAP_CONTENT, ZAP_HOLE, ZAP_TEARDOWN, zapRange } from './zap.js';

const ZAPS = {
  'even-cows': ZAP_CONTENT,
  'not-cows': ZAP_HOLE,
  'every-trace': ZAP_TEARDOWN,
} as const;

/** An area of an address space, as the owners of its pages see it. */
export class VmaSite implements MappingSite {
  constructor(
    readonly mm: Mm,
    readonly vma: Vma,
  ) {}

  unmap(first: number, end: number, scope: UnmapScope): void {
    const { from, to } = this.addresses(first, end);
    if (from >= to) return;
    zapRange(this.mm, this.vma, from, to, ZAPS[scope]);
  }

  clean(first: number, end: number): void {
    const { from, to } = this.addresses(first, end);
    if (from < to && this.vma.isShared) cleanRange(this.mm, from, to);
  }

  private addresses(first: number, end: number): { from: number; to: number } {
    const from = Math.max(this.vma.addressOf(first), this.vma.start);
    return { from, to: Math.min(this.vma.addressOf(end), this.vma.end) };
  }
}

/** One entry that maps a page, or stands for it. */
export interface Mapping {
  readonly mm: Mm;
  readonly vma: Vma;
  readonly slot: Slot;
  /** Address of the page. */
  readonly addr: number;
  readonly pte: Pte;
}

/** The entries of a kind that name a frame, area by area as its owner knows them. */
export function mappingsOf(frames: Frames, pfn: Pfn, isKind: (pte: Pte) => boolean): Mapping[] {
  const owner = frames.owner(pfn);
  if (owner instanceof KsmPage) return mappingsAnywhere(owner, pfn, isKind);
  const found: Mapping[] = [];
  for (const site of owner?.sites ?? []) {
    assert(site instanceof VmaSite, 'a page is owned by something that is no area');
    const { mm, vma } = site;
    const addr = vma.addressOf(frames.ownerIndex(pfn));
    if (addr < vma.start || addr >= vma.end) continue;
    const slot = mm.slot(addr);
    if (slot === NO_SLOT) continue;
    const pte = mm.load(slot);
    if (isKind(pte) && ptePfn(pte) === pfn) found.push({ mm, vma, slot, addr, pte });
  }
  return found;
}

/** As {@link mappingsOf} for a merged page, whose addresses nobody knows. */
function mappingsAnywhere({ memory }: KsmPage, pfn: Pfn, isKind: (pte: Pte) => boolean): Mapping[] {
  const found: Mapping[] = [];
  for (const mm of memory.viewers) {
    if (!(mm instanceof Mm)) continue;
    for (const vma of mm.vmas) {
      mm.visit(vma.start, vma.end, (first, start, count) => {
        for (let i = 0; i < count; i++) {
          const slot = slotAfter(first, i);
          const pte = mm.load(slot);
          const isIt = isKind(pte) && ptePfn(pte) === pfn;
          if (isIt) found.push({ mm, vma, slot, addr: start + i * PAGE_SIZE, pte });
        }
      });
    }
  }
  return found;
}

const ownersOf = (vma: Vma): FrameOwner[] =>
  vma.file === undefined ? vma.anonChain : [vma.file.inode, ...vma.anonChain];

/** Puts an area into its address space and under its owners. */
export function linkVma(mm: Mm, vma: Vma): void {
  mm.endReading();
  const site = new VmaSite(mm, vma);
  vma.site = site;
  for (const owner of ownersOf(vma)) owner.sites.add(site);
  mm.vmas.insert(vma);
}

/** Takes an area out of its address space and drops what it holds. Its entries are empty. */
export function unlinkVma(mm: Mm, vma: Vma): void {
  const { site } = vma;
  assert(site !== undefined, 'an area is taken out twice');
  for (const owner of ownersOf(vma)) owner.sites.delete(site);
  vma.site = undefined;
  vma.file?.put();
  mm.vmas.remove(vma);
}

/** Makes sure that an area has an owner for anonymous pages, a neighbour's where it may. */
export function prepareAnonVma(mm: Mm, vma: Vma): AnonVma {
  if (vma.anonVma !== undefined) return vma.anonVma;
  const owner =
    reusableOwner(vma, mm.vmas.findFrom(vma.end), 'next') ??
    reusableOwner(vma, mm.vmas.before(vma), 'previous') ??
    new AnonVma();
  vma.anonVma = owner;
  adoptOwner(vma, owner);
  return owner;
}

/** Enters an area under one more owner. */
export function adoptOwner(vma: Vma, owner: AnonVma): void {
  vma.anonChain.push(owner);
  if (vma.site !== undefined) owner.sites.add(vma.site);
}

/** A neighbour's owner, if the two areas could be one but for their access rights. */
function reusableOwner(
  vma: Vma,
  neighbour: Vma | undefined,
  side: 'next' | 'previous',
): AnonVma | undefined {
  if (neighbour?.anonVma === undefined || neighbour.anonChain.length !== 1) return undefined;
  const [low, high] = side === 'next' ? [vma, neighbour] : [neighbour, vma];
  const alike =
    low.end === high.start &&
    low.file === high.file &&
    ((low.flags ^ high.flags) & ~(VM_ACCESS | VM_STICKY)) === 0 &&
    high.pgoff === low.indexOf(low.end);
  return alike ? neighbour.anonVma : undefined;
}
