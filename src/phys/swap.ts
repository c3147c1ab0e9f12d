/**
 * Swap space: slots with content and use counts, and the swap cache between slots and frames.
 * A slot is freed with its last user. The cache holds a reference to its frame.
 * Never knows who uses a slot: page tables and files count themselves here.
 * Answers to: struct swap_info_struct, swap_cache_get_folio().
 */

import { assert } from '../base/assert.js';
import type { Pfn, SwapSlot } from '../base/brand.js';
import { VersionedMap } from '../base/versioned-map.js';
import { type Frames, NO_FRAME } from './frames.js';

/** No slot: swap is full, or there is none. */
export const NO_SWAP = 0 as SwapSlot;

interface SlotState {
  readonly area: SwapArea;
  /** Users: page table entries and files. */
  readonly count: number;
  /** Content as it was written. */
  readonly bytes: Uint8Array;
  /** The frame in the swap cache. */
  readonly cached: Pfn;
  /** Reading it fails. */
  readonly broken: boolean;
}

/** One swap device. */
export interface SwapArea {
  readonly name: string;
  /** Slots in all. */
  readonly slots: number;
  /** Position among the areas: the type of its entries. */
  readonly index: number;
  /** Slots in use. */
  used: number;
  /** swapoff has begun: nothing new goes there. */
  leaving: boolean;
}

/** The swap space of a machine. */
export class SwapSpace {
  private readonly devices: SwapArea[] = [];
  private readonly slots: VersionedMap<SwapSlot, SlotState>;
  private readonly slotOfFrame: VersionedMap<Pfn, SwapSlot>;
  /** Each free slot leads to the one that was freed before it. */
  private readonly freedBefore: VersionedMap<SwapSlot, SwapSlot>;
  private lastFreed = NO_SWAP;
  private next = 1;

  constructor(readonly frames: Frames) {
    this.slots = new VersionedMap(frames.versions);
    this.slotOfFrame = new VersionedMap(frames.versions);
    this.freedBefore = new VersionedMap(frames.versions);
  }

  /** Areas that are on. */
  get areas(): readonly SwapArea[] {
    return this.devices;
  }

  addArea(name: string, slots: number): SwapArea {
    const index = this.devices.length;
    const area: SwapArea = { name, slots, index, used: 0, leaving: false };
    this.devices.push(area);
    return area;
  }

  removeArea(area: SwapArea): void {
    assert(area.used === 0, `swap area ${area.name} goes while ${area.used} slots are in use`);
    this.devices.splice(this.devices.indexOf(area), 1);
  }

  /** Writes a frame to a free slot with one user; {@link NO_SWAP} when swap is full. */
  store(pfn: Pfn): SwapSlot {
    const area = this.devices.find((one) => !one.leaving && one.used < one.slots);
    if (area === undefined) return NO_SWAP;
    const slot = this.freeSlot();
    const bytes = this.frames.pageBytes(pfn).slice();
    this.slots.set(slot, { area, count: 1, bytes, cached: NO_FRAME, broken: false });
    area.used++;
    return slot;
  }

  private freeSlot(): SwapSlot {
    const slot = this.lastFreed;
    if (slot === NO_SWAP) return this.next++ as SwapSlot;
    this.lastFreed = this.freedBefore.get(slot) ?? NO_SWAP;
    this.freedBefore.delete(slot);
    return slot;
  }

  /** Counts one more user. */
  share(slot: SwapSlot): void {
    this.change(slot, { count: this.count(slot) + 1 });
  }

  /** Counts a user off; the last one frees the slot. */
  release(slot: SwapSlot): void {
    const { area, count } = this.stateOf(slot);
    this.change(slot, { count: count - 1 });
    if (count > 1) return;
    this.uncache(slot);
    this.slots.delete(slot);
    this.freedBefore.set(slot, this.lastFreed);
    this.lastFreed = slot;
    area.used--;
  }

  count(slot: SwapSlot): number {
    return this.slots.get(slot)?.count ?? 0;
  }

  areaOf(slot: SwapSlot): SwapArea {
    return this.stateOf(slot).area;
  }

  /** Reads a slot into a frame; false on an I/O error. */
  load(slot: SwapSlot, pfn: Pfn): boolean {
    const { broken, bytes } = this.stateOf(slot);
    if (!broken) this.frames.write(pfn, bytes);
    return !broken;
  }

  /** Makes reads of a slot fail from now on. */
  breakSlot(slot: SwapSlot): void {
    this.change(slot, { broken: true });
  }

  /** Makes reads of the first slot fail that can still be read; does nothing without one. */
  breakFirst(): void {
    const found = this.slots.entries().find(([, { broken }]) => !broken);
    if (found !== undefined) this.breakSlot(found[0]);
  }

  isBroken(slot: SwapSlot): boolean {
    return this.stateOf(slot).broken;
  }

  /** The frame that the swap cache has for a slot, or `NO_FRAME`. */
  cached(slot: SwapSlot): Pfn {
    return this.stateOf(slot).cached;
  }

  /** Puts a frame into the cache, so that the other users of the slot find it. */
  cache(slot: SwapSlot, pfn: Pfn): void {
    this.frames.get(pfn);
    this.change(slot, { cached: pfn });
    this.slotOfFrame.set(pfn, slot);
  }

  /** Replaces the cached frame of a page that moved. */
  moved(from: Pfn, to: Pfn): void {
    const slot = this.slotOf(from);
    if (slot === NO_SWAP) return;
    this.uncache(slot);
    this.cache(slot, to);
  }

  /** Takes a slot's frame out of the cache. */
  uncache(slot: SwapSlot): void {
    const { cached } = this.stateOf(slot);
    if (cached === NO_FRAME) return;
    this.change(slot, { cached: NO_FRAME });
    this.slotOfFrame.delete(cached);
    this.frames.put(cached);
  }

  /** The slot whose cached frame this is, or {@link NO_SWAP}. */
  slotOf(pfn: Pfn): SwapSlot {
    return this.slotOfFrame.get(pfn) ?? NO_SWAP;
  }

  /** Slots in use with their counts and cached frames. */
  *entries(): Generator<{ slot: SwapSlot; count: number; cached: Pfn }> {
    for (const [slot, { count, cached }] of this.slots.entries()) yield { slot, count, cached };
  }

  private change(slot: SwapSlot, change: Partial<SlotState>): void {
    this.slots.set(slot, { ...this.stateOf(slot), ...change });
  }

  private stateOf(slot: SwapSlot): SlotState {
    const state = this.slots.get(slot);
    assert(state !== undefined, `swap slot ${slot} is not in use`);
    return state;
  }
}
