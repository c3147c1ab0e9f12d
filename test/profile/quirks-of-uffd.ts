/** Quirks of the userfaultfd: handshake, ranges, registration, fills, protection. */
import {
  O_RDWR,
  PROT_NONE,
  UFFD_FEATURE_EVENT_FORK,
  UFFD_FEATURE_EVENT_REMOVE,
  UFFD_FEATURE_EXACT_ADDRESS,
  UFFD_FEATURE_RWP,
  UFFD_FEATURE_WP_ASYNC,
  UFFD_FEATURE_WP_UNPOPULATED,
  UFFD_USER_MODE_ONLY,
} from 'uffd-emulator';
import {
  anotherUffd,
  M,
  mapAt,
  memfd,
  N,
  PAGE,
  page,
  pagesAt,
  RW,
  span,
  W,
} from '../support/guest.js';
import { ending, endingOfPromise, errno } from '../support/observe.js';
import { areasOf, type Play, type QuirkTable, quirk } from './quirk.js';

const LIMIT = 0x7fff_ffff_f000;
const CACHED = { kind: 'shared', cached: [1, 2, 3, 4] } as const;

/** Whether the handshake takes a feature. */
const takes = (feature: number) => (play: Play) =>
  errno(() => play({ features: null }).guest.uffd.apiSync({ features: feature }));

const registers = (kind: 'anon' | 'shared', mode: number, features: number) => (play: Play) => {
  const { uffd, at } = play({ kind, modes: 0, features }).guest;
  return errno(() => uffd.registerSync({ ...pagesAt(at(0), 4), mode }));
};

/** What a protected page is after its registration is gone. */
const afterwards = (how: 'unregister' | 'close') => (play: Play) => {
  const it = play();
  it.dirtyAndProtect(0);
  if (how === 'close') it.guest.uffd.close();
  else it.guest.uffd.unregisterSync(pagesAt(it.guest.at(0), 4));
  return it.state(0);
};

const closedWindow = async (play: Play) => {
  const it = play({ features: UFFD_FEATURE_EVENT_REMOVE, modes: M });
  const { t0, t1, uffd, at } = it.guest;
  const drops = [t0, t1].map((thread, n) => thread.madvise({ ...span(at(n)), advice: 4 }));
  uffd.readMsgSync();
  const end = errno(() => it.copy(0, 7));
  it.messages();
  await Promise.all(drops);
  return end;
};

const otherDestination = async (play: Play) => {
  const { uffd, main, at } = play({ modes: M }).guest;
  mapAt(main, at(16), 1);
  const sources = anotherUffd(main);
  sources.registerSync({ ...pagesAt(at(16)), mode: M });
  const copy = uffd.copy({ dst: at(0), src: at(16), len: PAGE });
  mapAt(main, at(0), 4, { kind: 'shared', fd: memfd(main, 4) });
  uffd.registerSync({ ...pagesAt(at(0), 4), mode: M });
  sources.zeropageSync(pagesAt(at(16)));
  const end = await endingOfPromise(copy);
  return 'code' in end ? end.code : 'ok';
};

export const QUIRKS_OF_UFFD: QuirkTable = {
  userModeOnly: quirk('ok', 'EINVAL', (play) =>
    errno(() => play().guest.main.userfaultfdSync(UFFD_USER_MODE_ONLY)),
  ),
  devUserfaultfd: quirk('ok', 'ENOENT', (play) =>
    errno(() => play().guest.main.openDevUserfaultfdSync(0)),
  ),
  unprivilegedDefault: quirk('ok', 'EPERM', (play) => {
    const { machine } = play().guest;
    return errno(() => machine.spawn({ uid: 1000 }).main.userfaultfdSync(0));
  }),
  apiFeatureCheckFirst: quirk('EINVAL', 'EPERM', (play) => {
    const { machine } = play({ unprivilegedUserfaultfd: 1 }).guest;
    const uffd = machine.spawn({ uid: 1000 }).main.userfaultfdSync(0);
    return errno(() => uffd.apiSync({ features: UFFD_FEATURE_EVENT_FORK | 0x4000_0000 }));
  }),
  apiStateInFeatures: quirk('80000000', '0', (play) =>
    play().guest.uffd.fdinfo().features.toString(16),
  ),
  readOnlyFile: quirk(0, O_RDWR, (play) => play().guest.uffd.statusFlags & O_RDWR),
  exactAddress: quirk('ok', 'EINVAL', takes(UFFD_FEATURE_EXACT_ADDRESS)),
  wpUnpopulated: quirk('ok', 'EINVAL', takes(UFFD_FEATURE_WP_UNPOPULATED)),
  wpAsync: quirk('ok', 'EINVAL', takes(UFFD_FEATURE_WP_ASYNC)),

  minAddrCheck: quirk('EINVAL', 'ok', (play) =>
    errno(() => play().guest.uffd.wakeSync({ start: PAGE, len: PAGE })),
  ),
  copySrcRangeCheck: quirk({ code: 'EINVAL' }, { code: 'EFAULT', progress: -14 }, (play) => {
    const { uffd, at } = play().guest;
    return ending(() => uffd.copySync({ dst: at(0), src: LIMIT, len: PAGE }));
  }),
  noVmaAboveEnomem: quirk('ENOMEM', 'EINVAL', (play) => {
    const { uffd } = play().guest;
    return errno(() => uffd.registerSync({ ...pagesAt(LIMIT - PAGE), mode: M }));
  }),
  wpNonAnon: quirk('ok', 'EINVAL', registers('shared', W, 0)),
  minorMode: quirk('ok', 'EINVAL', registers('shared', N, 0)),
  rwpMode: quirk(['ok', 'ok'], ['EINVAL', 'EINVAL'], (play) => [
    takes(UFFD_FEATURE_RWP)(play),
    errno(() => {
      const features = takes(UFFD_FEATURE_RWP)(play) === 'ok' ? UFFD_FEATURE_RWP : 0;
      const { uffd, at } = play({ modes: 0, features }).guest;
      uffd.registerSync({ ...pagesAt(at(0), 4), mode: 8 });
    }),
  ]),
  reregisterDropWp: quirk('ok', 'EBUSY', (play) => {
    const { uffd, at } = play().guest;
    return errno(() => uffd.registerSync({ ...pagesAt(at(0), 4), mode: M }));
  }),
  unregisterForeign: quirk('ok', 'EINVAL', (play) => {
    const { main, at } = play().guest;
    return errno(() => anotherUffd(main).unregisterSync(pagesAt(at(0), 4)));
  }),
  unregisterClearsWp: quirk('PX', 'PWX', afterwards('unregister')),
  closeClearsWp: quirk('PX', 'PWX', afterwards('close')),

  windowField: quirk({ code: 'EAGAIN', progress: -11 }, { code: 'EAGAIN' }, async (play) => {
    const it = play({ features: UFFD_FEATURE_EVENT_REMOVE, modes: M });
    const dropped = it.guest.t0.madvise({ ...span(it.guest.at(3)), advice: 4 });
    const end = ending(() => it.copy(0, 7));
    it.messages();
    await dropped;
    return end;
  }),
  windowIsCounter: quirk('EAGAIN', 'ok', closedWindow),
  continueIoctl: quirk('ok', 'EINVAL', (play) => {
    const { uffd, at } = play({ ...CACHED, modes: M }).guest;
    return errno(() => uffd.continueSync(pagesAt(at(0))));
  }),
  continueModeWp: quirk('ok', 'EINVAL', (play) => {
    const { uffd, at } = play({ ...CACHED, modes: M | W }).guest;
    return errno(() => uffd.continueSync({ ...pagesAt(at(0)), mode: 2 }));
  }),
  poisonIoctl: quirk('ok', 'EINVAL', (play) => errno(() => play().poison(0))),
  moveIoctl: quirk('ok', 'EINVAL', (play) => {
    const { uffd, main, at } = play().guest;
    mapAt(main, at(8), 1);
    main.store8Sync(at(8), 1);
    return errno(() => uffd.moveSync({ dst: at(0), src: at(8), len: PAGE }));
  }),
  fillPreparesFirst: quirk('0-2 2-3', '0-3', (play) => {
    const { uffd, main, proc, at } = play({ modes: 0, pages: 1 }).guest;
    main.store8Sync(at(0), 1);
    mapAt(main, at(2), 1);
    errno(() => uffd.zeropageSync(pagesAt(at(2)))); // ENOENT: nothing is registered
    mapAt(main, at(1), 1);
    return areasOf(proc);
  }),
  fillOverMarkers: quirk('ok', 'EEXIST', (play) => {
    const it = play();
    it.poison(0);
    return errno(() => it.copy(0, 7));
  }),
  fillOverGuard: quirk('ok', 'EEXIST', (play) => {
    const it = play();
    it.guard(0);
    return errno(() => it.copy(0, 7));
  }),
  copyEofEnomem: quirk('ENOMEM', 'EFAULT', (play) => {
    const it = play({ kind: 'shared', filePages: 2 });
    return errno(() => it.copy(2, 7));
  }),
  continueEofEfault: quirk('EFAULT', 'EINVAL', (play) => {
    const { uffd, at } = play({ kind: 'shared', filePages: 2, modes: N }).guest;
    return errno(() => uffd.continueSync(pagesAt(at(2))));
  }),
  copyRechecksArea: quirk('EAGAIN', 'ok', otherDestination),
  copyWpNotWritable: quirk('PWX', 'PX', (play) => {
    const it = play();
    const { main, uffd, at } = it.guest;
    main.mprotectSync({ ...span(at(0), 4), prot: PROT_NONE });
    uffd.copySync({ dst: at(0), src: page(7), mode: 2 });
    main.mprotectSync({ ...span(at(0), 4), prot: RW });
    return it.state(0);
  }),
  wpSpansVmas: quirk('ok', 'ENOENT', (play) => {
    const it = play();
    it.guest.main.mprotectSync({ ...span(it.guest.at(2), 2), prot: 1 });
    return errno(() => it.protect(0, 4));
  }),
};
