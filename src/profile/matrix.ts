/**
 * What each kernel version can do and does differently, one row for each capability.
 * Pure data: mechanism asks `profile.has(name)` and never compares versions.
 * Source: observation of 5.10.223, 6.1.174, 6.12.107, 6.18.44 and 7.3.4; the columns between follow
 * the release that brought the change (docs/sources.md).
 */

import {
  UFFD_FEATURE_EXACT_ADDRESS,
  UFFD_FEATURE_MINOR_HUGETLBFS,
  UFFD_FEATURE_MINOR_SHMEM,
  UFFD_FEATURE_MOVE,
  UFFD_FEATURE_POISON,
  UFFD_FEATURE_RWP,
  UFFD_FEATURE_RWP_ASYNC,
  UFFD_FEATURE_WP_ASYNC,
  UFFD_FEATURE_WP_HUGETLBFS_SHMEM,
  UFFD_FEATURE_WP_UNPOPULATED,
} from '../uapi/features.js';

/** Kernel versions that a machine can play, oldest first. */
export const KERNELS = ['5.10', '5.15', '5.19', '6.1', '6.6', '6.12', '6.18', '7.3'] as const;

/** Name of a kernel version that a machine can play. */
export type KernelVersion = (typeof KERNELS)[number];

/** Yes or no in every column of {@link KERNELS}. */
export const MATRIX = {
  //                          5.10 5.15 5.19 6.1 6.6 6.12 6.18 7.3
  userModeOnly:              '-    y    y    y   y   y    y    y',
  devUserfaultfd:            '-    -    -    y   y   y    y    y',
  unprivilegedDefault:       'y    -    -    -   -   -    -    -',
  apiFeatureCheckFirst:      'y    y    -    -   -   -    -    -',
  minAddrCheck:              'y    y    y    y   y   -    -    -',
  copySrcRangeCheck:         '-    -    -    -   y   y    y    y',
  noVmaAboveEnomem:          'y    y    y    y   -   -    -    -',
  exactAddress:              '-    -    y    y   y   y    y    y',
  wpUnpopulated:             '-    -    -    -   y   y    y    y',
  wpAsync:                   '-    -    -    -   -   y    y    y',
  wpNonAnon:                 '-    -    y    y   y   y    y    y',
  minorMode:                 '-    y    y    y   y   y    y    y',
  rwpMode:                   '-    -    -    -   -   -    -    y',
  reregisterDropWp:          'y    y    y    y   y   y    y    -',
  unregisterForeign:         'y    y    y    y   y   y    -    -',
  unregisterClearsWp:        '-    -    -    y   y   y    y    y',
  closeClearsWp:             '-    -    -    -   -   y    y    y',
  windowField:               '-    -    -    -   -   y    y    y',
  windowIsCounter:           '-    y    y    y   y   y    y    y',
  apiStateInFeatures:        '-    y    y    y   y   y    y    y',
  readOnlyFile:              '-    y    y    y   y   y    y    y',
  continueIoctl:             '-    y    y    y   y   y    y    y',
  continueModeWp:            '-    -    -    -   y   y    y    y',
  poisonIoctl:               '-    -    -    -   y   y    y    y',
  moveIoctl:                 '-    -    -    -   -   y    y    y',
  fillPreparesFirst:         '-    -    -    -   -   y    y    y',
  fillOverMarkers:           '-    -    y    y   y   y    y    y',
  fillOverGuard:             '-    -    -    -   -   -    y    -',
  copyEofEnomem:             '-    -    -    -   -   -    -    y',
  continueEofEfault:         '-    -    -    -   -   -    -    y',
  copyRechecksArea:          '-    -    -    -   -   -    -    y',
  copyWpNotWritable:         '-    y    y    y   y   y    y    y',
  hugetlbCopyEmptyPoolEexist:'-    -    -    -   -   -    y    y',
  wpSpansVmas:               '-    -    -    -   y   y    y    y',
  forkCopiesWpVma:           '-    y    y    y   y   y    y    y',
  forkCopiesSharedHugetlb:   'y    -    -    -   -   -    -    -',
  pinUnshares:               '-    -    y    y   y   y    y    y',
  faultsUnderAreaLock:       '-    -    -    -   -   y    y    y',
  remapEventNewLen:          '-    -    -    -   -   -    y    y',
  mremapClearsWp:            '-    -    -    -   -   y    y    y',
  mremapMultiVma:            '-    -    -    -   -   -    y    y',
  mremapChecksFirst:         '-    -    -    -   -   -    y    y',
  mremapHugetlb:             '-    -    y    y   y   y    y    y',
  dontunmapShared:           '-    y    y    y   y   y    y    y',
  mergeFollowing:            '-    -    -    -   y   y    y    y',
  mergeFaultedIntoUnfaulted: '-    -    -    -   -   -    y    y',
  mergeMapBetweenNext:       '-    -    -    y   -   -    -    -',
  mprotectUnaccounts:        '-    -    -    -   -   y    y    y',
  madviseResumes:            '-    -    -    -   -   -    y    y',
  guardRegions:              '-    -    -    -   -   -    y    y',
  guardVmFlag:               '-    -    -    -   -   -    y    y',
  madvPopulate:              '-    y    y    y   y   y    y    y',
  populateStopsAtHoles:      '-    -    -    -   -   y    y    y',
  madvDontneedLocked:        '-    -    y    y   y   y    y    y',
  madvCollapse:              '-    -    -    y   y   y    y    y',
  hugetlbDontneed:           '-    -    y    y   y   y    y    y',
  collapseEmpty:             '-    -    -    -   -   -    y    y',
  collapseArmedEbusy:        '-    -    -    -   y   y    y    y',
  migrationMarksSoftDirty:   '-    -    -    y   -   -    -    -',
  hwpoisonSignals:           '-    -    -    -   -   y    y    y',
  ksmMemoryFailure:          '-    -    -    -   -   y    y    y',
  lookupIgnoresRights:       '-    -    -    -   -   y    y    y',
  pagemapWp:                 '-    y    y    y   y   y    y    y',
  hugeZeroIsFile:            '-    -    y    y   y   y    y    -',
  hugeZeroWriteAllocates:    '-    -    -    -   -   -    y    y',
  thpExclusivePerPage:       '-    -    -    -   y   y    -    -',
  splitMapsZeroPages:        '-    -    -    -   -   y    y    y',
  hugePageReuse:             '-    -    -    -   -   -    y    y',
  dontneedFreesTables:       '-    -    -    -   -   -    y    y',
  memReadsProtNone:          'y    y    y    y   y   y    y    -',
  pagemapScan:               '-    -    -    -   -   y    y    y',
  scanNoneWritten:           '-    -    -    -   -   y    y    y',
  scanHoleWritten:           '-    -    -    -   -   y    y    y',
  scanGuard:                 '-    -    -    -   -   -    y    y',
  scanAccessed:              '-    -    -    -   -   -    -    y',
  scanWrittenOnlyWp:         '-    -    -    -   -   -    -    y',
  swapInGrantsWrite:         '-    -    -    -   -   y    y    y',
  swapinErrorEntry:          '-    -    y    y   -   -    -    -',
  swapinErrorMarker:         '-    -    -    -   y   y    y    y',
  poisonIsHwpoison:          '-    -    -    -   y   y    y    y',
  forkLosesMarkers:          '-    -    -    -   -   -    -    -',
} as const;

/** Name of something that a kernel version has or does. */
export type Capability = keyof typeof MATRIX;

/** Feature bits of UFFDIO_API that every kernel here reports. */
export const FIRST_FEATURES = 0x1ff;

/** Feature bits that come with a capability. */
export const FEATURES_OF: Partial<Record<Capability, number>> = {
  minorMode: UFFD_FEATURE_MINOR_HUGETLBFS | UFFD_FEATURE_MINOR_SHMEM,
  exactAddress: UFFD_FEATURE_EXACT_ADDRESS,
  wpNonAnon: UFFD_FEATURE_WP_HUGETLBFS_SHMEM,
  wpUnpopulated: UFFD_FEATURE_WP_UNPOPULATED,
  poisonIoctl: UFFD_FEATURE_POISON,
  wpAsync: UFFD_FEATURE_WP_ASYNC,
  moveIoctl: UFFD_FEATURE_MOVE,
  rwpMode: UFFD_FEATURE_RWP | UFFD_FEATURE_RWP_ASYNC,
};

/** Release strings, as uname(2) would give them. */
export const RELEASES = [
  '5.10.223',
  '5.15.0',
  '5.19.0',
  '6.1.174',
  '6.6.0',
  '6.12.107',
  '6.18.44',
  '7.3.4',
] as const;
