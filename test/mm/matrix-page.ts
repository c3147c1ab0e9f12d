/**
 * One page to try operations on: four pages of some kind of memory, registered with a userfaultfd,
 * the second of them in a start state; a listener that resolves every fault and notes it.
 */
import {
  MADV_GUARD_INSTALL,
  MADV_PAGEOUT,
  O_NONBLOCK,
  O_RDWR,
  O_TMPFILE,
  type PageFault,
  type Process,
  type Thread,
  UFFD_FEATURE_WP_ASYNC,
  UFFD_FEATURE_WP_UNPOPULATED,
  type Userfaultfd,
} from 'uffd-emulator';
import {
  BASE,
  M,
  type Memory,
  mapAt,
  memfd,
  N,
  newMachine,
  PAGE,
  page,
  pagesAt,
  span,
  W,
} from '../support/guest.js';

/** Memory and registration of one table. */
export interface Setting {
  readonly kind: Memory;
  readonly modes: number;
  readonly features: number;
  /** A regular file, with its pages in the cache. @defaultValue a memfd of holes */
  readonly onDisk?: boolean;
}

/** Settings by the titles of the tables. */
export const SETTINGS: Readonly<Record<string, Setting>> = {
  'anon-private, registered WP, no WP_UNPOPULATED': { kind: 'anon', modes: W, features: 0 },
  'anon-private, registered MISSING|WP, WP_UNPOPULATED': {
    kind: 'anon',
    modes: M | W,
    features: UFFD_FEATURE_WP_UNPOPULATED,
  },
  'shmem MAP_SHARED, registered WP': { kind: 'shared', modes: W, features: 0 },
  'shmem MAP_SHARED, registered MISSING|WP|MINOR': {
    kind: 'shared',
    modes: M | W | N,
    features: 0,
  },
  'shmem MAP_PRIVATE, registered WP': { kind: 'private', modes: W, features: 0 },
  'ext4 MAP_SHARED, registered WP with WP_ASYNC': {
    kind: 'shared',
    modes: W,
    features: UFFD_FEATURE_WP_ASYNC,
    onDisk: true,
  },
};

/** As shared files of a disk, but mapped private. */
export const PRIVATE_ON_DISK: Setting = {
  kind: 'private',
  modes: W,
  features: UFFD_FEATURE_WP_ASYNC,
  onDisk: true,
};

const PAGES = 4;

/** The file behind the memory: four holes of a memfd, or four written pages of a regular file. */
function fileOf(main: Thread, { onDisk }: Setting): number {
  if (onDisk !== true) return memfd(main, PAGES);
  const fd = main.openSync('/', O_TMPFILE | O_RDWR);
  main.pwriteSync({ fd, bytes: page(1, PAGES), offset: 0 });
  main.fsyncSync(fd);
  return fd;
}

/** The page under test and everything around it. */
export class MatrixPage {
  readonly machine = newMachine({ config: { memoryFailure: false, softDirty: false } });
  readonly proc: Process = this.machine.spawn();
  readonly main: Thread = this.proc.main;
  readonly uffd: Userfaultfd;
  readonly fd: number;
  readonly addr = BASE + PAGE;
  /** Faults since the last time they were taken. */
  #events = '';

  constructor(readonly setting: Setting) {
    this.machine.swapOn({ size: 64 * PAGE });
    const { main } = this;
    this.fd = setting.kind === 'anon' ? -1 : fileOf(main, setting);
    mapAt(main, BASE, PAGES, { kind: setting.kind, fd: this.fd });
    this.uffd = main.userfaultfdSync(O_NONBLOCK);
    this.uffd.apiSync({ features: setting.features });
  }

  get range() {
    return pagesAt(this.addr);
  }

  get span() {
    return span(this.addr);
  }

  /** Puts the page into a start state and begins to resolve faults. */
  enter(state: string): this {
    this.prepare(state);
    this.uffd.on('pagefault', (fault) => this.#resolve(fault));
    return this;
  }

  /** Puts the page into a start state. */
  prepare(state: string): this {
    const [name, isProtected] = state.endsWith('+wp') ? [state.slice(0, -3), true] : [state, false];
    this.#touch(name);
    this.#register();
    if (isProtected) this.uffd.writeprotectSync({ ...this.range, mode: 1 });
    this.#settleIn(name);
    return this;
  }

  #touch(name: string): void {
    const { main, addr } = this;
    const first = name.split(' ').at(-1);
    if (first === 'rw' || name === 'paged-out') main.store8Sync(addr, 1);
    else if (first === 'rd') main.load8Sync(addr);
    else if (name === 'N+cache') {
      main.pwriteSync({ fd: this.fd, bytes: page(7), offset: PAGE });
    }
  }

  #register(): void {
    const { modes } = this.setting;
    this.uffd.registerSync({ ...pagesAt(BASE, PAGES), mode: modes });
  }

  #settleIn(name: string): void {
    const { main, uffd, range } = this;
    if (name === 'Kw') uffd.writeprotectSync({ ...range, mode: 1 });
    else if (name === 'Kp') uffd.poisonSync(range);
    else if (name === 'Kg') main.madviseSync({ ...this.span, advice: MADV_GUARD_INSTALL });
    else if (name === 'paged-out') main.madviseSync({ ...this.span, advice: MADV_PAGEOUT });
  }

  #resolve(fault: PageFault): void {
    const kind = fault.wp ? 'WP' : fault.minor ? 'MIN' : 'MISS';
    this.#events += `[${kind}${fault.write ? '+w' : ''}]`;
    if (fault.wp) fault.unprotectSync();
    else if (fault.minor) fault.continueSync();
    else fault.copySync(page(5));
  }

  /** Faults that were resolved since the last call, as the tables write them. */
  takeEvents(): string {
    const events = this.#events;
    this.#events = '';
    return events;
  }

  /** Another area of one page, anonymous and registered for missing pages unless said otherwise. */
  elsewhere(how: { registered: boolean }): number {
    const addr = BASE + 64 * PAGE;
    mapAt(this.main, addr, 1);
    if (how.registered) this.uffd.registerSync({ ...pagesAt(addr), mode: M });
    return addr;
  }
}
