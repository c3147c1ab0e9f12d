/**
 * The numbers of userfaultfd: how the object is made, its ioctl requests, their mode bits, its
 * messages. Pure data, through Linux 7.3; which kernel accepts what is said by its profile.
 * Features have a file of their own (features.ts), structs too (structs.ts).
 * Answers to linux/userfaultfd.h, userfaultfd(2) and ioctl_userfaultfd(2).
 */

/** Number of the userfaultfd system call on x86-64. @since Linux 4.3 */
export const SYS_userfaultfd = 323;
/** Number of the userfaultfd system call on 32-bit x86. @since Linux 4.3 */
export const SYS_userfaultfd_i386 = 374;
/** Number of the userfaultfd system call on arm64 and the other generic tables. @since Linux 4.3 */
export const SYS_userfaultfd_generic = 282;

/** Creation flag: faults raised by kernel code are not handled. @since Linux 5.11 */
export const UFFD_USER_MODE_ONLY = 0x1;
/** The API version that UFFDIO_API agrees on. @since Linux 4.3 */
export const UFFD_API = 0xaa;

/** ioctl type byte of /dev/userfaultfd. @since Linux 6.1 */
export const USERFAULTFD_IOC = 0xaa;
/** /dev/userfaultfd: makes a userfaultfd; the argument is its flags. @since Linux 6.1 */
export const USERFAULTFD_IOC_NEW = 0x0000aa00;

/** ioctl type byte of a userfaultfd. @since Linux 4.3 */
export const UFFDIO = 0xaa;
/** Handshake: enables features, once, before all else. @since Linux 4.3 */
export const UFFDIO_API = 0xc018aa3f;
/** Starts reporting faults of a range. @since Linux 4.3 */
export const UFFDIO_REGISTER = 0xc020aa00;
/** Stops reporting faults of a range. @since Linux 4.3 */
export const UFFDIO_UNREGISTER = 0x8010aa01;
/** Wakes the waiters of a range, whatever its pages are. @since Linux 4.3 */
export const UFFDIO_WAKE = 0x8010aa02;
/** Fills missing pages with a copy of other memory. @since Linux 4.3 */
export const UFFDIO_COPY = 0xc028aa03;
/** Fills missing pages with zeros. @since Linux 4.3 */
export const UFFDIO_ZEROPAGE = 0xc020aa04;
/** Moves anonymous pages from another place, without a copy. @since Linux 6.8 */
export const UFFDIO_MOVE = 0xc028aa05;
/** Write-protects a range, or lifts the protection. @since Linux 5.7 */
export const UFFDIO_WRITEPROTECT = 0xc018aa06;
/** Maps pages that the page cache already holds. @since Linux 5.13 */
export const UFFDIO_CONTINUE = 0xc020aa07;
/** Makes missing pages answer with SIGBUS. @since Linux 6.6 */
export const UFFDIO_POISON = 0xc020aa08;
/** Protects a range against reads and writes, or lifts the protection. @since Linux 7.3 */
export const UFFDIO_RWPROTECT = 0xc018aa09;
/** Switches RWP_ASYNC on or off after the handshake. @since Linux 7.3 */
export const UFFDIO_SET_MODE = 0x4010aa0a;

/** Bit of UFFDIO_REGISTER in `ioctls` masks, and its index. @since Linux 4.3 */
export const _UFFDIO_REGISTER = 0x00;
/** Bit of UFFDIO_UNREGISTER in `ioctls` masks, and its index. @since Linux 4.3 */
export const _UFFDIO_UNREGISTER = 0x01;
/** Bit of UFFDIO_WAKE in `ioctls` masks, and its index. @since Linux 4.3 */
export const _UFFDIO_WAKE = 0x02;
/** Bit of UFFDIO_COPY in `ioctls` masks, and its index. @since Linux 4.3 */
export const _UFFDIO_COPY = 0x03;
/** Bit of UFFDIO_ZEROPAGE in `ioctls` masks, and its index. @since Linux 4.3 */
export const _UFFDIO_ZEROPAGE = 0x04;
/** Bit of UFFDIO_MOVE in `ioctls` masks, and its index. @since Linux 6.8 */
export const _UFFDIO_MOVE = 0x05;
/** Bit of UFFDIO_WRITEPROTECT in `ioctls` masks, and its index. @since Linux 5.7 */
export const _UFFDIO_WRITEPROTECT = 0x06;
/** Bit of UFFDIO_CONTINUE in `ioctls` masks, and its index. @since Linux 5.13 */
export const _UFFDIO_CONTINUE = 0x07;
/** Bit of UFFDIO_POISON in `ioctls` masks, and its index. @since Linux 6.6 */
export const _UFFDIO_POISON = 0x08;
/** Bit of UFFDIO_RWPROTECT in `ioctls` masks, and its index. @since Linux 7.3 */
export const _UFFDIO_RWPROTECT = 0x09;
/** Bit of UFFDIO_SET_MODE in `ioctls` masks, and its index. @since Linux 7.3 */
export const _UFFDIO_SET_MODE = 0x0a;
/** Bit of UFFDIO_API in `ioctls` masks, and its index. @since Linux 4.3 */
export const _UFFDIO_API = 0x3f;

/** Register mode: report accesses to pages that are not there. @since Linux 4.3 */
export const UFFDIO_REGISTER_MODE_MISSING = 1;
/** Register mode: report writes to write-protected pages. @since Linux 5.7 */
export const UFFDIO_REGISTER_MODE_WP = 2;
/** Register mode: report pages that the page cache holds but no PTE maps. @since Linux 5.13 */
export const UFFDIO_REGISTER_MODE_MINOR = 4;
/** Register mode: report accesses to read-write-protected pages. @since Linux 7.3 */
export const UFFDIO_REGISTER_MODE_RWP = 8;

/** UFFDIO_COPY mode: leaves the waiters of the range asleep. @since Linux 4.3 */
export const UFFDIO_COPY_MODE_DONTWAKE = 1;
/** UFFDIO_COPY mode: installs the pages write-protected. @since Linux 5.7 */
export const UFFDIO_COPY_MODE_WP = 2;
/** UFFDIO_ZEROPAGE mode: leaves the waiters of the range asleep. @since Linux 4.3 */
export const UFFDIO_ZEROPAGE_MODE_DONTWAKE = 1;
/** UFFDIO_WRITEPROTECT mode: protects; without it the protection is lifted. @since Linux 5.7 */
export const UFFDIO_WRITEPROTECT_MODE_WP = 1;
/** UFFDIO_WRITEPROTECT mode: leaves the waiters of the range asleep. @since Linux 5.7 */
export const UFFDIO_WRITEPROTECT_MODE_DONTWAKE = 2;
/** UFFDIO_CONTINUE mode: leaves the waiters of the range asleep. @since Linux 5.13 */
export const UFFDIO_CONTINUE_MODE_DONTWAKE = 1;
/** UFFDIO_CONTINUE mode: maps the pages write-protected. @since Linux 6.4 */
export const UFFDIO_CONTINUE_MODE_WP = 2;
/** UFFDIO_POISON mode: leaves the waiters of the range asleep. @since Linux 6.6 */
export const UFFDIO_POISON_MODE_DONTWAKE = 1;
/** UFFDIO_MOVE mode: leaves the waiters of the range asleep. @since Linux 6.8 */
export const UFFDIO_MOVE_MODE_DONTWAKE = 1;
/** UFFDIO_MOVE mode: skips pages that the source lacks. @since Linux 6.8 */
export const UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES = 2;
/** UFFDIO_RWPROTECT mode: protects; without it the protection is lifted. @since Linux 7.3 */
export const UFFDIO_RWPROTECT_MODE_RWP = 1;
/** UFFDIO_RWPROTECT mode: leaves the waiters of the range asleep. @since Linux 7.3 */
export const UFFDIO_RWPROTECT_MODE_DONTWAKE = 2;

/** Message: a thread waits for a page. @since Linux 4.3 */
export const UFFD_EVENT_PAGEFAULT = 0x12;
/** Message: a child was forked and has a userfaultfd of its own. @since Linux 4.11 */
export const UFFD_EVENT_FORK = 0x13;
/** Message: mremap moved a range. @since Linux 4.11 */
export const UFFD_EVENT_REMAP = 0x14;
/** Message: madvise is about to drop the pages of a range. @since Linux 4.11 */
export const UFFD_EVENT_REMOVE = 0x15;
/** Message: a range was unmapped. @since Linux 4.11 */
export const UFFD_EVENT_UNMAP = 0x16;

/** Fault flag: the access was a write. @since Linux 4.3 */
export const UFFD_PAGEFAULT_FLAG_WRITE = 1;
/** Fault flag: the page is write-protected by userfaultfd. @since Linux 5.7 */
export const UFFD_PAGEFAULT_FLAG_WP = 2;
/** Fault flag: the page is in the page cache but not mapped. @since Linux 5.13 */
export const UFFD_PAGEFAULT_FLAG_MINOR = 4;
/** Fault flag: the page is read-write-protected by userfaultfd. @since Linux 7.3 */
export const UFFD_PAGEFAULT_FLAG_RWP = 8;
