/**
 * The event bits of poll(2) that a userfaultfd answers with.
 * Pure data; when each is set is decided by the file object.
 * Answers to asm-generic/poll.h, poll(2) and userfaultfd(2).
 */

/** A message can be read. @since Linux 2.2 */
export const POLLIN = 0x1;
/** Urgent data can be read. @since Linux 2.2 */
export const POLLPRI = 0x2;
/** Writing would not sleep. @since Linux 2.2 */
export const POLLOUT = 0x4;
/** The handshake is missing or the descriptor can sleep. @since Linux 2.2 */
export const POLLERR = 0x8;
/** The other end is gone. @since Linux 2.2 */
export const POLLHUP = 0x10;
/** The descriptor is not open. @since Linux 2.2 */
export const POLLNVAL = 0x20;
