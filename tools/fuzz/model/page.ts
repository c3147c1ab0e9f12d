/**
 * What the generator believes of one page: what backs it, who registered it, what its entry holds.
 * A light model, right often enough that most operations make sense; it decides nothing but what
 * is drawn. What really happens is for the two sides that run the scenario.
 */

/** An object that mappings share. */
export interface FileObject {
  /** Empty for the object of an anonymous shared mapping. */
  readonly name: string;
  readonly kind: 'shmem' | 'hugetlb' | 'reg';
  pages: number;
  readonly cached: Set<number>;
  /** A descriptor that only reads: its shared mappings cannot become writable. */
  readonly isReadOnly: boolean;
}

/** A userfaultfd; several names of several processes may stand for it. */
export interface Uffd {
  readonly id: number;
  /** Index of the process whose memory it watches. */
  readonly home: number;
  readonly features: Set<string>;
  readonly isNonblocking: boolean;
  readonly isUserOnly: boolean;
  isReady: boolean;
  /** Events that nobody has read. */
  unread: UnreadEvent[];
}

/** An event in the queue; a fork carries the child's userfaultfd. */
export interface UnreadEvent {
  readonly child: Uffd | undefined;
  /** Called when it was read. */
  readonly settle: () => void;
}

/** Kinds of mappings, by the words of the language. */
export type Kind = 'anon' | 'anon-shared' | 'anon-huge' | 'anon-shared-huge' | 'shared' | 'priv';

/** What an entry holds. */
export type Content = 'none' | 'zero' | 'page' | 'marker' | 'poison' | 'guard' | 'swap';

export const MISSING = 1;
export const WP = 2;
export const MINOR = 4;

/** One page of a mapping. */
export interface Page {
  readonly kind: Kind;
  readonly file: FileObject | undefined;
  /** Page of the file. */
  readonly offset: number;
  prot: 'rw' | 'r' | 'none';
  uffd: Uffd | undefined;
  modes: number;
  content: Content;
  isProtected: boolean;
  /** It was registered with wp at some time: entries may still carry the bit. */
  hadWp: boolean;
  isLocked: boolean;
  /** It was lazily freed at some time: when such pages go is up to reclaim. */
  wasFreed: boolean;
  copies: 'yes' | 'no' | 'wiped';
  /** Advice that may have made an area of its own. */
  advice: string;
}

/** A page of a new mapping. */
export function newPage(kind: Kind, file: FileObject | undefined, offset: number): Page {
  return {
    kind,
    file,
    offset,
    prot: 'rw',
    uffd: undefined,
    modes: 0,
    content: 'none',
    isProtected: false,
    hadWp: false,
    isLocked: false,
    wasFreed: false,
    copies: 'yes',
    advice: 'NORMAL',
  };
}

export const isHuge = (page: Page): boolean =>
  page.kind.endsWith('-huge') || page.file?.kind === 'hugetlb';

/** Whether stores reach an object that others see. */
export const isShared = (page: Page): boolean =>
  page.kind === 'shared' || page.kind.startsWith('anon-shared');

/** Whether UFFDIO_MOVE may touch it. */
export const isPlainAnon = (page: Page): boolean => page.kind === 'anon';

const isCached = (page: Page): boolean => page.file?.cached.has(page.offset) === true;

/** How an access to a page is believed to go. */
export type Meeting = 'hits' | 'sleeps' | 'fails';

const mayAccess = (page: Page, isWrite: boolean): boolean =>
  page.prot === 'rw' || (page.prot === 'r' && !isWrite);

/** What a page that is not there makes of an access. */
function faultOf(page: Page): Meeting {
  if (page.file !== undefined && page.offset >= page.file.pages) return 'fails';
  const asks = isCached(page) ? MINOR : MISSING;
  if ((page.modes & asks) === 0) return 'hits';
  return page.uffd?.features.has('SIGBUS') ? 'fails' : 'sleeps';
}

/** How an access to a page is believed to go; nothing is changed. */
export function meet(page: Page | undefined, isWrite: boolean): Meeting {
  if (page === undefined || !mayAccess(page, isWrite)) return 'fails';
  if (page.content === 'poison' || page.content === 'guard') return 'fails';
  const isThere = page.content === 'page' || page.content === 'zero' || page.content === 'swap';
  const first = isThere ? 'hits' : faultOf(page);
  if (first !== 'hits' || !isWrite || !page.isProtected || (page.modes & WP) === 0) return first;
  const features = page.uffd?.features;
  if (features?.has('WP_ASYNC')) return 'hits';
  return features?.has('SIGBUS') ? 'fails' : 'sleeps';
}

/** What an access that went through leaves behind. */
export function touch(page: Page, isWrite: boolean): void {
  if (isWrite) page.isProtected = false;
  if (isWrite || page.content !== 'zero') {
    const isZero = !isWrite && page.kind === 'anon' && page.content === 'none';
    page.content = isZero ? 'zero' : 'page';
  }
  if (page.kind !== 'priv' || !isWrite) page.file?.cached.add(page.offset);
}

/** The entry is gone; a file page may keep its protection as a marker. */
export function drop(page: Page): void {
  const keeps = page.file !== undefined && page.isProtected && (page.modes & WP) !== 0;
  page.content = keeps ? 'marker' : 'none';
  page.isProtected = keeps;
}

/** No userfaultfd watches it any more. */
export function forget(page: Page): void {
  page.uffd = undefined;
  page.modes = 0;
  page.isProtected = false;
  if (page.content === 'marker') page.content = 'none';
}
