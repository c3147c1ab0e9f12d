/**
 * Splitting and merging: changes attributes of a part of an address space.
 * Two neighbours become one area only when everything that tells them apart is equal,
 * and when no anonymous page could belong to two owners.
 * Answers to: vma_modify(), vma_merge_new_range(), split_vma().
 */

import { type Failure, fail } from '../base/errno.js';
import type { AnonVma } from './anon-vma.js';
import { splitEnds } from './huge.js';
import type { Mm } from './mm.js';
import { adoptOwner, linkVma, unlinkVma } from './rmap.js';
import type { UffdPort } from './uffd-port.js';
import { Vma, type VmaInit } from './vma.js';
import { VM_STICKY } from './vma-flags.js';

/** vm.max_map_count. */
const MAP_COUNT_MAX = 65530;

/** Whether one more area may exist. */
export const mapCountAllows = (mm: Mm): boolean => mm.vmas.size < MAP_COUNT_MAX;

/** Cuts an area in two at `addr` and returns the upper part. */
export function splitVma(mm: Mm, vma: Vma, addr: number): Vma | Failure {
  if (vma.pageStart(addr) !== addr) return fail('EINVAL', 'a huge page cannot be parted');
  if (!mapCountAllows(mm)) return fail('ENOMEM', 'the address space has too many areas');
  const upper = new Vma({
    start: addr,
    end: vma.end,
    flags: vma.flags,
    file: vma.file?.get(),
    pgoff: vma.indexOf(addr),
  });
  upper.uffd = vma.uffd;
  upper.anonVma = vma.anonVma;
  upper.anonChain = [...vma.anonChain];
  upper.promise = vma.promise;
  upper.lostPages = vma.lostPages;
  splitEnds(mm, addr, addr);
  vma.end = addr;
  linkVma(mm, upper);
  return upper;
}

/** Splits so that an area covers exactly the part of `[start, end)` that it has. */
export function isolate(mm: Mm, vma: Vma, start: number, end: number): Vma | Failure {
  mm.endReading();
  let target: Vma | Failure = vma;
  if (start > vma.start) target = splitVma(mm, vma, start);
  if (!(target instanceof Vma)) return target;
  if (end < target.end) {
    const upper = splitVma(mm, target, end);
    if (!(upper instanceof Vma)) return upper;
  }
  return target;
}

/** New attributes of a part of an area. */
export interface VmaChange {
  readonly flags: number;
  readonly uffd: UffdPort | undefined;
}

/** Which neighbours a changed area may join. */
export type MergeSides = 'both' | 'previous' | 'next';

/** Gives `[start, end)` of an area new attributes: splits, changes, merges. */
export function modifyVma(
  mm: Mm,
  vma: Vma,
  range: { start: number; end: number },
  change: VmaChange,
  sides: MergeSides = 'both',
): Vma | Failure {
  const target = isolate(mm, vma, range.start, range.end);
  if (!(target instanceof Vma)) return target;
  target.flags = change.flags;
  target.uffd = change.uffd;
  return mergeChanged(mm, target, sides);
}

/** Joins a changed area with its neighbours where it may; returns the area that covers it. */
export function mergeChanged(mm: Mm, vma: Vma, sides: MergeSides = 'both'): Vma {
  const previous = mm.vmas.before(vma);
  const next = mm.vmas.find(vma.end);
  const left = sides !== 'next' && previous !== undefined && mayJoin(mm, previous, vma, previous);
  const right =
    sides !== 'previous' &&
    next !== undefined &&
    mayJoin(mm, vma, next, next) &&
    (!left || oneOwner(previous.anonVma, next.anonVma));
  if (right) absorb(mm, vma, next);
  if (!left) return vma;
  absorb(mm, previous, vma);
  return previous;
}

const oneOwner = (a: AnonVma | undefined, b: AnonVma | undefined): boolean =>
  a === undefined || b === undefined || a === b;

/** Whether two adjacent areas are alike in everything that is not about anonymous pages. */
function alike(low: Vma, high: VmaInit & { uffd: UffdPort | undefined }): boolean {
  return (
    low.end === high.start &&
    ((low.flags ^ high.flags) & ~VM_STICKY) === 0 &&
    !low.isHugetlb &&
    low.file === high.file &&
    low.uffd === high.uffd &&
    high.pgoff === low.indexOf(low.end)
  );
}

/** Whether a changed area and its neighbour may become one; `stays` is the unchanged one. */
function mayJoin(mm: Mm, low: Vma, high: Vma, stays: Vma): boolean {
  if (!alike(low, high)) return false;
  const changed = stays === low ? high : low;
  if (stays.anonVma === undefined && changed.anonVma !== undefined) {
    return mm.memory.profile.has('mergeFaultedIntoUnfaulted') && changed.anonChain.length === 1;
  }
  if (stays.anonVma !== undefined && changed.anonVma === undefined) {
    return stays.anonChain.length === 1;
  }
  return stays.anonVma === changed.anonVma;
}

/** Extends `low` over `high`, which goes. */
function absorb(mm: Mm, low: Vma, high: Vma): void {
  const { end, flags, anonVma, anonChain } = high;
  unlinkVma(mm, high);
  low.end = end;
  low.flags |= flags & VM_STICKY;
  if (low.anonVma !== undefined) return;
  low.anonVma = anonVma;
  for (const owner of anonChain) adoptOwner(low, owner);
}

/** A mapping to be made: attributes, and whose pages will be moved into it. */
export interface NewMapping extends VmaInit {
  readonly uffd: UffdPort | undefined;
  readonly anonVma: AnonVma | undefined;
  readonly anonChain: readonly AnonVma[];
}

/** A mapping without anonymous pages and without a registration. */
export const freshMapping = (init: VmaInit): NewMapping => ({
  ...init,
  uffd: undefined,
  anonVma: undefined,
  anonChain: [],
});

/** Adds a mapping into free space, as a part of a neighbour where it may be one. */
export function addMapping(mm: Mm, init: NewMapping): Vma {
  const previous = mm.vmas.lastBelow(init.end);
  const next = mm.vmas.find(init.end);
  let left = previous !== undefined && alike(previous, init) && mayTake(mm, previous, init);
  const right = next !== undefined && continues(init, next) && mayTake(mm, next, init);
  if (left && right && !oneOwner(previous?.anonVma, next?.anonVma)) {
    if (mm.memory.profile.has('mergeMapBetweenNext')) left = false;
    else return extend(mm, previous, init, undefined);
  }
  if (!left && !right) return link(mm, init);
  return extend(mm, left ? previous : undefined, init, right ? next : undefined);
}

/** Whether `next` continues the new mapping. */
function continues(init: NewMapping, next: Vma): boolean {
  const probe = new Vma(init);
  probe.uffd = init.uffd;
  return alike(probe, next);
}

/** Whether a neighbour can take pages of the new mapping's owner. */
function mayTake(mm: Mm, neighbour: Vma, init: NewMapping): boolean {
  if (init.anonVma === neighbour.anonVma) return true;
  if (neighbour.anonVma === undefined) {
    return mm.memory.profile.has('mergeFaultedIntoUnfaulted') && init.anonChain.length === 1;
  }
  return init.anonVma === undefined && neighbour.anonChain.length === 1;
}

function extend(mm: Mm, previous: Vma | undefined, init: NewMapping, next: Vma | undefined): Vma {
  init.file?.put();
  if (previous !== undefined) {
    previous.end = init.end;
    takeOver(previous, init);
    if (next !== undefined) absorb(mm, previous, next);
    return previous;
  }
  const grown = next as Vma;
  grown.pgoff = init.pgoff;
  grown.start = init.start;
  takeOver(grown, init);
  return grown;
}

function takeOver(vma: Vma, init: NewMapping): void {
  vma.flags |= init.flags & VM_STICKY;
  if (vma.anonVma !== undefined || init.anonVma === undefined) return;
  vma.anonVma = init.anonVma;
  for (const owner of init.anonChain) adoptOwner(vma, owner);
}

function link(mm: Mm, init: NewMapping): Vma {
  const vma = new Vma(init);
  vma.uffd = init.uffd;
  vma.anonVma = init.anonVma;
  vma.anonChain = [...init.anonChain];
  linkVma(mm, vma);
  return vma;
}
