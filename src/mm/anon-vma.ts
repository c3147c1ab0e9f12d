/**
 * Owner of anonymous pages: shared by the areas of one split, and by a fork's descendants.
 * Where its pages may be mapped is kept as sites, which `rmap.ts` makes.
 */

import type { FrameOwner, MappingSite } from '../phys/frames.js';

/** Owner of anonymous pages (struct anon_vma). */
export class AnonVma implements FrameOwner {
  readonly kind = 'anon';
  readonly sites = new Set<MappingSite>();
}
