/**
 * The feature bits of the UFFDIO_API handshake, bits 0 to 18.
 * Pure data: which kernel reports which is the profile's, what a feature changes is the uffd
 * object's. "Probe only" means that asking for the bit changes nothing.
 * Answers to linux/userfaultfd.h and UFFDIO_API(2const).
 */

/** WP faults on anonymous memory exist; probe only. @since Linux 5.7 */
export const UFFD_FEATURE_PAGEFAULT_FLAG_WP = 0x1;
/** A fork duplicates the userfaultfd and sends FORK. @since Linux 4.11 */
export const UFFD_FEATURE_EVENT_FORK = 0x2;
/** mremap keeps the registration and sends REMAP. @since Linux 4.11 */
export const UFFD_FEATURE_EVENT_REMAP = 0x4;
/** madvise that drops pages sends REMOVE. @since Linux 4.11 */
export const UFFD_FEATURE_EVENT_REMOVE = 0x8;
/** MISSING works on hugetlb; probe only. @since Linux 4.11 */
export const UFFD_FEATURE_MISSING_HUGETLBFS = 0x10;
/** MISSING works on shmem; probe only. @since Linux 4.11 */
export const UFFD_FEATURE_MISSING_SHMEM = 0x20;
/** Unmapping sends UNMAP. @since Linux 4.11 */
export const UFFD_FEATURE_EVENT_UNMAP = 0x40;
/** A fault raises SIGBUS, with no message. @since Linux 4.14 */
export const UFFD_FEATURE_SIGBUS = 0x80;
/** Fault messages name the thread in `ptid`. @since Linux 4.14 */
export const UFFD_FEATURE_THREAD_ID = 0x100;
/** MINOR works on hugetlb; probe only. @since Linux 5.13 */
export const UFFD_FEATURE_MINOR_HUGETLBFS = 0x200;
/** MINOR works on shmem; probe only. @since Linux 5.14 */
export const UFFD_FEATURE_MINOR_SHMEM = 0x400;
/** Fault messages carry the address unrounded. @since Linux 5.18 */
export const UFFD_FEATURE_EXACT_ADDRESS = 0x800;
/** WP works on hugetlb and shmem; probe only. @since Linux 5.19 */
export const UFFD_FEATURE_WP_HUGETLBFS_SHMEM = 0x1000;
/** WP of anonymous pages that are not there leaves markers. @since Linux 6.4 */
export const UFFD_FEATURE_WP_UNPOPULATED = 0x2000;
/** UFFDIO_POISON exists; probe only. @since Linux 6.6 */
export const UFFD_FEATURE_POISON = 0x4000;
/** WP faults resolve themselves, unreported; implies WP_UNPOPULATED. @since Linux 6.7 */
export const UFFD_FEATURE_WP_ASYNC = 0x8000;
/** UFFDIO_MOVE exists; probe only. @since Linux 6.8 */
export const UFFD_FEATURE_MOVE = 0x10000;
/** UFFDIO_REGISTER_MODE_RWP is allowed. @since Linux 7.3 */
export const UFFD_FEATURE_RWP = 0x20000;
/** RWP faults resolve themselves, unreported; needs RWP. @since Linux 7.3 */
export const UFFD_FEATURE_RWP_ASYNC = 0x40000;
