/**
 * The reasons that MADV_COLLAPSE gives for 2 MiB that do not become a huge page, for memory of any
 * kind. Knows no pages.
 */

import type { ErrnoName } from '../base/errno.js';

/** Why 2 MiB cannot become a huge page. */
export interface Refusal {
  readonly code: ErrnoName;
  readonly detail: string;
  /** The 2 MiB behind are not looked at any more. */
  readonly ends: boolean;
}

/** A reason, and whether it ends the call. */
export const refusal = (code: ErrnoName, detail: string, ends: boolean): Refusal => ({
  code,
  detail,
  ends,
});
