/**
 * Names of the numbers, for printing and parsing: ioctls, features, modes, flags, events, advice,
 * page categories. Owns the short spelling (without the common prefix) and the order of the bits;
 * takes every value from the file that owns it.
 * Answers to what strace prints for the same numbers.
 */

import * as feature from './features.js';
import { decodeIoctl } from './ioctl.js';
import * as mman from './mman.js';
import * as pagemap from './pagemap.js';
import { toU64 } from './u64.js';
import * as uffd from './userfaultfd.js';

/** Values by name; of a mask, in the order of the bits. Every value is exact, bit 63 too. */
export type NameTable = ReadonlyMap<string, number>;

/** Bits of the `ioctls` masks that UFFDIO_API and UFFDIO_REGISTER return. */
export const UFFDIO_NAMES: NameTable = new Map([
  ['REGISTER', 2 ** uffd._UFFDIO_REGISTER],
  ['UNREGISTER', 2 ** uffd._UFFDIO_UNREGISTER],
  ['WAKE', 2 ** uffd._UFFDIO_WAKE],
  ['COPY', 2 ** uffd._UFFDIO_COPY],
  ['ZEROPAGE', 2 ** uffd._UFFDIO_ZEROPAGE],
  ['MOVE', 2 ** uffd._UFFDIO_MOVE],
  ['WRITEPROTECT', 2 ** uffd._UFFDIO_WRITEPROTECT],
  ['CONTINUE', 2 ** uffd._UFFDIO_CONTINUE],
  ['POISON', 2 ** uffd._UFFDIO_POISON],
  ['RWPROTECT', 2 ** uffd._UFFDIO_RWPROTECT],
  ['SET_MODE', 2 ** uffd._UFFDIO_SET_MODE],
  ['API', 2 ** uffd._UFFDIO_API],
]);

/** Feature bits without `UFFD_FEATURE_`. */
export const UFFD_FEATURE_NAMES: NameTable = new Map([
  ['PAGEFAULT_FLAG_WP', feature.UFFD_FEATURE_PAGEFAULT_FLAG_WP],
  ['EVENT_FORK', feature.UFFD_FEATURE_EVENT_FORK],
  ['EVENT_REMAP', feature.UFFD_FEATURE_EVENT_REMAP],
  ['EVENT_REMOVE', feature.UFFD_FEATURE_EVENT_REMOVE],
  ['MISSING_HUGETLBFS', feature.UFFD_FEATURE_MISSING_HUGETLBFS],
  ['MISSING_SHMEM', feature.UFFD_FEATURE_MISSING_SHMEM],
  ['EVENT_UNMAP', feature.UFFD_FEATURE_EVENT_UNMAP],
  ['SIGBUS', feature.UFFD_FEATURE_SIGBUS],
  ['THREAD_ID', feature.UFFD_FEATURE_THREAD_ID],
  ['MINOR_HUGETLBFS', feature.UFFD_FEATURE_MINOR_HUGETLBFS],
  ['MINOR_SHMEM', feature.UFFD_FEATURE_MINOR_SHMEM],
  ['EXACT_ADDRESS', feature.UFFD_FEATURE_EXACT_ADDRESS],
  ['WP_HUGETLBFS_SHMEM', feature.UFFD_FEATURE_WP_HUGETLBFS_SHMEM],
  ['WP_UNPOPULATED', feature.UFFD_FEATURE_WP_UNPOPULATED],
  ['POISON', feature.UFFD_FEATURE_POISON],
  ['WP_ASYNC', feature.UFFD_FEATURE_WP_ASYNC],
  ['MOVE', feature.UFFD_FEATURE_MOVE],
  ['RWP', feature.UFFD_FEATURE_RWP],
  ['RWP_ASYNC', feature.UFFD_FEATURE_RWP_ASYNC],
]);

/** Register modes without `UFFDIO_REGISTER_MODE_`. */
export const UFFDIO_REGISTER_MODE_NAMES: NameTable = new Map([
  ['MISSING', uffd.UFFDIO_REGISTER_MODE_MISSING],
  ['WP', uffd.UFFDIO_REGISTER_MODE_WP],
  ['MINOR', uffd.UFFDIO_REGISTER_MODE_MINOR],
  ['RWP', uffd.UFFDIO_REGISTER_MODE_RWP],
]);

/** Fault flags without `UFFD_PAGEFAULT_FLAG_`. */
export const UFFD_PAGEFAULT_FLAG_NAMES: NameTable = new Map([
  ['WRITE', uffd.UFFD_PAGEFAULT_FLAG_WRITE],
  ['WP', uffd.UFFD_PAGEFAULT_FLAG_WP],
  ['MINOR', uffd.UFFD_PAGEFAULT_FLAG_MINOR],
  ['RWP', uffd.UFFD_PAGEFAULT_FLAG_RWP],
]);

/** Event codes without `UFFD_EVENT_`; numbers, not bits. */
export const UFFD_EVENT_NAMES: NameTable = new Map([
  ['PAGEFAULT', uffd.UFFD_EVENT_PAGEFAULT],
  ['FORK', uffd.UFFD_EVENT_FORK],
  ['REMAP', uffd.UFFD_EVENT_REMAP],
  ['REMOVE', uffd.UFFD_EVENT_REMOVE],
  ['UNMAP', uffd.UFFD_EVENT_UNMAP],
]);

/** madvise advice without `MADV_`; numbers, not bits. */
export const MADV_NAMES: NameTable = new Map([
  ['NORMAL', mman.MADV_NORMAL],
  ['RANDOM', mman.MADV_RANDOM],
  ['SEQUENTIAL', mman.MADV_SEQUENTIAL],
  ['WILLNEED', mman.MADV_WILLNEED],
  ['DONTNEED', mman.MADV_DONTNEED],
  ['FREE', mman.MADV_FREE],
  ['REMOVE', mman.MADV_REMOVE],
  ['DONTFORK', mman.MADV_DONTFORK],
  ['DOFORK', mman.MADV_DOFORK],
  ['MERGEABLE', mman.MADV_MERGEABLE],
  ['UNMERGEABLE', mman.MADV_UNMERGEABLE],
  ['HUGEPAGE', mman.MADV_HUGEPAGE],
  ['NOHUGEPAGE', mman.MADV_NOHUGEPAGE],
  ['DONTDUMP', mman.MADV_DONTDUMP],
  ['DODUMP', mman.MADV_DODUMP],
  ['WIPEONFORK', mman.MADV_WIPEONFORK],
  ['KEEPONFORK', mman.MADV_KEEPONFORK],
  ['COLD', mman.MADV_COLD],
  ['PAGEOUT', mman.MADV_PAGEOUT],
  ['POPULATE_READ', mman.MADV_POPULATE_READ],
  ['POPULATE_WRITE', mman.MADV_POPULATE_WRITE],
  ['DONTNEED_LOCKED', mman.MADV_DONTNEED_LOCKED],
  ['COLLAPSE', mman.MADV_COLLAPSE],
  ['HWPOISON', mman.MADV_HWPOISON],
  ['SOFT_OFFLINE', mman.MADV_SOFT_OFFLINE],
  ['GUARD_INSTALL', mman.MADV_GUARD_INSTALL],
  ['GUARD_REMOVE', mman.MADV_GUARD_REMOVE],
]);

/** Page categories of PAGEMAP_SCAN without `PAGE_IS_`. */
export const PAGE_IS_NAMES: NameTable = new Map([
  ['WPALLOWED', pagemap.PAGE_IS_WPALLOWED],
  ['WRITTEN', pagemap.PAGE_IS_WRITTEN],
  ['FILE', pagemap.PAGE_IS_FILE],
  ['PRESENT', pagemap.PAGE_IS_PRESENT],
  ['SWAPPED', pagemap.PAGE_IS_SWAPPED],
  ['PFNZERO', pagemap.PAGE_IS_PFNZERO],
  ['HUGE', pagemap.PAGE_IS_HUGE],
  ['SOFT_DIRTY', pagemap.PAGE_IS_SOFT_DIRTY],
  ['GUARD', pagemap.PAGE_IS_GUARD],
  ['ACCESSED', pagemap.PAGE_IS_ACCESSED],
]);

const REQUEST_NAMES: ReadonlyMap<number, string> = new Map([
  [uffd.USERFAULTFD_IOC_NEW, 'USERFAULTFD_IOC_NEW'],
  [uffd.UFFDIO_API, 'UFFDIO_API'],
  [uffd.UFFDIO_REGISTER, 'UFFDIO_REGISTER'],
  [uffd.UFFDIO_UNREGISTER, 'UFFDIO_UNREGISTER'],
  [uffd.UFFDIO_WAKE, 'UFFDIO_WAKE'],
  [uffd.UFFDIO_COPY, 'UFFDIO_COPY'],
  [uffd.UFFDIO_ZEROPAGE, 'UFFDIO_ZEROPAGE'],
  [uffd.UFFDIO_MOVE, 'UFFDIO_MOVE'],
  [uffd.UFFDIO_WRITEPROTECT, 'UFFDIO_WRITEPROTECT'],
  [uffd.UFFDIO_CONTINUE, 'UFFDIO_CONTINUE'],
  [uffd.UFFDIO_POISON, 'UFFDIO_POISON'],
  [uffd.UFFDIO_RWPROTECT, 'UFFDIO_RWPROTECT'],
  [uffd.UFFDIO_SET_MODE, 'UFFDIO_SET_MODE'],
  [pagemap.PAGEMAP_SCAN, 'PAGEMAP_SCAN'],
]);

const MACROS = { none: '_IO', write: '_IOW', read: '_IOR', readwrite: '_IOWR' } as const;

const hex = (value: number | bigint): string => `0x${value.toString(16)}`;

/** Name of a value that is a number, not a mask; `0x…` if it has none. */
export function formatName(value: number, names: NameTable): string {
  for (const [name, known] of names) if (known === value) return name;
  return hex(value);
}

/**
 * Names of the bits of a mask, lowest first, then the bits without a name as one hex number.
 * The empty mask is `0`; a mask that is not an exact 64-bit integer is a `RangeError`.
 *
 * @example
 * ```ts
 * import { formatMask, UFFDIO_NAMES } from 'uffd-emulator';
 *
 * console.log(formatMask(0x8000000000000003n, UFFDIO_NAMES)); // REGISTER,UNREGISTER,API
 * ```
 */
export function formatMask(mask: number | bigint, names: NameTable, separator = ','): string {
  let rest = toU64(mask);
  if (rest === 0n) return '0';
  const parts: string[] = [];
  for (const [name, value] of names) {
    const bit = BigInt(value);
    if ((rest & bit) === 0n) continue;
    parts.push(name);
    rest &= ~bit;
  }
  if (rest !== 0n) parts.push(hex(rest));
  return parts.join(separator);
}

/**
 * Name of an ioctl request number, as `UFFDIO_COPY`; one that is not known is shown by its parts,
 * as `_IOWR(0xaa, 0x3e, 24)`. A negative number is read as its 32 bits.
 */
export function ioctlName(request: number): string {
  const known = REQUEST_NAMES.get(request >>> 0);
  if (known !== undefined) return known;
  const { direction, type, nr, sizeBytes } = decodeIoctl(request);
  const size = direction === 'none' && sizeBytes === 0 ? '' : `, ${sizeBytes}`;
  return `${MACROS[direction]}(${hex(type)}, 0x${nr.toString(16).padStart(2, '0')}${size})`;
}
