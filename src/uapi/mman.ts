/**
 * The numbers of memory mapping on x86-64: protections, mmap and mremap flags, madvise advice.
 * Pure data, through Linux 7.3; the system calls decide which of them they accept.
 * Answers to linux/mman.h, asm-generic/mman-common.h, mmap(2), mremap(2) and madvise(2).
 */

/** No access at all. @since Linux 1.0 */
export const PROT_NONE = 0x0;
/** Pages can be read. @since Linux 1.0 */
export const PROT_READ = 0x1;
/** Pages can be written. @since Linux 1.0 */
export const PROT_WRITE = 0x2;
/** Pages can be executed. @since Linux 1.0 */
export const PROT_EXEC = 0x4;
/** Pages can hold atomic operations; no effect on x86-64. @since Linux 2.6 */
export const PROT_SEM = 0x8;
/** mprotect: extends down to the start of a mapping that grows down. @since Linux 2.6 */
export const PROT_GROWSDOWN = 0x01000000;
/** mprotect: extends up to the end of a mapping that grows up. @since Linux 2.6 */
export const PROT_GROWSUP = 0x02000000;

/** Ignored; the opposite of MAP_ANONYMOUS elsewhere. @since Linux 2.0 */
export const MAP_FILE = 0x00;
/** Stores go to the object, others see them. @since Linux 1.0 */
export const MAP_SHARED = 0x01;
/** Stores go to a private copy. @since Linux 1.0 */
export const MAP_PRIVATE = 0x02;
/** MAP_SHARED that refuses flags it does not know. @since Linux 4.15 */
export const MAP_SHARED_VALIDATE = 0x03;
/** Anonymous memory that the kernel may drop at any time. @since Linux 6.11 */
export const MAP_DROPPABLE = 0x08;
/** Mask of the bits that hold the kind of mapping. @since Linux 1.0 */
export const MAP_TYPE = 0x0f;
/** Exactly at the address; what is there is unmapped. @since Linux 1.0 */
export const MAP_FIXED = 0x10;
/** Of no file: zero-filled memory. @since Linux 1.0 */
export const MAP_ANONYMOUS = 0x20;
/** Another spelling of MAP_ANONYMOUS. @since Linux 2.0 */
export const MAP_ANON = 0x20;
/** In the low 2 GiB of the address space. @since Linux 2.4.20 */
export const MAP_32BIT = 0x40;
/** Above the low 4 GiB of the address space. @since Linux 6.6 */
export const MAP_ABOVE4G = 0x80;
/** Grows down when the page below it is touched. @since Linux 1.2 */
export const MAP_GROWSDOWN = 0x0100;
/** Ignored. @since Linux 1.2 */
export const MAP_DENYWRITE = 0x0800;
/** Ignored. @since Linux 1.2 */
export const MAP_EXECUTABLE = 0x1000;
/** Populated and locked as by mlock. @since Linux 2.6 */
export const MAP_LOCKED = 0x2000;
/** Without a reservation of swap space or huge pages. @since Linux 2.2 */
export const MAP_NORESERVE = 0x4000;
/** Faults all pages in before mmap returns. @since Linux 2.6 */
export const MAP_POPULATE = 0x8000;
/** With MAP_POPULATE: does not populate. @since Linux 2.6 */
export const MAP_NONBLOCK = 0x10000;
/** Suited for a thread stack; no effect but on huge pages. @since Linux 2.6.27 */
export const MAP_STACK = 0x20000;
/** Of huge pages from the hugetlb pool. @since Linux 2.6.32 */
export const MAP_HUGETLB = 0x40000;
/** DAX file mapping with synchronous faults. @since Linux 4.15 */
export const MAP_SYNC = 0x80000;
/** Exactly at the address; EEXIST if something is there. @since Linux 4.17 */
export const MAP_FIXED_NOREPLACE = 0x100000;
/** Anonymous memory that need not be zeroed, on systems without an MMU. @since Linux 2.6.33 */
export const MAP_UNINITIALIZED = 0x4000000;
/** Position of log2 of the huge page size in mmap flags. @since Linux 3.8 */
export const MAP_HUGE_SHIFT = 26;
/** Mask of log2 of the huge page size, at position 0. @since Linux 3.8 */
export const MAP_HUGE_MASK = 0x3f;
/** With MAP_HUGETLB: huge pages of 2 MiB. @since Linux 3.8 */
export const MAP_HUGE_2MB = 0x54000000;
/** With MAP_HUGETLB: huge pages of 1 GiB. @since Linux 3.8 */
export const MAP_HUGE_1GB = 0x78000000;

/** The mapping may move if it cannot grow in place. @since Linux 2.0 */
export const MREMAP_MAYMOVE = 1;
/** The mapping moves to a given address; what is there is unmapped. @since Linux 2.4 */
export const MREMAP_FIXED = 2;
/** The old range stays mapped, empty. @since Linux 5.7 */
export const MREMAP_DONTUNMAP = 4;

/** msync: only marks the pages for writing. @since Linux 1.3 */
export const MS_ASYNC = 1;
/** msync: other mappings of the file are brought up to date. @since Linux 1.3 */
export const MS_INVALIDATE = 2;
/** msync: writes the dirty pages back and waits. @since Linux 1.3 */
export const MS_SYNC = 4;

/** No special treatment. @since Linux 2.4 */
export const MADV_NORMAL = 0;
/** Accesses come in random order. @since Linux 2.4 */
export const MADV_RANDOM = 1;
/** Accesses come in order. @since Linux 2.4 */
export const MADV_SEQUENTIAL = 2;
/** Accesses come soon: read ahead, swap in. @since Linux 2.4 */
export const MADV_WILLNEED = 3;
/** Drops the pages at once; private contents are lost. @since Linux 2.4 */
export const MADV_DONTNEED = 4;
/** Lets anonymous pages be dropped under memory pressure, until written. @since Linux 4.5 */
export const MADV_FREE = 8;
/** Punches a hole into the shared object. @since Linux 2.6.16 */
export const MADV_REMOVE = 9;
/** A fork leaves the range out of the child. @since Linux 2.6.16 */
export const MADV_DONTFORK = 10;
/** Undoes MADV_DONTFORK. @since Linux 2.6.16 */
export const MADV_DOFORK = 11;
/** KSM may merge equal pages. @since Linux 2.6.32 */
export const MADV_MERGEABLE = 12;
/** Undoes MADV_MERGEABLE and unmerges. @since Linux 2.6.32 */
export const MADV_UNMERGEABLE = 13;
/** Transparent huge pages are welcome. @since Linux 2.6.38 */
export const MADV_HUGEPAGE = 14;
/** No transparent huge pages. @since Linux 2.6.38 */
export const MADV_NOHUGEPAGE = 15;
/** Core dumps leave the range out. @since Linux 3.4 */
export const MADV_DONTDUMP = 16;
/** Undoes MADV_DONTDUMP. @since Linux 3.4 */
export const MADV_DODUMP = 17;
/** A forked child finds the range zero-filled. @since Linux 4.14 */
export const MADV_WIPEONFORK = 18;
/** Undoes MADV_WIPEONFORK. @since Linux 4.14 */
export const MADV_KEEPONFORK = 19;
/** Makes the pages the next to be reclaimed. @since Linux 5.4 */
export const MADV_COLD = 20;
/** Reclaims the pages now. @since Linux 5.4 */
export const MADV_PAGEOUT = 21;
/** Faults the pages in as reads do. @since Linux 5.14 */
export const MADV_POPULATE_READ = 22;
/** Faults the pages in as writes do. @since Linux 5.14 */
export const MADV_POPULATE_WRITE = 23;
/** MADV_DONTNEED that drops locked pages too. @since Linux 5.18 */
export const MADV_DONTNEED_LOCKED = 24;
/** Collapses the range into huge pages now. @since Linux 6.1 */
export const MADV_COLLAPSE = 25;
/** Poisons a page, for tests. @since Linux 2.6.32 */
export const MADV_HWPOISON = 100;
/** Takes a page off line, for tests. @since Linux 2.6.33 */
export const MADV_SOFT_OFFLINE = 101;
/** Drops the pages and makes accesses fail with SIGSEGV. @since Linux 6.13 */
export const MADV_GUARD_INSTALL = 102;
/** Undoes MADV_GUARD_INSTALL. @since Linux 6.13 */
export const MADV_GUARD_REMOVE = 103;
