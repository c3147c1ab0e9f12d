/**
 * Owner of a page that KSM merged: mapped by anyone, at any address, and never written in place.
 * Where it is mapped is looked for in every address space.
 * Answers to: struct ksm_stable_node.
 */

import type { Pfn } from '../base/brand.js';
import type { FrameOwner, Frames, MappingSite } from '../phys/frames.js';
import type { MachineMemory } from './memory.js';

/** Owner of one merged page. */
export class KsmPage implements FrameOwner {
  readonly kind = 'anon';
  /** None: no index of an owner tells where the page is. */
  readonly sites = new Set<MappingSite>();

  constructor(readonly memory: MachineMemory) {}
}

/** Whether a page was merged: only a copy of it may be written. */
export const isMerged = (frames: Frames, pfn: Pfn): boolean => frames.owner(pfn) instanceof KsmPage;
