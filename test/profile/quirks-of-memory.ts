/** Quirks of processes and their memory: fork, mremap, merging, madvise, /proc, swap. */
import {
  MADV_DONTNEED,
  MADV_DONTNEED_LOCKED,
  MADV_HWPOISON,
  MADV_MERGEABLE,
  MADV_POPULATE_READ,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PAGE_IS_ACCESSED,
  PAGE_IS_GUARD,
  PAGE_IS_PRESENT,
  PAGE_IS_WRITTEN,
  PROT_NONE,
  PROT_READ,
  type Quirks,
  type ScanRequest,
  UFFD_FEATURE_EVENT_FORK,
  UFFD_FEATURE_EVENT_REMAP,
  UFFD_FEATURE_EVENT_REMOVE,
} from 'uffd-emulator';
import type { PageFacts } from '../mm/page-facts.js';
import { M, mapAt, PAGE, pagesAt, span, W } from '../support/guest.js';
import { errno } from '../support/observe.js';
import { areasOf, type Play, type QuirkTable, quirk } from './quirk.js';

/** Sizes in pages; to a fixed place if one is named. */
function remap(
  { guest }: PageFacts,
  from: number,
  old: number,
  size: number,
  to: number,
  more = 0,
) {
  const flags = MREMAP_MAYMOVE | MREMAP_FIXED | more;
  const sizes = { oldSize: old * PAGE, newSize: size * PAGE };
  return { oldAddress: guest.at(from), newAddress: guest.at(to), flags, ...sizes };
}

const advised = (advice: number) => (play: Play) =>
  errno(() => play({ modes: 0 }).advise(advice, 0));

/** Categories of a scan of page 0 (written), 1 (none) and 512 (no table). */
const scanned =
  (options: object, request: Partial<ScanRequest> = {}) =>
  (play: Play) => {
    const { main, proc, at } = play({ pages: 1024, ...options }).guest;
    main.store8Sync(at(0), 1);
    const returned = PAGE_IS_WRITTEN | PAGE_IS_PRESENT;
    const { regions } = proc.pagemapScan({ start: at(0), end: at(1024), returned, ...request });
    const of = (n: number) =>
      regions.find(({ start, end }) => start <= at(n) && at(n) < end)?.categories;
    return [of(0), of(1), of(512)];
  };

const scanOf = (returned: number) => (play: Play) => {
  const { proc, at } = play().guest;
  return errno(() => proc.pagemapScan({ start: at(0), end: at(4), returned }));
};

/** How a page ends that swapoff could not read: in the parent, in a child. */
const lostPage = (quirks: Quirks) => (play: Play) => {
  const it = play({ modes: 0, quirks });
  const { main, machine, at } = it.guest;
  main.store8Sync(at(0), 1);
  it.swapOut(0);
  it.swap.failReads(Number((it.word(0) >> 5n) & 0xffffn));
  it.swap.off();
  const child = machine.process(main.forkSync());
  const end = (load: () => number) => (errno(load) === 'ok' ? load() : errno(load));
  return [end(() => main.load8Sync(at(0))), end(() => child.main.load8Sync(at(0)))];
};

const resumed = async (play: Play) => {
  const it = play({ features: UFFD_FEATURE_EVENT_REMOVE, modes: M });
  const { main, t0, at } = it.guest;
  mapAt(main, at(4), 4);
  const dropped = t0.madvise({ ...span(at(0), 8), advice: MADV_DONTNEED });
  mapAt(main, at(2), 2); // while the event of the first area is unread
  main.store8Sync(at(3), 1);
  it.messages();
  await dropped;
  return it.state(3);
};

export const QUIRKS_OF_MEMORY: QuirkTable = {
  forkCopiesWpVma: quirk('PW', '-', async (play) => {
    const it = play({ features: UFFD_FEATURE_EVENT_FORK });
    it.loads(0);
    it.protect(0);
    const fork = it.guest.t0.fork();
    it.messages();
    return it.state(0, it.guest.machine.process(await fork));
  }),
  pinUnshares: quirk('PX', 'P', (play) => {
    const it = play({ modes: 0 });
    const { main, machine, proc, at } = it.guest;
    main.store8Sync(at(0), 1);
    const child = machine.process(main.forkSync());
    child.main.processVmReadvSync({ pid: proc.pid, addr: at(0), length: 1 });
    return it.state(0);
  }),
  faultsUnderAreaLock: quirk([1, 0], [0, 1], (play) => {
    const it = play({ modes: M });
    const { t0 } = it.guest;
    const load = t0.load8(it.guest.at(0));
    it.guest.uffd.zeropageSync(pagesAt(it.guest.at(0)));
    return load.then(() => [t0.faults.minor, t0.faults.major]);
  }),
  remapEventNewLen: quirk(['remap 0 to 16 len 2'], ['remap 0 to 16 len 4'], async (play) => {
    const it = play({ features: UFFD_FEATURE_EVENT_REMAP });
    const moved = it.guest.t0.mremap(remap(it, 0, 4, 2, 16));
    const messages = it.messages();
    await moved;
    return messages;
  }),
  mremapClearsWp: quirk('PX', 'PWX', (play) => {
    const it = play();
    it.dirtyAndProtect(0);
    it.move(0, 16);
    return it.state(16);
  }),
  mremapMultiVma: quirk('ok', 'EFAULT', (play) => {
    const it = play({ modes: 0 });
    it.guest.main.mprotectSync({ ...span(it.guest.at(2), 2), prot: PROT_READ });
    return errno(() => it.guest.main.mremapSync(remap(it, 0, 4, 4, 16)));
  }),
  mremapChecksFirst: quirk(['EFAULT', '0-4 16-20'], ['EFAULT', '0-4'], (play) => {
    const it = play({ modes: 0 });
    mapAt(it.guest.main, it.guest.at(16), 4);
    const end = errno(() => it.guest.main.mremapSync(remap(it, 3, 3, 4, 16)));
    return [end, areasOf(it.guest.proc)];
  }),
  dontunmapShared: quirk('ok', 'EINVAL', (play) => {
    const it = play({ kind: 'shared', modes: 0 });
    return errno(() => it.guest.main.mremapSync(remap(it, 0, 4, 4, 16, MREMAP_DONTUNMAP)));
  }),

  mergeFollowing: quirk('0-3 3-5 5-8', '0-3 3-5 5-7 7-8', (play) => {
    const { uffd, proc, at } = play({ modes: 0, pages: 8 }).guest;
    uffd.registerSync({ ...pagesAt(at(3), 4), mode: M });
    uffd.unregisterSync(pagesAt(at(5), 2));
    return areasOf(proc);
  }),
  mergeFaultedIntoUnfaulted: quirk('0-8', '0-4 4-8', (play) => {
    const { uffd, main, proc, at } = play({ modes: 0, pages: 8 }).guest;
    uffd.registerSync({ ...pagesAt(at(4), 4), mode: W });
    main.store8Sync(at(5), 1);
    uffd.unregisterSync(pagesAt(at(4), 4));
    return areasOf(proc);
  }),
  mergeMapBetweenNext: quirk('0-1 1-3', '0-2 2-3', (play) => {
    const { main, proc, at } = play({ modes: 0, pages: 1 }).guest;
    mapAt(main, at(2), 1);
    for (const n of [0, 2]) main.store8Sync(at(n), 1);
    mapAt(main, at(1), 1);
    return areasOf(proc);
  }),
  mprotectUnaccounts: quirk('0-2', '0-1 1-2', (play) => {
    const { main, proc, at } = play({ modes: 0, pages: 1 }).guest;
    mapAt(main, at(1), 1, { prot: PROT_READ });
    main.mprotectSync({ ...span(at(0)), prot: PROT_READ });
    return areasOf(proc);
  }),

  madviseResumes: quirk('-', 'PX', resumed),
  guardRegions: quirk('ok', 'EINVAL', (play) => errno(() => play().guard(0))),
  guardVmFlag: quirk(true, false, (play) => {
    const it = play({ modes: 0 });
    it.guard(0);
    return it.guest.proc.maps()[0]?.vmFlags.includes('gu');
  }),
  madvPopulate: quirk('ok', 'EINVAL', advised(MADV_POPULATE_READ)),
  populateStopsAtHoles: quirk(['ENOMEM', '-'], ['ENOMEM', 'P'], (play) => {
    const it = play({ modes: 0 });
    const { main, at } = it.guest;
    main.munmapSync(span(at(1)));
    const end = errno(() => main.madviseSync({ ...span(at(0), 4), advice: MADV_POPULATE_READ }));
    return [end, it.state(2)];
  }),
  madvDontneedLocked: quirk('ok', 'EINVAL', advised(MADV_DONTNEED_LOCKED)),

  pagemapWp: quirk('PWX', 'PX', (play) => {
    const it = play();
    it.dirtyAndProtect(0);
    return it.state(0);
  }),
  memReadsProtNone: quirk('ok', 'EIO', (play) => {
    const { main, proc, at } = play({ modes: 0 }).guest;
    main.store8Sync(at(0), 1);
    main.mprotectSync({ ...span(at(0), 4), prot: PROT_NONE });
    return errno(() => main.peekSync({ pid: proc.pid, addr: at(0), length: 1 }));
  }),
  pagemapScan: quirk('ok', 'ENOTTY', scanOf(0)),
  scanGuard: quirk('ok', 'EINVAL', scanOf(PAGE_IS_GUARD)),
  scanAccessed: quirk('ok', 'EINVAL', scanOf(PAGE_IS_ACCESSED)),
  scanNoneWritten: quirk([10, 2, 2], [10, 0, 2], scanned({ modes: W })),
  scanHoleWritten: quirk([10, 2, 2], [10, 2, 0], scanned({ modes: W })),
  scanWrittenOnlyWp: quirk([8, 0, 0], [10, 2, 0], scanned({ modes: 0 })),

  swapInGrantsWrite: quirk(0, 1, (play) => {
    const it = play({ modes: 0 });
    const { t0, at } = it.guest;
    t0.store8Sync(at(0), 1);
    it.swapOut(0);
    t0.load8Sync(at(0));
    const before = t0.faults.minor;
    t0.store8Sync(at(0), 2);
    return t0.faults.minor - before;
  }),
  swapinErrorEntry: quirk(
    ['SIGBUS', 'SIGBUS'],
    [0x6b, 0x6b],
    lostPage({ swapinErrorMarker: false }),
  ),
  swapinErrorMarker: quirk(['SIGBUS', 'SIGBUS'], [0x6b, 0x6b], lostPage({})),
  forkLosesMarkers: quirk(['SIGBUS', 0], ['SIGBUS', 'SIGBUS'], lostPage({})),
  poisonIsHwpoison: quirk('EHWPOISON', 'EFAULT', (play) => {
    const it = play();
    it.poison(0);
    return errno(() => it.advise(MADV_POPULATE_READ, 0));
  }),

  hwpoisonSignals: quirk('SIGBUS', 'ok', (play) => {
    const it = play({ modes: 0 });
    it.guest.main.store8Sync(it.guest.at(0), 1);
    return errno(() => it.advise(MADV_HWPOISON, 0));
  }),
  ksmMemoryFailure: quirk('SIGBUS', 'EBUSY', (play) => {
    const it = play({ modes: 0 });
    for (const n of [0, 1]) it.guest.main.store8Sync(it.guest.at(n), 1);
    it.advise(MADV_MERGEABLE, 0, 4);
    it.guest.machine.ksm.run();
    return errno(() => it.advise(MADV_HWPOISON, 0));
  }),
  lookupIgnoresRights: quirk([-2], [-14], (play) => {
    const { main, at } = play({ modes: 0 }).guest;
    return main.movePagesSync({ pages: [at(0)], nodes: [0], flags: 0 }).status;
  }),
  migrationMarksSoftDirty: quirk(true, false, (play) => {
    const it = play({ modes: 0 });
    const { main, machine, proc, at } = it.guest;
    main.store8Sync(at(0), 1);
    proc.clearRefs(4); // soft-dirty goes, the page stays dirty
    machine.compact(proc);
    return (it.word(0) & (1n << 55n)) !== 0n;
  }),
};
