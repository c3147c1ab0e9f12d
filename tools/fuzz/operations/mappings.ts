/** Operations on mappings: map, munmap, mremap, mprotect, mlock, madvise. */

import { addressOf, type Draft, type Range, rangeText } from '../draft.js';
import {
  drop,
  type FileObject,
  forget,
  isHuge,
  isShared,
  type Kind,
  newPage,
  type Page,
  touch,
  type Uffd,
} from '../model/page.js';
import type { Process, Worker } from '../model/process.js';
import { planReads } from './events.js';
import type { Operation } from './operation.js';

/** Userfaultfds of a range that want to hear of something. */
export function hearing(draft: Draft, range: Range, feature: string): Uffd[] {
  const all = draft.pages(range).flatMap(({ uffd }) => uffd ?? []);
  return [...new Set(all)].filter(({ features }) => features.has(feature));
}

/** Whoever may sleep in it: a T worker when somebody listens. */
function sender(draft: Draft, process: Process, listeners: readonly Uffd[]): Worker | undefined {
  if (listeners.length > 0) return draft.thread(process);
  return draft.random.chance(50) ? draft.anyone(process) : draft.thread(process);
}

interface Announced {
  readonly worker: Worker;
  readonly listeners: readonly Uffd[];
  /** How often the queues must be read until the sender has sent everything. */
  readonly rounds: number;
}

/** The sender sleeps until its events are read; mostly they are, at once. */
function announce(draft: Draft, { worker, listeners, rounds }: Announced): void {
  draft.world.post(
    worker,
    listeners.map((uffd) => ({ uffd, child: undefined })),
  );
  planReads(draft, listeners, rounds);
}

/** What a mapping is made of. */
export interface NewMapping {
  readonly process: Process;
  readonly slot: string;
  readonly start: number;
  readonly count: number;
  readonly kind: Kind;
  readonly file: FileObject | undefined;
  readonly offset: number;
  readonly words: readonly string[];
}

/** Maps, and believes that it worked. */
export function mapPages(draft: Draft, worker: Worker, mapping: NewMapping): void {
  const { process, slot, start, count, kind, file, offset, words } = mapping;
  const name = file?.name ?? '';
  const off = offset > 0 ? `off=${offset}` : '';
  draft.say(worker, 'map', rangeText({ process, slot, start, count }), kind, name, off, ...words);
  const hidden: FileObject | undefined = kind.startsWith('anon-shared')
    ? { name: '', kind: 'shmem', pages: count, cached: new Set(), isReadOnly: false }
    : file;
  for (let at = 0; at < count; at++) {
    const page = newPage(kind, hidden, offset + at);
    if (words.includes('prot=r')) page.prot = 'r';
    if (words.includes('prot=none')) page.prot = 'none';
    if (words.includes('flags=locked')) page.isLocked = true;
    if (/locked|populate/.test(words.join()) && page.prot === 'rw') touch(page, true);
    process.window(slot).set(start + at, page);
  }
}

/** Anonymous memory, or one of the process's files from some page on. */
function backing(draft: Draft, process: Process): Pick<NewMapping, 'kind' | 'file' | 'offset'> {
  const files = [...process.files.values()].filter(({ kind }) => kind !== 'hugetlb');
  const kind = draft.random.weighted<Kind>([
    ['anon', 6],
    ['anon-shared', 1],
    ['shared', files.length > 0 ? 2 : 0],
    ['priv', files.length > 0 ? 2 : 0],
  ]);
  if (kind.startsWith('anon')) return { kind, file: undefined, offset: 0 };
  const file = draft.random.pick(files);
  return { kind, file, offset: draft.random.below(Math.max(1, file.pages)) };
}

/** Fills a hole of a window, or covers what is there. */
const mapOver: Operation = (draft) => {
  const range = draft.range();
  if (range === undefined || draft.pages(range).some(isHuge)) return false;
  const isFixed = draft.random.chance(60);
  const listeners = isFixed ? hearing(draft, range, 'EVENT_UNMAP') : [];
  const worker = sender(draft, range.process, listeners);
  if (worker === undefined) return false;
  const place = isFixed ? range : { ...range, start: range.process.end(range.slot) };
  const populate = draft.random.chance(8) ? ['populate'] : [];
  const flags = [...(isFixed ? ['fixed'] : []), ...populate];
  const made = backing(draft, range.process);
  const isTight = made.file?.isReadOnly === true && made.kind === 'shared';
  const words = [
    ...(flags.length > 0 ? [`flags=${flags.join(',')}`] : []),
    ...(isTight && draft.random.chance(80) ? ['prot=r'] : []),
  ];
  mapPages(draft, worker, { ...place, ...made, words });
  announce(draft, { worker, listeners, rounds: 1 });
  return true;
};

const munmap: Operation = (draft) => {
  const range = draft.range({ most: 3 });
  if (range === undefined) return false;
  const listeners = hearing(draft, range, 'EVENT_UNMAP');
  const worker = sender(draft, range.process, listeners);
  if (worker === undefined) return false;
  draft.say(worker, 'munmap', rangeText(range));
  for (const { slot, index } of draft.places(range)) range.process.window(slot).delete(index);
  announce(draft, { worker, listeners, rounds: 1 });
  return true;
};

/** What would make two pages belong to two areas, as far as the generator knows. */
const areaOf = ({ uffd, modes, file, prot, isLocked, copies, advice }: Page): string =>
  [uffd?.id, modes, file?.name, prot, isLocked, copies, advice].join();

/** Pages of one area. */
function alike(draft: Draft, range: Range): Range {
  const pages = draft.pages(range);
  const [first] = pages;
  const same = (page: Page): boolean => first !== undefined && areaOf(page) === areaOf(first);
  const count = pages.findIndex((page) => !same(page));
  return count < 0 ? range : { ...range, count };
}

function target(draft: Draft, range: Range): string | undefined {
  if (draft.random.chance(75)) return draft.freeSlot(draft.pages(range).some(isHuge));
  const place = draft.place(range.process, (page) => !isHuge(page));
  return place === undefined ? undefined : addressOf(place);
}

/** Moves to another window, or over something else. */
const mremapMove: Operation = (draft) => {
  const found = draft.range({ most: 5 });
  const isWhole = draft.random.chance(15);
  const range = found && (isWhole ? found : alike(draft, found));
  const to = range && target(draft, range);
  if (range === undefined || to === undefined) return false;
  const listeners = hearing(draft, range, 'EVENT_REMAP');
  const others = hearing(draft, range, 'EVENT_UNMAP');
  const worker = sender(draft, range.process, [...listeners, ...others]);
  if (worker === undefined) return false;
  const isKept = draft.random.chance(12);
  const growth = isKept
    ? 0
    : draft.random.weighted([
        [0, 6],
        [1, 2],
        [2, 1],
        [-1, 2],
      ]);
  const length = Math.max(1, range.count + growth);
  const flags = isKept ? 'flags=dontunmap' : '';
  draft.say(worker, 'mremap', rangeText(range), `${length}`, `to=${to}`, flags);
  moveModel(range, { to, length, isKept });
  const all = [...new Set([...listeners, ...others])];
  announce(draft, { worker, listeners: all, rounds: listeners.length > 0 ? 3 : 1 });
  return true;
};

interface Moving {
  readonly to: string;
  readonly length: number;
  readonly isKept: boolean;
}

function moveModel(range: Range, { to, length, isKept }: Moving): void {
  const [, slot = '', index = '0'] = /^([A-Z]+)\+?(\d*)$/.exec(to) ?? [];
  const window = range.process.window(slot);
  const source = range.process.window(range.slot);
  for (let at = 0; at < range.count; at++) {
    const page = source.get(range.start + at);
    if (page === undefined) return;
    if (!isKept) source.delete(range.start + at);
    else source.set(range.start + at, { ...page, content: 'none' });
    if (at >= length) continue;
    if (page.uffd?.features.has('EVENT_REMAP') !== true) forget(page);
    window.set(Number(index) + at, page);
  }
}

/** Grows or shrinks where it is, or wherever there is room. */
const mremapResize: Operation = (draft) => {
  const found = draft.range({ most: 5 });
  const range = found && alike(draft, found);
  if (range === undefined || draft.pages(range).some(isHuge)) return false;
  const listeners = hearing(draft, range, 'EVENT_UNMAP');
  const worker = sender(draft, range.process, listeners);
  if (worker === undefined) return false;
  const length = Math.max(1, range.count + draft.random.between(-2, 2));
  const flags = draft.random.chance(10) ? 'flags=maymove' : '';
  draft.say(worker, 'mremap', rangeText(range), `${length}`, flags);
  resizeModel(range, length);
  if (length < range.count) announce(draft, { worker, listeners, rounds: 1 });
  return true;
};

function resizeModel({ process, slot, start, count }: Range, length: number): void {
  const window = process.window(slot);
  for (let at = length; at < count; at++) window.delete(start + at);
  const last = window.get(start + count - 1);
  const isFree = Array.from({ length: Math.max(0, length - count) }, (_, at) => at).every(
    (at) => !window.has(start + count + at),
  );
  if (last === undefined || !isFree) return;
  for (let at = count; at < length; at++) {
    const page = newPage(last.kind, last.file, last.offset + 1 + at - count);
    page.uffd = last.uffd;
    page.modes = last.modes;
    window.set(start + at, page);
  }
}

const mprotect: Operation = (draft) => {
  const range = draft.range({ wanted: ({ prot }) => prot !== 'rw' || draft.random.chance(40) });
  const worker = range && draft.anyone(range.process);
  if (range === undefined || worker === undefined) return false;
  const isTight = draft.pages(range).some(({ prot }) => prot !== 'rw');
  const prot = draft.random.weighted([
    ['rw', isTight ? 8 : 2],
    ['r', 3],
    ['none', 1],
  ] as const);
  draft.say(worker, 'mprotect', rangeText(range), prot);
  for (const page of draft.pages(range)) page.prot = prot;
  return true;
};

const lock: Operation = (draft) => {
  const isOn = draft.random.chance(40);
  const range = draft.range({ wanted: ({ isLocked }) => isLocked !== isOn });
  const worker = range && draft.thread(range.process);
  if (range === undefined || worker === undefined) return false;
  draft.say(worker, isOn ? 'mlock' : 'munlock', rangeText(range));
  for (const page of draft.pages(range)) page.isLocked = isOn;
  return true;
};

/**
 * Advice that drops pages, and tells about it first: about each area of its own. Between two such
 * events Linux 6.18 has dropped the first area's pages but not yet flushed the TLB, and a thread
 * may or may not reach the old ones; hence one area at a time.
 */
const dropping =
  (word: string, fits: (page: Page) => boolean): Operation =>
  (draft) => {
    const wanted = (page: Page): boolean => fits(page) && !page.isLocked && page.content !== 'none';
    const found = draft.range({ wanted });
    if (found === undefined) return false;
    const isHeard = hearing(draft, found, 'EVENT_REMOVE').length > 0;
    const range = isHeard ? alike(draft, found) : found;
    const listeners = hearing(draft, range, 'EVENT_REMOVE');
    const worker = sender(draft, range.process, listeners);
    if (worker === undefined) return false;
    draft.say(worker, 'madvise', rangeText(range), word);
    for (const page of draft.pages(range)) dropped(draft, page, word);
    announce(draft, { worker, listeners, rounds: 1 });
    return true;
  };

function dropped(draft: Draft, page: Page, word: string): void {
  if (word === 'FREE') page.wasFreed = true;
  else if (word !== 'REMOVE' || page.file === undefined) drop(page);
  else punchPage(draft, page.file, page.offset);
}

/** A page of an object is gone, wherever it was mapped. */
export function punchPage(draft: Draft, file: FileObject, offset: number): void {
  file.cached.delete(offset);
  for (const page of draft.world.pagesOf(file)) {
    if (page.offset === offset && isShared(page)) drop(page);
  }
}

const HARMLESS = [
  'NORMAL',
  'RANDOM',
  'SEQUENTIAL',
  'WILLNEED',
  'COLD',
  'DONTDUMP',
  'DODUMP',
  'MERGEABLE',
  'UNMERGEABLE',
  'NOHUGEPAGE',
];
const FORKING = ['DONTFORK', 'DOFORK', 'WIPEONFORK', 'KEEPONFORK'];

/** Advice that only changes an area's flags. */
const advice: Operation = (draft) => {
  const range = draft.range();
  const worker = range && draft.anyone(range.process);
  if (range === undefined || worker === undefined) return false;
  const word = draft.random.pick(draft.random.chance(60) ? FORKING : HARMLESS);
  draft.say(worker, 'madvise', rangeText(range), word);
  const copies = { DONTFORK: 'no', WIPEONFORK: 'wiped', DOFORK: 'yes', KEEPONFORK: 'yes' } as const;
  const meaning = word in copies ? copies[word as keyof typeof copies] : undefined;
  for (const page of draft.pages(range)) {
    page.copies = meaning ?? page.copies;
    page.advice = word;
  }
  return true;
};

/** Populates by the kernel: may sleep like an access, but answers with an errno. */
const populate: Operation = (draft) => {
  const range = draft.range({ wanted: ({ uffd, content }) => !uffd && content === 'none' });
  const worker = range && draft.thread(range.process);
  if (range === undefined || worker === undefined) return false;
  const word = draft.random.pick(['POPULATE_READ', 'POPULATE_WRITE']);
  draft.say(worker, 'madvise', rangeText(range), word);
  for (const page of draft.pages(range)) page.content = 'page';
  return true;
};

/** Operations on mappings. */
export const MAPPING_OPERATIONS = {
  mapOver,
  munmap,
  mremapMove,
  mremapResize,
  mprotect,
  lock,
  advice,
  populate,
  dontneed: dropping('DONTNEED', () => true),
  dontneedLocked: dropping('DONTNEED_LOCKED', () => true),
  remove: dropping('REMOVE', isShared),
  free: dropping('FREE', ({ kind }) => kind === 'anon'),
} as const;
