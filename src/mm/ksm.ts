/**
 * Kernel samepage merging: anonymous pages of mergeable areas that hold the same become one, which
 * everybody maps read-only. Off unless somebody asks for a pass; a pass is atomic and in a fixed
 * order. As on Linux a merged entry loses its uffd-wp: writes to it are silent from then on.
 * Answers to: ksm_do_scan(), cmp_and_merge_page(), replace_page().
 */

import type { Pfn } from '../base/brand.js';
import { PAGE_SIZE } from '../base/page.js';
import {
  pteClearWritable,
  pteIsPresent,
  pteIsProtNone,
  pteIsSpecial,
  ptePfn,
} from '../pgtable/pte.js';
import { FRAME_ANON, FRAME_EXCLUSIVE, type Frames } from '../phys/frames.js';
import { NO_SWAP } from '../phys/swap.js';
import { splitFolio } from './folio.js';
import { entryFor } from './install.js';
import { isMerged, KsmPage } from './ksm-page.js';
import type { MachineMemory } from './memory.js';
import type { Mm } from './mm.js';
import type { Vma } from './vma.js';
import { VM_MERGEABLE } from './vma-flags.js';

/** A mapped page, by where it is: what maps it may change between two looks. */
interface Place {
  readonly mm: Mm;
  readonly vma: Vma;
  readonly addr: number;
}

/** Merges the pages of mergeable areas, in order of space and address; how many entries changed. */
export function mergeSamePages(memory: MachineMemory, spaces: readonly Mm[]): number {
  const pass = new MergePass(memory);
  for (const mm of spaces) {
    for (const vma of mm.vmas) {
      if (!vma.has(VM_MERGEABLE)) continue;
      for (let addr = vma.start; addr < vma.end; addr += PAGE_SIZE) pass.look({ mm, vma, addr });
    }
  }
  return pass.merged;
}

/** Frames that are merged pages, with the entries that map each. */
export function mergedFrames(frames: Frames): Pfn[] {
  return [...frames.allocated()].filter((pfn) => isMerged(frames, pfn));
}

class MergePass {
  merged = 0;
  /** Merged pages, and candidates that nothing equals yet, by a hash of their content. */
  private readonly stable = new Map<number, Pfn[]>();
  private readonly unstable = new Map<number, Place[]>();

  constructor(private readonly memory: MachineMemory) {
    for (const pfn of mergedFrames(memory.frames)) this.remember(pfn);
  }

  look(place: Place): void {
    const pfn = candidate(place);
    if (pfn === undefined) return;
    const hash = this.hash(pfn);
    const same = this.stable.get(hash)?.find((other) => this.equal(other, pfn));
    if (same !== undefined) this.replace(place, same);
    else this.pair(place, pfn, hash);
  }

  /** The later of two equal pages becomes the merged one; the earlier is replaced by it. */
  private pair(place: Place, pfn: Pfn, hash: number): void {
    const waiting = this.unstable.get(hash) ?? [];
    const at = waiting.findIndex((other) => {
      const known = candidate(other);
      return known !== undefined && known !== pfn && this.equal(known, pfn);
    });
    const partner = waiting[at];
    if (partner === undefined) {
      this.unstable.set(hash, [...waiting, place]);
      return;
    }
    waiting.splice(at, 1);
    this.promote(place, pfn);
    this.replace(partner, pfn);
  }

  /** Makes a page the merged one: its own entry keeps what it has but write permission. */
  private promote({ mm, addr }: Place, pfn: Pfn): void {
    const { frames } = this.memory;
    const slot = mm.slot(addr);
    mm.store(slot, addr, pteClearWritable(mm.load(slot)));
    frames.clearFlag(pfn, FRAME_EXCLUSIVE);
    frames.setOwner(pfn, new KsmPage(this.memory), 0);
    this.remember(pfn);
  }

  private replace({ mm, vma, addr }: Place, merged: Pfn): void {
    const { frames } = this.memory;
    const slot = mm.slot(addr);
    const old = ptePfn(mm.load(slot));
    frames.addMap(merged);
    mm.store(slot, addr, entryFor(mm, vma, merged));
    frames.removeMap(old);
    this.merged++;
  }

  private remember(pfn: Pfn): void {
    const hash = this.hash(pfn);
    this.stable.set(hash, [...(this.stable.get(hash) ?? []), pfn]);
  }

  private equal(a: Pfn, b: Pfn): boolean {
    const other = this.memory.frames.pageBytes(b);
    return this.memory.frames.pageBytes(a).every((byte, i) => byte === other[i]);
  }

  /** FNV-1a. */
  private hash(pfn: Pfn): number {
    let hash = 0x811c9dc5;
    for (const byte of this.memory.frames.pageBytes(pfn)) {
      hash = Math.imul(hash ^ byte, 0x01000193);
    }
    return hash;
  }
}

/** The frame at a place if it can be merged: anonymous, not merged, used by nothing but entries. */
function candidate({ mm, addr }: Place): Pfn | undefined {
  const { frames, swap, profile } = mm.memory;
  const pte = mm.pte(addr);
  if (!pteIsPresent(pte) || pteIsSpecial(pte)) return undefined;
  if (pteIsProtNone(pte) && !profile.has('lookupIgnoresRights')) return undefined;
  const pfn = ptePfn(pte);
  if (!frames.has(pfn, FRAME_ANON) || isMerged(frames, pfn)) return undefined;
  splitFolio(mm.memory, pfn);
  if (mm.pte(addr) !== pte) return undefined; // it held zeros alone, and is the zero page now
  const inSwapCache = swap.slotOf(pfn) !== NO_SWAP;
  return inSwapCache || frames.refs(pfn) !== frames.maps(pfn) ? undefined : pfn;
}
