/**
 * The structs that userfaultfd and PAGEMAP_SCAN pass through ioctl, field by field.
 * Pure layout: what a field means to a call is said where the call is made. Fields marked "out"
 * are written by the kernel only; a kernel that reads no more than the bytes before the first out
 * field stops at `offsetOf` that field. Answers to linux/userfaultfd.h and linux/fs.h.
 */

import { type Decoded, nested, s64, struct, u64 } from './struct.js';

/** Argument of UFFDIO_API, 24 bytes. @since Linux 4.3 */
export const uffdio_api = struct('uffdio_api', 24, {
  /** `UFFD_API`. */
  api: u64(0),
  /** In: features to enable. Out: features that the kernel supports. */
  features: u64(8),
  /** Out: ioctls that work on every userfaultfd, one bit each. */
  ioctls: u64(16),
});

/** Argument of UFFDIO_UNREGISTER and UFFDIO_WAKE, and part of others, 16 bytes. @since Linux 4.3 */
export const uffdio_range = struct('uffdio_range', 16, {
  /** First byte, page aligned. */
  start: u64(0),
  /** Length in bytes, page aligned. */
  len: u64(8),
});

/** Argument of UFFDIO_REGISTER, 32 bytes. @since Linux 4.3 */
export const uffdio_register = struct('uffdio_register', 32, {
  /** Range to register. */
  range: nested(0, uffdio_range),
  /** UFFDIO_REGISTER_MODE_* bits. */
  mode: u64(16),
  /** Out: ioctls that work on the range, one bit each. */
  ioctls: u64(24),
});

/** Argument of UFFDIO_COPY, 40 bytes. @since Linux 4.3 */
export const uffdio_copy = struct('uffdio_copy', 40, {
  /** First byte to fill, page aligned. */
  dst: u64(0),
  /** First byte to copy, of any alignment. */
  src: u64(8),
  /** Length in bytes, page aligned. */
  len: u64(16),
  /** UFFDIO_COPY_MODE_* bits. */
  mode: u64(24),
  /** Out: bytes copied, or a negative errno. */
  copy: s64(32),
});

/** Argument of UFFDIO_ZEROPAGE, 32 bytes. @since Linux 4.3 */
export const uffdio_zeropage = struct('uffdio_zeropage', 32, {
  /** Range to fill. */
  range: nested(0, uffdio_range),
  /** UFFDIO_ZEROPAGE_MODE_* bits. */
  mode: u64(16),
  /** Out: bytes zeroed, or a negative errno. */
  zeropage: s64(24),
});

/** Argument of UFFDIO_WRITEPROTECT, 24 bytes; nothing is written back. @since Linux 5.7 */
export const uffdio_writeprotect = struct('uffdio_writeprotect', 24, {
  /** Range to protect or unprotect. */
  range: nested(0, uffdio_range),
  /** UFFDIO_WRITEPROTECT_MODE_* bits. */
  mode: u64(16),
});

/** Argument of UFFDIO_CONTINUE, 32 bytes. @since Linux 5.13 */
export const uffdio_continue = struct('uffdio_continue', 32, {
  /** Range to map. */
  range: nested(0, uffdio_range),
  /** UFFDIO_CONTINUE_MODE_* bits. */
  mode: u64(16),
  /** Out: bytes mapped, or a negative errno. */
  mapped: s64(24),
});

/** Argument of UFFDIO_POISON, 32 bytes. @since Linux 6.6 */
export const uffdio_poison = struct('uffdio_poison', 32, {
  /** Range to poison. */
  range: nested(0, uffdio_range),
  /** UFFDIO_POISON_MODE_* bits. */
  mode: u64(16),
  /** Out: bytes poisoned, or a negative errno. */
  updated: s64(24),
});

/** Argument of UFFDIO_MOVE, 40 bytes. @since Linux 6.8 */
export const uffdio_move = struct('uffdio_move', 40, {
  /** First byte to move to, page aligned. */
  dst: u64(0),
  /** First byte to move from, page aligned. */
  src: u64(8),
  /** Length in bytes, page aligned. */
  len: u64(16),
  /** UFFDIO_MOVE_MODE_* bits. */
  mode: u64(24),
  /** Out: bytes moved, or a negative errno. */
  move: s64(32),
});

/** Argument of UFFDIO_RWPROTECT, 24 bytes; nothing is written back. @since Linux 7.3 */
export const uffdio_rwprotect = struct('uffdio_rwprotect', 24, {
  /** Range to protect or unprotect. */
  range: nested(0, uffdio_range),
  /** UFFDIO_RWPROTECT_MODE_* bits. */
  mode: u64(16),
});

/** Argument of UFFDIO_SET_MODE, 16 bytes; nothing is written back. @since Linux 7.3 */
export const uffdio_set_mode = struct('uffdio_set_mode', 16, {
  /** Features to switch on. */
  enable: u64(0),
  /** Features to switch off. */
  disable: u64(8),
});

/** Argument of PAGEMAP_SCAN, 96 bytes. @since Linux 6.7 */
export const pm_scan_arg = struct('pm_scan_arg', 96, {
  /** Size of this struct in bytes, 96. */
  size: u64(0),
  /** PM_SCAN_* bits. */
  flags: u64(8),
  /** First address to scan, page aligned. */
  start: u64(16),
  /** First address behind the scan. */
  end: u64(24),
  /** Out: where the scan stopped. */
  walk_end: u64(32),
  /** Address of an array of `page_region` for the results, or 0. */
  vec: u64(40),
  /** Number of elements that the array holds. */
  vec_len: u64(48),
  /** Matching pages after which the scan stops; 0 means no limit. */
  max_pages: u64(56),
  /** PAGE_IS_* bits that are inverted before they are compared. */
  category_inverted: u64(64),
  /** PAGE_IS_* bits that a page must all have. */
  category_mask: u64(72),
  /** PAGE_IS_* bits of which a page must have one; 0 asks for none. */
  category_anyof_mask: u64(80),
  /** PAGE_IS_* bits that the results show. */
  return_mask: u64(88),
});

/** One result of PAGEMAP_SCAN, 24 bytes. @since Linux 6.7 */
export const page_region = struct('page_region', 24, {
  /** First address of the region. */
  start: u64(0),
  /** First address behind the region. */
  end: u64(8),
  /** PAGE_IS_* bits of all its pages. */
  categories: u64(16),
});

/** A decoded `struct uffdio_api`. */
export type UffdioApi = Decoded<typeof uffdio_api>;
/** A decoded `struct uffdio_range`. */
export type UffdioRange = Decoded<typeof uffdio_range>;
/** A decoded `struct uffdio_register`. */
export type UffdioRegister = Decoded<typeof uffdio_register>;
/** A decoded `struct uffdio_copy`. */
export type UffdioCopy = Decoded<typeof uffdio_copy>;
/** A decoded `struct uffdio_zeropage`. */
export type UffdioZeropage = Decoded<typeof uffdio_zeropage>;
/** A decoded `struct uffdio_writeprotect`. */
export type UffdioWriteprotect = Decoded<typeof uffdio_writeprotect>;
/** A decoded `struct uffdio_continue`. */
export type UffdioContinue = Decoded<typeof uffdio_continue>;
/** A decoded `struct uffdio_poison`. */
export type UffdioPoison = Decoded<typeof uffdio_poison>;
/** A decoded `struct uffdio_move`. */
export type UffdioMove = Decoded<typeof uffdio_move>;
/** A decoded `struct uffdio_rwprotect`. */
export type UffdioRwprotect = Decoded<typeof uffdio_rwprotect>;
/** A decoded `struct uffdio_set_mode`. */
export type UffdioSetMode = Decoded<typeof uffdio_set_mode>;
/** A decoded `struct pm_scan_arg`. */
export type PmScanArg = Decoded<typeof pm_scan_arg>;
/** A decoded `struct page_region`. */
export type PageRegion = Decoded<typeof page_region>;
