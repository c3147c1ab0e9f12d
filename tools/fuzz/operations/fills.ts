/** Operations that resolve pages: copy, zeropage, continue, poison, move, wp, wake. */

import { addressOf, type Draft, type Range, rangeText } from '../draft.js';
import { isPlainAnon, isShared, MINOR, MISSING, type Page, WP } from '../model/page.js';
import type { Holder } from '../model/world.js';
import { drainLine } from './events.js';
import type { Operation } from './operation.js';

/** A userfaultfd that takes fills: none of its events is unread. */
const isOpen = ({ uffd }: Holder): boolean => uffd.isReady && uffd.unread.length === 0;

interface Fill {
  readonly word: string;
  readonly wanted: (page: Page) => boolean;
  readonly keys: (draft: Draft) => string;
  readonly after: (page: Page, isProtected: boolean) => void;
}

const isEmpty = (page: Page): boolean => page.content === 'none' || page.content === 'marker';

function becomes(page: Page, content: Page['content'], isProtected: boolean): void {
  page.content = content;
  page.isProtected = isProtected;
  if (content !== 'poison' && isShared(page)) page.file?.cached.add(page.offset);
}

const COPY: Fill = {
  word: 'copy',
  wanted: (page) => isEmpty(page) && page.file?.cached.has(page.offset) !== true,
  keys: (draft) => draft.fillKey(),
  after: (page, isProtected) => becomes(page, 'page', isProtected),
};

const ZEROPAGE: Fill = {
  word: 'zeropage',
  wanted: (page) => page.content === 'none' && page.file?.cached.has(page.offset) !== true,
  keys: () => '',
  after: (page) => becomes(page, isShared(page) ? 'page' : 'zero', false),
};

const CONTINUE: Fill = {
  word: 'continue',
  wanted: (page) => isEmpty(page) && page.file?.cached.has(page.offset) === true,
  keys: () => '',
  after: (page, isProtected) => becomes(page, 'page', isProtected),
};

const POISON: Fill = {
  word: 'poison',
  wanted: (page) => page.content === 'none',
  keys: () => '',
  after: (page) => becomes(page, 'poison', false),
};

const FILLS: readonly Fill[] = [COPY, ZEROPAGE, CONTINUE, POISON];

/** `mode=wp,dontwake`; wp where it is allowed, now and then where not. */
function modeOf(draft: Draft, pages: readonly Page[], word: string): string[] {
  const takesWp = word === 'copy' || word === 'continue';
  const mayProtect = takesWp && pages.some(({ modes }) => (modes & WP) !== 0);
  const wp = draft.random.chance(mayProtect ? 35 : 1) ? ['wp'] : [];
  return draft.random.chance(15) ? [...wp, 'dontwake'] : wp;
}

const modeKey = (mode: readonly string[]): string =>
  mode.length > 0 ? `mode=${mode.join(',')}` : '';

/** Now and then the source is a page of the process and not the buffer. */
function sourceKey(draft: Draft, word: string): string {
  if (word !== 'copy' || !draft.random.chance(4)) return '';
  const place = draft.place(draft.world.first, ({ content }) => content === 'page');
  return place === undefined ? '' : `src=${addressOf(place)}`;
}

/** Writes a fill, and believes that it worked. */
function fill(draft: Draft, holder: Holder, range: Range, kind: Fill): boolean {
  const { process, name, uffd } = holder;
  const source = sourceKey(draft, kind.word);
  const worker = source === '' ? draft.anyone(process) : draft.thread(process);
  if (worker === undefined) return false;
  const pages = draft.pages(range);
  const mode = modeOf(draft, pages, kind.word);
  draft.say(worker, kind.word, name, rangeText(range), kind.keys(draft), source, modeKey(mode));
  for (const page of pages) {
    if (page.uffd !== uffd || !kind.wanted(page)) break;
    kind.after(page, mode.includes('wp'));
  }
  wakeAfter(draft, range, { name, process, isSilent: mode.includes('dontwake') });
  return true;
}

interface Waking {
  readonly name: string;
  readonly process: Holder['process'];
  readonly isSilent: boolean;
}

/** Whoever slept there goes on, or will by a `wake` of its own. */
function wakeAfter(draft: Draft, range: Range, { name, process, isSilent }: Waking): void {
  if (!isSilent) draft.world.wake(range.process, draft.places(range));
  else if (draft.random.chance(70)) {
    draft.plan.push(() => {
      const worker = draft.anyone(process);
      if (worker === undefined) return;
      draft.say(worker, 'wake', name, rangeText(range));
      draft.world.wake(range.process, draft.places(range));
    });
  }
}

/** A userfaultfd and a range that it watches. */
function watched(
  draft: Draft,
  wanted: (page: Page) => boolean,
): { holder: Holder; range: Range } | undefined {
  const holder = draft.holder((uffd) => uffd.isReady);
  if (holder === undefined || (!isOpen(holder) && draft.random.chance(80))) return undefined;
  const home = draft.world.home(holder.uffd);
  if (home === undefined) return undefined;
  const range = draft.range({
    process: home,
    wanted: (page) => page.uffd === holder.uffd && wanted(page),
  });
  return range === undefined ? undefined : { holder, range };
}

const filling =
  (kind: Fill): Operation =>
  (draft) => {
    const found = watched(draft, kind.wanted);
    return found !== undefined && fill(draft, found.holder, found.range, kind);
  };

const wake: Operation = (draft) => {
  const found = watched(draft, () => true);
  const worker = found && draft.anyone(found.holder.process);
  if (worker === undefined) return false;
  draft.say(worker, 'wake', found?.holder.name ?? '', found ? rangeText(found.range) : '');
  if (found) draft.world.wake(found.range.process, draft.places(found.range));
  return true;
};

/** Protects or lifts, and believes that it worked. */
function protect(draft: Draft, { process, name }: Holder, range: Range, isOn: boolean): boolean {
  const worker = draft.anyone(process);
  if (worker === undefined) return false;
  const isSilent = !isOn && draft.random.chance(15);
  draft.say(worker, 'wp', name, rangeText(range), isOn ? 'on' : isSilent ? 'off,dontwake' : 'off');
  for (const page of draft.pages(range)) protectPage(page, isOn);
  if (!isOn) wakeAfter(draft, range, { name, process, isSilent });
  return true;
}

function protectPage(page: Page, isOn: boolean): void {
  const mayMark = page.file !== undefined || page.uffd?.features.has('WP_UNPOPULATED') === true;
  if (isOn && page.content === 'none' && mayMark) page.content = 'marker';
  if (!isOn && page.content === 'marker') page.content = 'none';
  const isThere = page.content !== 'none';
  page.isProtected = isOn && isThere && (page.modes & WP) !== 0;
}

const writeProtect: Operation = (draft) => {
  const isOn = draft.random.chance(60);
  const found = watched(draft, (page) => (page.modes & WP) !== 0 && page.isProtected !== isOn);
  return found !== undefined && protect(draft, found.holder, found.range, isOn);
};

/** A page without a sharer that may be moved from. */
const isMovable = (page: Page): boolean =>
  isPlainAnon(page) && (page.content === 'page' || page.content === 'zero') && page.prot === 'rw';

const move: Operation = (draft) => {
  const found = watched(draft, (page) => isPlainAnon(page) && page.content === 'none');
  if (found === undefined) return false;
  const { holder, range } = found;
  const source = draft.range({ process: range.process, most: range.count, wanted: isMovable });
  const worker = draft.anyone(holder.process);
  if (source === undefined || worker === undefined) return false;
  const mode = draft.random.some(['holes', 'dontwake'], 20);
  const text = rangeText({ ...source, count: Math.min(source.count, range.count) });
  draft.say(
    worker,
    'move',
    holder.name,
    addressOf({ ...range, index: range.start }),
    text,
    modeKey(mode),
  );
  moveModel(draft, range, source);
  const isSilent = mode.includes('dontwake');
  wakeAfter(draft, range, { name: holder.name, process: holder.process, isSilent });
  return true;
};

function moveModel(draft: Draft, range: Range, source: Range): void {
  const from = draft.pages(source);
  for (const [at, page] of draft.pages(range).entries()) {
    const moved = from[at];
    if (moved === undefined || !isMovable(moved) || page.content !== 'none') return;
    becomes(page, moved.content, false);
    becomes(moved, 'none', false);
  }
}

/** How a handler might answer the fault of a page. */
function answers(page: Page, isWrite: boolean): Fill | 'lift' {
  const isThere = page.content === 'page' || page.content === 'zero';
  if (isThere && isWrite && page.isProtected) return 'lift';
  const isCached = page.file?.cached.has(page.offset) === true;
  return isCached && (page.modes & MINOR) !== 0 ? CONTINUE : COPY;
}

/** Answers somebody's fault: reads the message, mostly, and resolves it, mostly as one should. */
export const serve: Operation = (draft) => {
  const { faulters } = draft.world;
  if (faulters.length === 0) return false;
  const { sleep } = draft.random.pick(faulters);
  const page = sleep.owner.page(sleep.place);
  const holder = page?.uffd && draft.holderOf(page.uffd);
  if (page === undefined || holder === undefined) return false;
  const { slot, index } = sleep.place;
  const range: Range = { process: sleep.owner, slot, start: index, count: 1 };
  const reader = holder.uffd.isNonblocking ? draft.anyone(holder.process) : undefined;
  if (reader !== undefined && draft.random.chance(75)) drainLine(draft, reader, holder);
  if (holder.uffd.unread.length > 0) return true;
  return answer(draft, { holder, range, page, isWrite: sleep.isWrite });
};

interface Fault {
  readonly holder: Holder;
  readonly range: Range;
  readonly page: Page;
  readonly isWrite: boolean;
}

function answer(draft: Draft, { holder, range, page, isWrite }: Fault): boolean {
  const right = answers(page, isWrite);
  const odd = draft.random.chance(18);
  const chosen = odd ? draft.random.pick([...FILLS, 'lift' as const]) : right;
  if (chosen === 'lift') return protect(draft, holder, range, false);
  const isMissing = right === COPY && (page.modes & MISSING) !== 0 && page.content === 'none';
  const isZero = isMissing && chosen === COPY && draft.random.chance(25);
  return fill(draft, holder, range, isZero ? ZEROPAGE : chosen);
}

/** Operations that resolve pages. */
export const FILL_OPERATIONS = {
  serve,
  copy: filling(COPY),
  zeropage: filling(ZEROPAGE),
  continue: filling(CONTINUE),
  poison: filling(POISON),
  move,
  wp: writeProtect,
  wake,
} as const;
