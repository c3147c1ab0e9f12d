/**
 * The two sides of one area while fork copies it: what the files that copy entries pass around.
 * Answers to: the pairs of arguments of copy_page_range().
 */

import type { Mm } from './mm.js';
import type { Vma } from './vma.js';

/** The parent's and the child's side of one area. */
export interface ForkPair {
  readonly parent: Mm;
  readonly child: Mm;
  readonly from: Vma;
  readonly to: Vma;
}
