/**
 * PAGEMAP_SCAN as users call it: names instead of a struct, regions instead of a vector.
 * The scan itself is `observe/pagemap-scan.ts`.
 */

import { type U64, unsigned, unsigned32 } from '../base/args.js';
import { fail } from '../base/errno.js';
import type { Mm } from '../mm/mm.js';
import { pagemapScan } from '../observe/pagemap-scan.js';
import type { ScanRegion } from '../observe/scan-output.js';
import { KernelError } from './errors.js';

/** Arguments of {@link Process.pagemapScan}. */
export interface ScanRequest {
  /** First address, page aligned. */
  readonly start: U64;
  /** First address behind; rounded up to a page. */
  readonly end: U64;
  /** PM_SCAN_* bits. @defaultValue `0` */
  readonly flags?: number;
  /** PAGE_IS_* bits that a page must all have, after inversion. @defaultValue `0` */
  readonly mask?: number;
  /** PAGE_IS_* bits that are inverted before they are compared. @defaultValue `0` */
  readonly inverted?: number;
  /** PAGE_IS_* bits of which a page must have one; 0 asks for none. @defaultValue `0` */
  readonly anyof?: number;
  /** PAGE_IS_* bits to report. @defaultValue `0` */
  readonly returned?: number;
  /** Matching pages after which the scan stops; 0 for no limit. @defaultValue `0` */
  readonly maxPages?: number;
  /** Regions to report; 0 reports none and never stops for them. @defaultValue 2^20 */
  readonly maxRegions?: number;
}

/** What a scan found. */
export interface ScanResult {
  /** Consecutive pages of the same categories, in order of address. */
  readonly regions: readonly ScanRegion[];
  /** First address that was not scanned. */
  readonly walkEnd: number;
}

const STRUCT_SIZE = 96;
const VEC = 0x1000; // any address will do: the regions are answered, not stored

/** Scans an address space. */
export function scan(mm: Mm, request: ScanRequest): ScanResult {
  if (!mm.memory.profile.has('pagemapScan')) {
    throw new KernelError('PAGEMAP_SCAN', fail('ENOTTY', 'this kernel version does not have it'));
  }
  const vecLen = request.maxRegions ?? 2 ** 20;
  const { failure, walkEnd, regions } = pagemapScan(mm, {
    size: STRUCT_SIZE,
    flags: unsigned32('flags', request.flags ?? 0),
    start: unsigned('start', request.start),
    end: unsigned('end', request.end),
    vec: vecLen === 0 ? 0 : VEC,
    vecLen: unsigned32('maxRegions', vecLen),
    maxPages: unsigned('maxPages', request.maxPages ?? 0),
    inverted: unsigned32('inverted', request.inverted ?? 0),
    mask: unsigned32('mask', request.mask ?? 0),
    anyof: unsigned32('anyof', request.anyof ?? 0),
    returned: unsigned32('returned', request.returned ?? 0),
  });
  if (failure !== undefined) throw new KernelError('PAGEMAP_SCAN', failure);
  return { regions, walkEnd: walkEnd ?? 0 };
}
