/** Operations of parts that may be missing: guards, swap, collapse. */

import { type Draft, rangeText } from '../draft.js';
import { drop, type Page } from '../model/page.js';
import type { Part } from '../parts.js';
import type { Operation } from './operation.js';

interface Kind {
  readonly part: Part;
  readonly words: (range: string) => readonly string[];
  readonly wanted: (page: Page) => boolean;
  readonly after: (page: Page) => void;
}

const special =
  (kind: Kind): Operation =>
  (draft: Draft) => {
    if (!draft.has(kind.part)) return false;
    const range = draft.range({ wanted: kind.wanted });
    const worker = range && draft.thread(range.process);
    if (range === undefined || worker === undefined) return false;
    if (!draft.pages(range).every(kind.wanted)) return false;
    draft.say(worker, ...kind.words(rangeText(range)));
    for (const page of draft.pages(range)) kind.after(page);
    return true;
  };

/** A guard over a protected page of a file never returns. */
const mayGuard = (page: Page): boolean => page.file === undefined || !page.hadWp;

/** When lazily freed pages go is up to reclaim. */
const maySwap = (page: Page): boolean => !page.wasFreed && page.content !== 'none';

/** In swap there is nothing to free lazily: the page is gone at once. */
const isSwapped = (page: Page): boolean => page.content === 'swap' && page.kind === 'anon';

const TABLE_PAGES = 512;

/** Advice for the whole 2 MiB around a page. */
const huge =
  (part: Part, word: string): Operation =>
  (draft) => {
    const process = draft.process();
    const place = draft.has(part)
      ? draft.place(process, (page) => page.kind === 'anon')
      : undefined;
    const worker = draft.thread(process);
    if (place === undefined || worker === undefined) return false;
    const start = place.index - (place.index % TABLE_PAGES);
    const fits = process.page({ slot: place.slot, index: start + TABLE_PAGES - 1 }) !== undefined;
    if (!fits && draft.random.chance(80)) return false;
    const range = { process, slot: place.slot, start, count: TABLE_PAGES };
    draft.say(worker, 'madvise', rangeText(range), word);
    return true;
  };

/** Takes (a part of) a huge page out of memory, whatever the model thinks is there. */
const hugeSwapout: Operation = (draft) => {
  const range = draft.has('swap') ? draft.unit() : undefined;
  const worker = range && draft.thread(range.process);
  if (range === undefined || worker === undefined) return false;
  const pages = draft.pages(range);
  if (!pages.every(({ kind, wasFreed }) => kind === 'anon' && !wasFreed)) return false;
  draft.say(worker, 'swapout', rangeText(range));
  for (const page of pages) if (page.content === 'page') page.content = 'swap';
  return true;
};

/** Operations of parts that may be missing. */
export const SPECIAL_OPERATIONS = {
  hugeSwapout,
  hugepage: huge('thp', 'HUGEPAGE'),
  collapse: huge('collapse', 'COLLAPSE'),
  guardInstall: special({
    part: 'guard',
    words: (range) => ['madvise', range, 'GUARD_INSTALL'],
    wanted: mayGuard,
    after: (page) => {
      drop(page);
      page.content = 'guard';
    },
  }),
  guardRemove: special({
    part: 'guard',
    words: (range) => ['madvise', range, 'GUARD_REMOVE'],
    wanted: () => true,
    after: (page) => {
      if (page.content === 'guard') page.content = 'none';
    },
  }),
  freeSwapped: special({
    part: 'swap',
    words: (range) => ['madvise', range, 'FREE'],
    wanted: isSwapped,
    after: (page) => {
      page.content = 'none';
      page.wasFreed = true;
    },
  }),
  swapout: special({
    part: 'swap',
    words: (range) => ['swapout', range],
    wanted: maySwap,
    after: (page) => {
      if (page.content === 'page') page.content = 'swap';
    },
  }),
} as const;
