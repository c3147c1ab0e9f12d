/**
 * The names that scenarios use for bits and values of the kernel's interfaces, in order of their
 * bits. Owns spelling only: `none` and plain numbers are the business of values.ts.
 */

/** Names of bits or values. */
export type Names = ReadonlyMap<string, bigint>;

/** Names for bit 0, 1, 2… in this order. */
function bits(text: string): Names {
  return new Map(text.split(' ').map((name, bit) => [name, 1n << BigInt(bit)]));
}

/** Names with their values: `name=0x10`. */
function values(text: string): Names {
  return new Map(
    text.split(' ').map((word): [string, bigint] => {
      const [name = '', value = ''] = word.split('=');
      return [name, BigInt(value)];
    }),
  );
}

/** UFFD_FEATURE_*. */
export const FEATURES = bits(
  'PAGEFAULT_FLAG_WP EVENT_FORK EVENT_REMAP EVENT_REMOVE MISSING_HUGETLBFS MISSING_SHMEM ' +
    'EVENT_UNMAP SIGBUS THREAD_ID MINOR_HUGETLBFS MINOR_SHMEM EXACT_ADDRESS WP_HUGETLBFS_SHMEM ' +
    'WP_UNPOPULATED POISON WP_ASYNC MOVE RWP RWP_ASYNC',
);

/** Commands as bits of the `ioctls` fields. */
export const IOCTLS: Names = new Map([
  ...bits(
    'REGISTER UNREGISTER WAKE COPY ZEROPAGE MOVE WRITEPROTECT CONTINUE POISON RWPROTECT SET_MODE',
  ),
  ['API', 1n << 63n],
]);

/** UFFDIO_REGISTER_MODE_*. */
export const REGISTER_MODES = bits('missing wp minor rwp');

/** Modes of UFFDIO_COPY and its like. */
export const FILL_MODES = bits('dontwake wp');

/** Modes of UFFDIO_MOVE. */
export const MOVE_MODES = bits('dontwake holes');

/** Modes of UFFDIO_WRITEPROTECT and UFFDIO_RWPROTECT. */
export const PROTECT_MODES = values('on=1 off=0 dontwake=2');

/** Flags of userfaultfd(2). */
export const UFFD_FLAGS = values('usermode=1 nonblock=0x800 cloexec=0x80000');

/** UFFD_PAGEFAULT_FLAG_*. */
export const FAULT_FLAGS = bits('WRITE WP MINOR RWP');

/** POLLIN, POLLERR, POLLHUP, in the order in which they print. */
export const POLL_EVENTS = values('POLLIN=0x1 POLLERR=0x8 POLLHUP=0x10');

/** PROT_*. */
export const PROTECTIONS = values('r=1 w=2 rw=3 rx=5 rwx=7');

/** MAP_*, the ones that scenarios add. */
export const MAP_FLAGS = values(
  'fixed=0x10 growsdown=0x100 locked=0x2000 noreserve=0x4000 populate=0x8000',
);

/** MREMAP_*. */
export const REMAP_FLAGS = bits('maymove fixed dontunmap');

/** MADV_*. */
export const ADVICE = values(
  'NORMAL=0 RANDOM=1 SEQUENTIAL=2 WILLNEED=3 DONTNEED=4 FREE=8 REMOVE=9 DONTFORK=10 DOFORK=11 ' +
    'MERGEABLE=12 UNMERGEABLE=13 HUGEPAGE=14 NOHUGEPAGE=15 DONTDUMP=16 DODUMP=17 WIPEONFORK=18 ' +
    'KEEPONFORK=19 COLD=20 PAGEOUT=21 POPULATE_READ=22 POPULATE_WRITE=23 DONTNEED_LOCKED=24 ' +
    'COLLAPSE=25 GUARD_INSTALL=102 GUARD_REMOVE=103',
);

/** Modes of fallocate(2): KEEP_SIZE 1, PUNCH_HOLE 2, and so on, as combined by scenarios. */
export const FALLOCATE_MODES = values(
  'alloc=0 keep=1 punch=3 collapse=8 zero=0x10 zerokeep=0x11 insert=0x20 unshare=0x40',
);

/** PAGE_IS_*. */
export const CATEGORIES = bits(
  'WPALLOWED WRITTEN FILE PRESENT SWAPPED PFNZERO HUGE SOFT_DIRTY GUARD ACCESSED',
);

/** What `scan` accepts: the categories, and `all` but SOFT_DIRTY and ACCESSED. */
export const SCAN_CATEGORIES: Names = new Map([...CATEGORIES, ['all', 0x17fn]]);

/** PM_SCAN_*. */
export const SCAN_FLAGS = bits('wp_matching check_wpasync');

/** Letters of a pagemap word, with their bits, in the order in which they print. */
export const PAGEMAP_LETTERS: readonly (readonly [string, bigint])[] = [
  ['P', 1n << 63n],
  ['S', 1n << 62n],
  ['F', 1n << 61n],
  ['W', 1n << 57n],
  ['X', 1n << 56n],
  ['G', 1n << 58n],
  ['D', 1n << 55n],
];

/** Tokens of VmFlags that transcripts show, in the order in which they show them. */
export const VM_FLAGS: readonly string[] = 'um uw ui ur ht lo dc wf hg nh rr sr gd gu mg'.split(
  ' ',
);
