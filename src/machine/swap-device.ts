/**
 * What a user holds of a swap device: how full it is, how to switch it off, how to break it.
 * Answers to: swapon(2), swapoff(2).
 */

import type { SwapSlot } from '../base/brand.js';
import { fail } from '../base/errno.js';
import type { SwapArea } from '../phys/swap.js';
import type { Era } from './era.js';
import { KernelError } from './errors.js';
import type { System } from './system.js';

/** Options of {@link Machine.swapOn}. */
export interface SwapOptions {
  /** Bytes, in whole pages. */
  readonly size: number;
  /** Name, for diagnosis. @defaultValue `swap` and a number */
  readonly name?: string;
}

/** A swap device that is on. */
export class SwapDevice {
  /** Name of the device. */
  readonly name: string;
  /** @internal */
  readonly era: Era;
  readonly #system: System;
  readonly #ownArea: SwapArea;

  /** @internal */
  constructor(system: System, area: SwapArea) {
    this.#system = system;
    this.#ownArea = area;
    this.name = area.name;
    this.era = system.eras.current;
  }

  get #area(): SwapArea {
    this.#system.assertCurrent(this);
    return this.#ownArea;
  }

  /** Pages that the device holds. */
  get totalPages(): number {
    return this.#area.slots;
  }

  /** Pages in use. */
  get usedPages(): number {
    return this.#area.used;
  }

  /**
   * Makes every read of a slot fail: a swap-in gets SIGBUS, swapoff leaves a poisoned page.
   *
   * @param slot - Swap offset of the page, as pagemap shows it in bits 5 to 54.
   */
  failReads(slot: number): void {
    const known = this.#system.memory.swap.count(slot as SwapSlot) > 0;
    if (!known) throw new RangeError(`slot: ${slot} is not in use`);
    this.#system.memory.swap.breakSlot(slot as SwapSlot);
  }

  /**
   * Switches the device off: everything comes back into memory. Pages that cannot be read are
   * poisoned from then on, in children too.
   *
   * @throws KernelError `ENOMEM` (memory does not hold what is swapped out; the device stays on).
   */
  off(): void {
    if (this.#system.scheduler.run(() => this.#system.swapOff(this.#area))) return;
    throw new KernelError('swapoff', fail('ENOMEM', 'memory does not hold what is swapped out'));
  }
}
