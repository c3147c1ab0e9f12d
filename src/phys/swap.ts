/**
 * Swap space: slots with content and use counts, and the swap cache between slots and frames.
 * A slot is freed with its last user. The cache holds a reference to its frame.
 * Never knows who uses a slot: page tables and files count themselves here.
 * Answers to: struct swap_info_struct, swap_cache_get_folio().
 */

import { assert } from '../base/assert.js';
import type { Pfn, SwapSlot } from '../base/brand.js';
import { type Frames, NO_FRAME } from './frames.js';

/** No slot: swap is full, or there is none. */
export const NO_SWAP = 0 as SwapSlot;

interface SlotState {
  readonly area: SwapArea;
  /** Users: page table entries and files. */
  count: number;
  /** Content as it was written. */
  readonly bytes: Uint8Array;
  /** The frame in the swap cache. */
  cached: Pfn;
  /** Reading it fails. */
  broken: boolean;
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
  private readonly slots = new Map<SwapSlot, SlotState>();
  private readonly slotOfFrame = new Map<Pfn, SwapSlot>();
  private readonly free: SwapSlot[] = [];
  private next = 1;

  constructor(readonly frames: Frames) {}

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
    const slot = this.free.pop() ?? (this.next++ as SwapSlot);
    const bytes = this.frames.pageBytes(pfn).slice();
    this.slots.set(slot, { area, count: 1, bytes, cached: NO_FRAME, broken: false });
    area.used++;
    return slot;
  }

  /** Counts one more user. */
  share(slot: SwapSlot): void {
    this.stateOf(slot).count++;
  }

  /** Counts a user off; the last one frees the slot. */
  release(slot: SwapSlot): void {
    const state = this.stateOf(slot);
    if (--state.count > 0) return;
    this.uncache(slot);
    this.slots.delete(slot);
    this.free.push(slot);
    state.area.used--;
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
    if (!broken) this.frames.pageBytes(pfn).set(bytes);
    return !broken;
  }

  /** Makes reads of a slot fail from now on. */
  breakSlot(slot: SwapSlot): void {
    this.stateOf(slot).broken = true;
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
    this.stateOf(slot).cached = pfn;
    this.slotOfFrame.set(pfn, slot);
  }

  /** Takes a slot's frame out of the cache. */
  uncache(slot: SwapSlot): void {
    const state = this.stateOf(slot);
    const { cached } = state;
    if (cached === NO_FRAME) return;
    state.cached = NO_FRAME;
    this.slotOfFrame.delete(cached);
    this.frames.put(cached);
  }

  /** The slot whose cached frame this is, or {@link NO_SWAP}. */
  slotOf(pfn: Pfn): SwapSlot {
    return this.slotOfFrame.get(pfn) ?? NO_SWAP;
  }

  /** Slots in use with their counts and cached frames. */
  *entries(): Generator<{ slot: SwapSlot; count: number; cached: Pfn }> {
    for (const [slot, { count, cached }] of this.slots) yield { slot, count, cached };
  }

  private stateOf(slot: SwapSlot): SlotState {
    const state = this.slots.get(slot);
    assert(state !== undefined, `swap slot ${slot} is not in use`);
    return state;
  }
}
