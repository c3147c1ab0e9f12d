/**
 * Huge pages as things of their own: the 512 frames stay one page while single entries map them,
 * which decides what may be reused, moved, or taken out in part, until the page itself is split.
 * Answers to: struct folio, split_folio().
 */

import type { Pfn } from '../base/brand.js';
import {
  pteIsPresent,
  pteIsSoftDirty,
  pteIsUffdWp,
  pteMakeSoftDirty,
  pteMakeUffdWp,
} from '../pgtable/pte.js';
import { FRAME_LARGE, type Frames, HUGE_FRAMES, headOf, ZERO_PFN } from '../phys/frames.js';
import { splitHuge } from './huge.js';
import { entryFor } from './install.js';
import type { MachineMemory } from './memory.js';
import type { Mm } from './mm.js';
import { type Mapping, mappingsOf } from './rmap.js';
import { VM_LOCKED } from './vma-flags.js';

/** The frames that are one page with `pfn`: itself alone, or what is left of a huge page. */
export function framesOf(frames: Frames, pfn: Pfn): Pfn[] {
  if (!frames.has(pfn, FRAME_LARGE)) return [pfn];
  const head = headOf(pfn);
  const all = Array.from({ length: HUGE_FRAMES }, (_, i) => (head + i) as Pfn);
  return all.filter((frame) => frames.has(frame, FRAME_LARGE));
}

/** Whether somebody keeps the page, or the huge page that it belongs to, as it is. */
export const isPinnedAnywhere = (frames: Frames, pfn: Pfn): boolean =>
  framesOf(frames, pfn).some((frame) => frames.pins(frame) > 0);

/** Mappings of one address space. */
const mapsIn = (frames: Frames, mm: Mm, pfn: Pfn): number =>
  mappingsOf(frames, pfn, pteIsPresent).filter((mapping) => mapping.mm === mm).length;

/** Whether another address space maps a part of the page. */
export const isMappedElsewhere = (mm: Mm, pfn: Pfn): boolean => {
  const { frames } = mm.memory;
  return framesOf(frames, pfn).some((one) => frames.maps(one) > mapsIn(frames, mm, one));
};

/** Whether nothing but the mappings of this address space refers to the page. */
export const isOurs = (mm: Mm, pfn: Pfn): boolean => {
  const { frames } = mm.memory;
  return framesOf(frames, pfn).every((one) => frames.refs(one) === mapsIn(frames, mm, one));
};

/** Makes 512 pages of a huge one, for everybody who maps it. */
export function splitFolio(memory: MachineMemory, pfn: Pfn): void {
  const { frames, profile } = memory;
  const parts = framesOf(frames, pfn);
  if (!frames.has(pfn, FRAME_LARGE)) return;
  for (const part of parts) {
    const mappings = mappingsOf(frames, part, pteIsPresent);
    for (const { mm, addr } of mappings) splitHuge(mm, addr);
    frames.clearFlag(part, FRAME_LARGE);
    if (profile.has('splitMapsZeroPages') && isZeroed(frames, part)) giveBack(part, mappings);
  }
}

const isZeroed = (frames: Frames, pfn: Pfn): boolean =>
  frames.pageBytes(pfn).every((byte) => byte === 0);

/** A part that holds zeros gives its memory back: the shared zero page takes its place. */
function giveBack(pfn: Pfn, mappings: readonly Mapping[]): void {
  for (const { mm, vma, addr } of mappings) {
    if (vma.has(VM_LOCKED)) continue;
    const slot = mm.slot(addr);
    const old = mm.load(slot);
    const zero = entryFor(mm, vma, ZERO_PFN);
    const soft = pteIsSoftDirty(old) ? pteMakeSoftDirty(zero) : zero;
    mm.store(slot, addr, pteIsUffdWp(old) ? pteMakeUffdWp(soft) : soft);
    mm.memory.frames.removeMap(pfn);
  }
}
