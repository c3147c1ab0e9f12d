/**
 * The profiles: what each maps, how it registers, which operations it draws and how often.
 * Pure data; a profile names the parts of Linux without which it makes no sense.
 */

import type { FileObject, Kind } from './model/page.js';
import { MINOR, MISSING, WP } from './model/page.js';
import type { OperationName } from './operations/table.js';
import type { Part } from './parts.js';
import type { Weighted } from './random.js';

/** What a mapping is made of: a kind, and the kind of its object. */
export interface MappingKind {
  readonly kind: Kind;
  readonly file?: FileObject['kind'];
}

/** One way to draw scenarios. */
export interface Profile {
  readonly needs: readonly Part[];
  readonly mappings: Weighted<MappingKind>;
  /** How many windows are mapped at the start, at most. */
  readonly windows: number;
  readonly uffds: number;
  /** Least and most pages of an anonymous mapping. */
  readonly pages: readonly [number, number];
  /** In so many percent an anonymous mapping is large enough for huge pages. */
  readonly largePercent: number;
  /** In so many percent a range is a whole aligned 2 MiB, where there is one. */
  readonly hugePercent: number;
  /** Features with the percentage of userfaultfds that ask for them. */
  readonly features: Weighted<string>;
  readonly blockingPercent: number;
  readonly modes: Weighted<number>;
  /** Processes at most, the first included. */
  readonly processes: number;
  readonly operations: Readonly<Partial<Record<OperationName, number>>>;
}

const ANON: MappingKind = { kind: 'anon' };
const ANON_SHARED: MappingKind = { kind: 'anon-shared' };
const SHARED: MappingKind = { kind: 'shared', file: 'shmem' };
const PRIVATE: MappingKind = { kind: 'priv', file: 'shmem' };

const PLAIN_FEATURES: Weighted<string> = [
  ['WP_UNPOPULATED', 30],
  ['THREAD_ID', 25],
  ['EXACT_ADDRESS', 25],
  ['PAGEFAULT_FLAG_WP', 20],
  ['EVENT_REMOVE', 15],
  ['EVENT_UNMAP', 8],
  ['EVENT_REMAP', 8],
  ['EVENT_FORK', 8],
  ['SIGBUS', 4],
  ['WP_ASYNC', 6],
  ['MOVE', 20],
  ['POISON', 10],
];

/** The features of a profile before the plain ones, which then count less. */
function features(own: Readonly<Record<string, number>>): Weighted<string> {
  const rest = PLAIN_FEATURES.filter(([name]) => own[name] === undefined);
  return [...Object.entries(own), ...rest];
}

const ANY_MODES: Weighted<number> = [
  [MISSING, 4],
  [WP, 4],
  [MISSING | WP, 4],
];

const MINOR_MODES: Weighted<number> = [
  [MINOR, 6],
  [MINOR | MISSING, 4],
  [MINOR | WP, 2],
  [MISSING | WP, 1],
  [MINOR | MISSING | WP, 2],
];

/** What every profile draws. */
const COMMON: Profile['operations'] = {
  read: 60,
  write: 80,
  rmw: 10,
  crowd: 10,
  sysread: 12,
  syswrite: 12,
  vmread: 5,
  vmwrite: 5,
  serve: 110,
  copy: 45,
  zeropage: 22,
  continue: 4,
  poison: 5,
  move: 6,
  wp: 60,
  wake: 12,
  register: 30,
  unregister: 12,
  drain: 15,
  event: 6,
  poll: 4,
  fdinfo: 4,
  dontneed: 22,
  dontneedLocked: 2,
  remove: 4,
  free: 6,
  advice: 5,
  populate: 6,
  mprotect: 10,
  lock: 4,
  mapOver: 4,
  munmap: 4,
  mremapMove: 4,
  mremapResize: 3,
  pagemap: 25,
  peek: 12,
  vmflags: 8,
  mincore: 4,
  scan: 6,
  fork: 4,
  signal: 4,
  join: 4,
  close: 2,
  uffd: 2,
  dup: 1,
  odd: 5,
};

const FILE_OPERATIONS: Profile['operations'] = {
  fwrite: 20,
  fread: 8,
  fmincore: 8,
  fallocate: 20,
  ftruncate: 5,
  reopen: 2,
  dupFile: 1,
  closeFile: 1,
  remove: 10,
};

const BASE: Profile = {
  needs: [],
  mappings: [[ANON, 1]],
  windows: 2,
  uffds: 1,
  pages: [4, 10],
  largePercent: 0,
  hugePercent: 0,
  features: features({}),
  blockingPercent: 0,
  modes: ANY_MODES,
  processes: 2,
  operations: COMMON,
};

const SHMEM: Profile = {
  ...BASE,
  mappings: [
    [SHARED, 5],
    [PRIVATE, 2],
    [ANON_SHARED, 2],
  ],
  windows: 3,
  operations: { ...COMMON, ...FILE_OPERATIONS, continue: 12, wp: 90 },
};

const MANY: Profile = {
  ...BASE,
  mappings: [
    [ANON, 4],
    [SHARED, 2],
    [PRIVATE, 1],
    [ANON_SHARED, 1],
  ],
  windows: 3,
  uffds: 2,
};

/** Profiles by name. */
export const PROFILES: Readonly<Record<string, Profile>> = {
  anon: BASE,
  shmem: SHMEM,
  minor: {
    ...SHMEM,
    modes: MINOR_MODES,
    operations: { ...SHMEM.operations, continue: 70, wp: 25, register: 40 },
  },
  fork: {
    ...MANY,
    features: features({ EVENT_FORK: 60 }),
    processes: 4,
    operations: { ...COMMON, ...FILE_OPERATIONS, fork: 60, exit: 6, kill: 3, advice: 20 },
  },
  remap: {
    ...MANY,
    mappings: [
      [ANON, 6],
      [SHARED, 2],
      [PRIVATE, 1],
      [ANON_SHARED, 1],
    ],
    features: features({ EVENT_REMAP: 55, EVENT_UNMAP: 40, EVENT_REMOVE: 30 }),
    operations: { ...COMMON, mremapMove: 70, mremapResize: 35, munmap: 20, mapOver: 20 },
  },
  events: {
    ...MANY,
    features: features({ EVENT_REMAP: 60, EVENT_UNMAP: 60, EVENT_REMOVE: 60, EVENT_FORK: 40 }),
    blockingPercent: 12,
    processes: 3,
    operations: {
      ...COMMON,
      event: 50,
      poll: 15,
      fdinfo: 15,
      dontneed: 50,
      remove: 20,
      free: 12,
      munmap: 25,
      mremapMove: 25,
      mapOver: 12,
      fork: 20,
      signal: 15,
      close: 6,
    },
  },
  poison: {
    ...MANY,
    features: features({ POISON: 60 }),
    operations: { ...COMMON, poison: 80, guardInstall: 30, guardRemove: 15, fork: 10, move: 20 },
  },
  guard: {
    ...MANY,
    needs: ['guard'],
    operations: { ...COMMON, poison: 15, guardInstall: 80, guardRemove: 40, mremapMove: 15 },
  },
  move: {
    ...BASE,
    uffds: 2,
    windows: 3,
    features: features({ MOVE: 80 }),
    processes: 3,
    operations: { ...COMMON, move: 130, fork: 15 },
  },
  scan: {
    ...MANY,
    needs: ['scan'],
    features: features({ WP_ASYNC: 60, WP_UNPOPULATED: 40 }),
    operations: { ...COMMON, scan: 150 },
  },
  files: {
    ...SHMEM,
    needs: ['regular'],
    mappings: [
      [{ kind: 'priv', file: 'reg' }, 4],
      [{ kind: 'shared', file: 'reg' }, 2],
      [SHARED, 1],
    ],
    features: features({ WP_ASYNC: 75 }),
    modes: [
      [WP, 8],
      [MISSING | WP, 1],
      [MINOR, 1],
    ],
    operations: {
      ...SHMEM.operations,
      fread: 20,
      scan: 40,
      swapout: 25,
      advice: 25,
      guardInstall: 4,
      mremapMove: 10,
    },
  },
  hugetlb: {
    ...BASE,
    needs: ['hugetlb'],
    mappings: [
      [{ kind: 'shared', file: 'hugetlb' }, 4],
      [{ kind: 'priv', file: 'hugetlb' }, 2],
      [{ kind: 'anon-huge' }, 3],
      [{ kind: 'anon-shared-huge' }, 1],
    ],
    modes: [...ANY_MODES, ...MINOR_MODES],
    operations: { ...COMMON, ...FILE_OPERATIONS, continue: 30, zeropage: 4, mapOver: 0 },
  },
  thp: {
    ...BASE,
    needs: ['thp', 'collapse'],
    pages: [500, 1100],
    hugePercent: 25,
    processes: 3,
    operations: {
      ...COMMON,
      hugepage: 40,
      collapse: 25,
      move: 30,
      fork: 10,
      mremapMove: 15,
      scan: 25,
      advice: 12,
      guardInstall: 6,
      guardRemove: 4,
      hugeSwapout: 10,
      swapout: 4,
    },
  },
  swap: {
    ...MANY,
    needs: ['swap'],
    operations: { ...COMMON, swapout: 110, freeSwapped: 12, move: 25, free: 0, fork: 25 },
  },
  badargs: {
    ...MANY,
    operations: { ...COMMON, odd: 260 },
  },
  processes: {
    ...MANY,
    features: features({ EVENT_FORK: 40 }),
    processes: 6,
    operations: {
      ...COMMON,
      ...FILE_OPERATIONS,
      fork: 90,
      exit: 18,
      kill: 8,
      vmread: 40,
      vmwrite: 40,
      uffd: 15,
      close: 8,
      setuid: 2,
    },
  },
  mixed: {
    ...MANY,
    mappings: [
      [ANON, 5],
      [SHARED, 4],
      [PRIVATE, 3],
      [ANON_SHARED, 2],
    ],
    largePercent: 12,
    hugePercent: 12,
    features: features({ EVENT_REMAP: 20, EVENT_UNMAP: 20, EVENT_REMOVE: 25, EVENT_FORK: 20 }),
    modes: [...ANY_MODES, ...MINOR_MODES],
    blockingPercent: 3,
    processes: 4,
    operations: {
      ...COMMON,
      ...FILE_OPERATIONS,
      continue: 25,
      move: 20,
      poison: 15,
      guardInstall: 8,
      guardRemove: 4,
      scan: 25,
      mremapMove: 15,
      mremapResize: 10,
      munmap: 10,
      mapOver: 10,
      fork: 15,
      exit: 3,
      odd: 15,
      swapout: 10,
      hugepage: 8,
      collapse: 5,
      hugeSwapout: 2,
      free: 2,
      setuid: 1,
    },
  },
};
