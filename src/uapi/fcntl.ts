/**
 * The numbers of descriptors and files on x86-64: open flags, fcntl commands, seals, memfd_create
 * and fallocate flags. Pure data; the system calls decide which of them they accept.
 * Answers to asm-generic/fcntl.h, linux/fcntl.h, linux/memfd.h, linux/falloc.h, open(2), fcntl(2),
 * memfd_create(2) and fallocate(2).
 */

/** Open for reading only. @since Linux 1.0 */
export const O_RDONLY = 0x0;
/** Open for writing only. @since Linux 1.0 */
export const O_WRONLY = 0x1;
/** Open for reading and writing. @since Linux 1.0 */
export const O_RDWR = 0x2;
/** Mask of the access mode. @since Linux 1.0 */
export const O_ACCMODE = 0x3;
/** The file is made if it is not there. @since Linux 1.0 */
export const O_CREAT = 0x40;
/** With O_CREAT: the file must not be there. @since Linux 1.0 */
export const O_EXCL = 0x80;
/** The file is emptied. @since Linux 1.0 */
export const O_TRUNC = 0x200;
/** A new file without a name; the path only says where. @since Linux 3.11 */
export const O_TMPFILE = 0x410000;
/** Calls on the descriptor fail with EAGAIN instead of sleeping. @since Linux 1.0 */
export const O_NONBLOCK = 0x800;
/** The descriptor is closed by execve. @since Linux 2.6.23 */
export const O_CLOEXEC = 0x80000;

/** fcntl: reads the descriptor flags. @since Linux 1.0 */
export const F_GETFD = 1;
/** fcntl: sets the descriptor flags. @since Linux 1.0 */
export const F_SETFD = 2;
/** fcntl: reads access mode and file status flags. @since Linux 1.0 */
export const F_GETFL = 3;
/** fcntl: sets the file status flags, O_NONBLOCK among them. @since Linux 1.0 */
export const F_SETFL = 4;
/** fcntl: adds seals to a memfd. @since Linux 3.17 */
export const F_ADD_SEALS = 1033;
/** fcntl: reads the seals of a memfd. @since Linux 3.17 */
export const F_GET_SEALS = 1034;
/** Descriptor flag: closed by execve. @since Linux 1.0 */
export const FD_CLOEXEC = 1;

/** Seal: no further seals. @since Linux 3.17 */
export const F_SEAL_SEAL = 0x1;
/** Seal: the file cannot shrink. @since Linux 3.17 */
export const F_SEAL_SHRINK = 0x2;
/** Seal: the file cannot grow. @since Linux 3.17 */
export const F_SEAL_GROW = 0x4;
/** Seal: the file cannot be written. @since Linux 3.17 */
export const F_SEAL_WRITE = 0x8;
/** Seal: no new way to write, mappings that exist stay. @since Linux 5.1 */
export const F_SEAL_FUTURE_WRITE = 0x10;
/** Seal: the execute bits of the file cannot change. @since Linux 6.3 */
export const F_SEAL_EXEC = 0x20;

/** memfd_create: the descriptor is closed by execve. @since Linux 3.17 */
export const MFD_CLOEXEC = 0x1;
/** memfd_create: seals can be added. @since Linux 3.17 */
export const MFD_ALLOW_SEALING = 0x2;
/** memfd_create: a file of huge pages. @since Linux 4.14 */
export const MFD_HUGETLB = 0x4;
/** memfd_create: not executable, sealed so. @since Linux 6.3 */
export const MFD_NOEXEC_SEAL = 0x8;
/** memfd_create: executable. @since Linux 6.3 */
export const MFD_EXEC = 0x10;
/** Position of log2 of the huge page size in memfd_create flags. @since Linux 4.14 */
export const MFD_HUGE_SHIFT = 26;
/** Mask of log2 of the huge page size, at position 0. @since Linux 4.14 */
export const MFD_HUGE_MASK = 0x3f;
/** With MFD_HUGETLB: huge pages of 2 MiB. @since Linux 4.14 */
export const MFD_HUGE_2MB = 0x54000000;
/** With MFD_HUGETLB: huge pages of 1 GiB. @since Linux 4.14 */
export const MFD_HUGE_1GB = 0x78000000;

/** fallocate: the file keeps its size. @since Linux 2.6.23 */
export const FALLOC_FL_KEEP_SIZE = 0x1;
/** fallocate: frees a range; goes with KEEP_SIZE. @since Linux 2.6.38 */
export const FALLOC_FL_PUNCH_HOLE = 0x2;
/** fallocate: cuts a range out of the file. @since Linux 3.15 */
export const FALLOC_FL_COLLAPSE_RANGE = 0x8;
/** fallocate: zeroes a range. @since Linux 3.15 */
export const FALLOC_FL_ZERO_RANGE = 0x10;
/** fallocate: makes room inside the file. @since Linux 4.1 */
export const FALLOC_FL_INSERT_RANGE = 0x20;
/** fallocate: gives a range blocks of its own. @since Linux 4.9 */
export const FALLOC_FL_UNSHARE_RANGE = 0x40;
/** fallocate: zeroes a range by writing. @since Linux 6.17 */
export const FALLOC_FL_WRITE_ZEROES = 0x80;
