/**
 * The signals that a failed memory access raises, and their si_code.
 * Pure data; which access gets which is decided by the fault path.
 * Answers to asm-generic/siginfo.h, asm/signal.h, signal(7) and sigaction(2).
 */

/** The access reached a mapping, but no page could be had. @since Linux 1.0 */
export const SIGBUS = 7;
/** The process ends at once. @since Linux 1.0 */
export const SIGKILL = 9;
/** The access reached no mapping, or one that forbids it. @since Linux 1.0 */
export const SIGSEGV = 11;

/** SIGBUS: the address is badly aligned. @since Linux 2.2 */
export const BUS_ADRALN = 1;
/** SIGBUS: no page, as behind the end of a file or with UFFD_FEATURE_SIGBUS. @since Linux 2.2 */
export const BUS_ADRERR = 2;
/** SIGBUS: an error of the device. @since Linux 2.2 */
export const BUS_OBJERR = 3;
/** SIGBUS: the page accessed is poisoned, action required. @since Linux 2.6.32 */
export const BUS_MCEERR_AR = 4;
/** SIGBUS: a page of the process is poisoned, action optional. @since Linux 2.6.32 */
export const BUS_MCEERR_AO = 5;

/** SIGSEGV: nothing is mapped there, or a guard region is. @since Linux 2.2 */
export const SEGV_MAPERR = 1;
/** SIGSEGV: the mapping forbids the access. @since Linux 2.2 */
export const SEGV_ACCERR = 2;
