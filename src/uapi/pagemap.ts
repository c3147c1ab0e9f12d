/**
 * The numbers of /proc/PID/pagemap: the bits of its entries and the PAGEMAP_SCAN ioctl.
 * Pure data. Entries are 64 bits, so their flags are given as bit numbers: take them out of a
 * bigint, or out of the high 32-bit half at bit number - 32. Which page shows which is the
 * observer's. Answers to linux/fs.h, proc_pid_pagemap(5) and PAGEMAP_SCAN(2const).
 */

/** Bytes of one entry; that of page n starts at offset 8n. @since Linux 2.6.25 */
export const PM_ENTRY_BYTES = 8;
/** Bits 0 to 54 hold the PFN of a present page. @since Linux 2.6.25 */
export const PM_PFRAME_BITS = 55;
/** Bits 0 to 4 hold the swap type, bits 5 to 54 the swap offset. @since Linux 2.6.25 */
export const PM_SWAP_TYPE_BITS = 5;
/** Bit 55: written since soft-dirty was cleared. @since Linux 3.11 */
export const PM_SOFT_DIRTY_BIT = 55;
/** Bit 56: mapped exactly once. @since Linux 4.2 */
export const PM_MMAP_EXCLUSIVE_BIT = 56;
/** Bit 57: write-protected by userfaultfd. @since Linux 5.14 */
export const PM_UFFD_WP_BIT = 57;
/** Bit 58: guard region. @since Linux 6.15 */
export const PM_GUARD_REGION_BIT = 58;
/** Bit 61: page of a file or of shared anonymous memory. @since Linux 3.5 */
export const PM_FILE_BIT = 61;
/** Bit 62: neither present nor empty: swap, migration or a marker. @since Linux 2.6.25 */
export const PM_SWAP_BIT = 62;
/** Bit 63: present. @since Linux 2.6.25 */
export const PM_PRESENT_BIT = 63;

/** ioctl of an open pagemap: finds, and may write-protect, pages by category. @since Linux 6.7 */
export const PAGEMAP_SCAN = 0xc0606610;
/** PAGEMAP_SCAN: write-protects the pages that match. @since Linux 6.7 */
export const PM_SCAN_WP_MATCHING = 0x1;
/** PAGEMAP_SCAN: EPERM where WP_ASYNC is not registered. @since Linux 6.7 */
export const PM_SCAN_CHECK_WPASYNC = 0x2;

/** Category: in a range registered WP with WP_ASYNC. @since Linux 6.7 */
export const PAGE_IS_WPALLOWED = 0x1;
/** Category: not write-protected by userfaultfd, so written since. @since Linux 6.7 */
export const PAGE_IS_WRITTEN = 0x2;
/** Category: page of a file or of shared anonymous memory. @since Linux 6.7 */
export const PAGE_IS_FILE = 0x4;
/** Category: present. @since Linux 6.7 */
export const PAGE_IS_PRESENT = 0x8;
/** Category: neither present nor empty: swap, migration or a marker. @since Linux 6.7 */
export const PAGE_IS_SWAPPED = 0x10;
/** Category: the zero page. @since Linux 6.7 */
export const PAGE_IS_PFNZERO = 0x20;
/** Category: part of a huge page that is mapped whole, or of hugetlb. @since Linux 6.7 */
export const PAGE_IS_HUGE = 0x40;
/** Category: written since soft-dirty was cleared. @since Linux 6.8 */
export const PAGE_IS_SOFT_DIRTY = 0x80;
/** Category: guard region. @since Linux 6.16 */
export const PAGE_IS_GUARD = 0x100;
/** Category: accessed since RWP protection, in a range registered RWP. @since Linux 7.3 */
export const PAGE_IS_ACCESSED = 0x200;
