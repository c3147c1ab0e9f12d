/** The beginning of a scenario: objects, mappings, first touches, userfaultfds, registrations. */

import { type Draft, rangeText } from './draft.js';
import type { FileObject } from './model/page.js';
import type { Holder } from './model/world.js';
import { ACCESS_OPERATIONS } from './operations/accesses.js';
import { mapPages } from './operations/mappings.js';
import { wholeWindow } from './operations/observers.js';
import { makeUffd, registerRange } from './operations/userfaultfds.js';
import type { MappingKind } from './profiles.js';
import type { Weighted } from './random.js';

const MAPPED_PERCENT = 70;
const FILL_PERCENT = 50;
const REGISTER_PERCENT = 85;
/** A window may lie across the border of two page tables. */
const TABLE_PERCENT = 12;
const TABLE_PAGES = 512;
/** Sizes that hold a huge page. */
const LARGE_PAGES = [520, 1100] as const;

const WORDS: Weighted<readonly string[]> = [
  [[], 88],
  [['prot=r'], 4],
  [['prot=none'], 1],
  [['flags=locked'], 3],
  [['flags=noreserve'], 1],
  [['flags=growsdown'], 2],
  [['flags=populate'], 1],
];

/** A file of the right kind: one that is there, or a new one. */
function fileFor(draft: Draft, kind: FileObject['kind']): FileObject {
  const { main, files } = draft.world.first;
  const there = [...files.values()].find((file) => file.kind === kind);
  if (there !== undefined && draft.random.chance(60)) return there;
  const pages = kind === 'hugetlb' ? draft.random.between(1, 4) : draft.random.between(3, 8);
  const name = `F${files.size}`;
  const isFilled = draft.random.chance(FILL_PERCENT);
  draft.say(main, 'file', name, kind, `${pages}`, isFilled ? draft.fillKey() : '');
  const cached = new Set(isFilled ? Array.from({ length: pages }, (_, page) => page) : []);
  const file: FileObject = { name, kind, pages, cached, isReadOnly: false };
  files.set(name, file);
  return file;
}

function sizeOf(draft: Draft, isHuge: boolean, file: FileObject | undefined): number {
  if (file !== undefined) return Math.max(1, file.pages - (draft.random.chance(20) ? 1 : 0));
  const { largePercent, pages } = draft.profile;
  const isLarge = !isHuge && largePercent > 0 && draft.random.chance(largePercent);
  if (isLarge) return draft.random.between(...LARGE_PAGES);
  return isHuge ? draft.random.between(1, 3) : draft.random.between(...pages);
}

function mapWindow(draft: Draft, { kind, file: fileKind }: MappingKind): void {
  const { first } = draft.world;
  const isHuge = kind.endsWith('-huge') || fileKind === 'hugetlb';
  const slot = draft.freeSlot(isHuge);
  if (slot === undefined) return;
  const file = fileKind === undefined ? undefined : fileFor(draft, fileKind);
  const count = sizeOf(draft, isHuge, file);
  const isOffset = file !== undefined && count > 2 && draft.random.chance(20);
  const offset = isOffset ? draft.random.between(1, 2) : 0;
  const words = draft.random.weighted(WORDS);
  const all = { process: first, slot, kind, file, words };
  const split = !isHuge && file === undefined && draft.random.chance(25) ? count >> 1 : 0;
  const start = !isHuge && draft.random.chance(TABLE_PERCENT) ? TABLE_PAGES - (count >> 1) : 0;
  if (split > 0) mapPages(draft, first.main, { ...all, start, count: split, offset: 0 });
  mapPages(draft, first.main, { ...all, start: start + split, count: count - split, offset });
}

function registerAll(draft: Draft, holder: Holder): void {
  for (const slot of holder.process.slots) {
    if (!draft.random.chance(REGISTER_PERCENT)) continue;
    const part = draft.random.chance(30)
      ? draft.range({ process: holder.process, slot })
      : undefined;
    registerRange(draft, holder, part ?? wholeWindow(holder.process, slot));
  }
}

/** Some pages are there before anybody registers. */
function touchSome(draft: Draft): void {
  const times = draft.random.below(6);
  for (let time = 0; time < times; time++) {
    const word = draft.random.weighted([
      ['read', 2],
      ['write', 4],
      ['sysread', 1],
    ] as const);
    ACCESS_OPERATIONS[word](draft);
  }
}

/** Writes the beginning. */
export function setUp(draft: Draft): void {
  const { random, profile } = draft;
  mapWindow(draft, random.weighted(profile.mappings));
  for (let window = 1; window < profile.windows; window++) {
    if (random.chance(MAPPED_PERCENT)) mapWindow(draft, random.weighted(profile.mappings));
  }
  touchSome(draft);
  for (let number = 0; number < random.between(1, profile.uffds); number++) {
    const holder = makeUffd(draft, draft.world.first);
    if (holder !== undefined) registerAll(draft, holder);
  }
  if (random.chance(5)) draft.lines.push(`vmflags ${rangeText(anyWindow(draft)).split(' ')[0]}`);
}

function anyWindow(draft: Draft) {
  const { first } = draft.world;
  return wholeWindow(first, draft.random.pick(first.slots));
}
