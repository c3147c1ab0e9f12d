/** Operations that only look: pagemap, peek, vmflags, mincore, and scan where it is modelled. */

import { addressOf, type Draft, type Range, rangeText } from '../draft.js';
import type { Process, Worker } from '../model/process.js';
import type { Operation } from './operation.js';

/** A whole window, as far as it is used. */
export function wholeWindow(process: Process, slot: string): Range {
  const [start, end] = [process.start(slot), process.end(slot)];
  return { process, slot, start, count: Math.max(1, end - start) };
}

interface View {
  readonly worker: Worker;
  readonly range: Range;
}

function view(draft: Draft): View | undefined {
  const process = draft.process();
  const worker = draft.anyone(process);
  const { slots } = process;
  if (worker === undefined || slots.length === 0) return undefined;
  return { worker, range: wholeWindow(process, draft.random.pick(slots)) };
}

const looking =
  (word: string): Operation =>
  (draft) => {
    const found = view(draft);
    if (found === undefined) return false;
    draft.say(found.worker, word, rangeText(found.range));
    return true;
  };

const ofWindow =
  (word: string): Operation =>
  (draft) => {
    const found = view(draft);
    if (found === undefined) return false;
    draft.say(found.worker, word, found.range.slot);
    return true;
  };

const mincore: Operation = (draft) => {
  const range = draft.range({ most: 8 });
  const worker = range && draft.anyone(range.process);
  if (worker === undefined || range === undefined) return false;
  draft.say(worker, 'mincore', rangeText(range));
  return true;
};

const CATEGORIES = [
  'WPALLOWED',
  'WRITTEN',
  'FILE',
  'PRESENT',
  'SWAPPED',
  'PFNZERO',
  'HUGE',
  'GUARD',
];

const setKey = (draft: Draft, key: string, percent: number): string =>
  draft.random.chance(percent)
    ? `${key}=${draft.random.pick(CATEGORIES)},${draft.random.pick(CATEGORIES)}`
    : '';

/** PAGEMAP_SCAN, with and without protecting what it finds. */
const scan: Operation = (draft) => {
  if (!draft.has('scan')) return false;
  const found = view(draft);
  if (found === undefined) return false;
  const { slot, start, count } = draft.random.chance(50)
    ? (draft.range({ process: found.range.process, most: 8 }) ?? found.range)
    : found.range;
  const flags = draft.random.some(['wp_matching', 'check_wpasync'], 30);
  const limits = [
    ...(draft.random.chance(12) ? [`max=${draft.random.between(1, 4)}`] : []),
    ...(draft.random.chance(10) ? [`vec=${draft.random.between(1, 3)}`] : []),
    ...(draft.random.chance(4) ? ['novec'] : []),
  ];
  draft.say(
    found.worker,
    'scan',
    addressOf({ slot, index: start }),
    `${count}`,
    setKey(draft, 'mask', 35),
    setKey(draft, 'inv', 20),
    setKey(draft, 'anyof', 15),
    setKey(draft, 'ret', 20),
    flags.length > 0 ? `flags=${flags.join(',')}` : '',
    ...limits,
  );
  return true;
};

/** Operations that only look. */
export const OBSERVER_OPERATIONS = {
  pagemap: looking('pagemap'),
  peek: looking('peek'),
  vmflags: ofWindow('vmflags'),
  mincore,
  scan,
} as const;
