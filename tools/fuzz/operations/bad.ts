/**
 * Operations with odd arguments: unaligned, empty, huge, beyond the address space, with bits that
 * nobody defined, names that mean nothing. The model learns nothing: most of them fail.
 * No range reaches memory that is not the scenario's: it ends before BUF, or behind user space.
 */

import { addressOf, type Draft } from '../draft.js';
import type { Worker } from '../model/process.js';
import type { Operation } from './operation.js';

const ODD_PLACES = ['NULL', 'NULL+1', 'LIM', 'LIM-1', 'LIM+1', 'TOP', 'P+7', 'BUF.0x10'];
const ODD_LENGTHS = ['0', '1.0x10', 'b0x1', '5000', 'b0x7fffffffffff', 'b0xfffffffffffff000'];
const ODD_BITS = ['0x4', '0x8', '0x10', '0x8000', '0x100000000', '0xffffffffffffffff'];

const REQUESTS = ['0xaa3e', '0x1', '0xaa00', '0xc018aa3f', '0x8010aa01', '0xc020aa00', '0xaa06'];

function oddPlace(draft: Draft): string {
  const place = draft.place(draft.process()) ?? { slot: 'A', index: 0 };
  return draft.random.weighted([
    [addressOf(place), 8],
    [`${addressOf(place)}.0x${draft.random.pick(['1', '10', '800', 'fff'])}`, 3],
    [addressOf({ ...place, index: place.index + draft.random.between(3, 30) }), 3],
    [`${place.slot}-1`, 1],
    [draft.random.pick(ODD_PLACES), 4],
  ]);
}

const oddLength = (draft: Draft): string =>
  draft.random.chance(50) ? `${draft.random.between(1, 6)}` : draft.random.pick(ODD_LENGTHS);

const oddRange = (draft: Draft): string[] => [oddPlace(draft), oddLength(draft)];

/** In or behind the scenario's own mappings, where changing them harms nobody. */
function ownPlace(draft: Draft): string {
  const place = oddPlace(draft);
  return /^[A-Z]{3}/.test(place) ? 'A+1.0x10' : place;
}

const ownRange = (draft: Draft): string[] => [ownPlace(draft), oddLength(draft)];

/** madvise goes on behind holes, as far as the agent's own memory. */
function nearRange(draft: Draft): string[] {
  const [place = 'A', length = '1'] = ownRange(draft);
  return [place, length === 'b0x7fffffffffff' ? '5000' : length];
}

function modeKey(draft: Draft): string {
  const words = ['wp', 'dontwake', 'holes', 'wp,dontwake'];
  if (draft.random.chance(45)) return '';
  return `mode=${draft.random.pick(draft.random.chance(50) ? ODD_BITS : words)}`;
}

/** `holes` is a mode of move alone. */
const fillMode = (draft: Draft): string => modeKey(draft).replace('holes', '0x2');
const moveMode = (draft: Draft): string => modeKey(draft).replace('wp', '0x4');

const uffdName = (draft: Draft): string =>
  draft.random.chance(95) ? (draft.holder()?.name ?? 'U') : draft.random.pick(['F0', 'Q']);

const MODE_SETS = ['missing', 'wp', 'minor', 'missing,wp', 'minor,wp', 'none', '0x8', '0x100'];
const PROTECT_SETS = ['on', 'off', '0x3', '0x4', 'off,dontwake', '0x8000000000000000'];

const source = (draft: Draft): string =>
  draft.random.chance(12) ? `src=${draft.random.pick(['NULL', 'LIM', 'BUF.0x10', 'P+7'])}` : '';

const WRITERS: readonly ((draft: Draft) => readonly string[])[] = [
  (draft) => ['register', uffdName(draft), ...oddRange(draft), draft.random.pick(MODE_SETS)],
  (draft) => ['unregister', uffdName(draft), ...oddRange(draft)],
  (draft) => ['wake', uffdName(draft), ...oddRange(draft)],
  (draft) => ['copy', uffdName(draft), ...oddRange(draft), source(draft), fillMode(draft)],
  (draft) => ['zeropage', uffdName(draft), ...oddRange(draft), fillMode(draft)],
  (draft) => ['continue', uffdName(draft), ...oddRange(draft), fillMode(draft)],
  (draft) => ['poison', uffdName(draft), ...oddRange(draft), fillMode(draft)],
  (draft) => ['move', uffdName(draft), oddPlace(draft), ...oddRange(draft), moveMode(draft)],
  (draft) => ['wp', uffdName(draft), ...oddRange(draft), draft.random.pick(PROTECT_SETS)],
  (draft) => ['ioctl', draft.holder()?.name ?? 'U', draft.random.pick(REQUESTS)],
  (draft) => ['madvise', ...nearRange(draft), draft.random.pick(['DONTNEED', 'FREE', '99', '5'])],
  (draft) => ['mprotect', ...ownRange(draft), draft.random.pick(['r', 'rw', 'none', 'w', 'rx'])],
  (draft) => ['munmap', ...ownRange(draft)],
  (draft) => ['mlock', ...nearRange(draft)],
  (draft) => ['map', draft.random.pick([ownPlace(draft), ...LOW_PLACES]), mapLength(draft), 'anon'],
  (draft) => ['mremap', ...ownRange(draft), oddLength(draft), remapKeys(draft)],
  (draft) => [
    'event',
    draft.holder()?.name ?? 'U',
    `size=${draft.random.pick([0, 1, 31, 33, 64])}`,
  ],
  (draft) => ['api', uffdName(draft), apiKeys(draft), 'show'],
];

/** Where the kernel lets root map, and where it lets nobody. */
const LOW_PLACES = ['NULL+1', 'NULL+2.0x10', 'TOP', 'LIM', 'LIM+1'];

const mapLength = (draft: Draft): string =>
  draft.random.pick(['0', 'b0x1', '2', 'b0x7fffffffffff', 'b0xfffffffffffff000']);

function remapKeys(draft: Draft): string {
  const flags = draft.random.pick(['', 'flags=maymove', 'flags=dontunmap', 'flags=0x8']);
  const to = draft.random.chance(50)
    ? `to=${draft.random.pick([ownPlace(draft), 'LIM', 'TOP'])}`
    : '';
  return [to, flags].filter(Boolean).join(' ');
}

const apiKeys = (draft: Draft): string =>
  draft.random.pick(['', 'api=0xab', 'features=0x8000000000000000', 'features=EVENT_FORK']);

const SCANS: readonly string[] = [
  'mask=0x8000',
  'flags=0x8',
  'badvec',
  'size=88',
  'novec',
  'vec=0',
];

const badScan = (draft: Draft): readonly string[] => [
  'scan',
  ...oddRange(draft),
  draft.random.pick(SCANS),
];

/** A range must not reach memory that is no scenario's. */
function isSafe(words: readonly string[]): boolean {
  const isHuge = words.includes('b0x7fffffffffff');
  return !isHuge || !words.some((word) => /^(NULL|TOP|LIM\+1)/.test(word));
}

const odd: Operation = (draft) => {
  const worker: Worker | undefined = draft.thread(draft.process());
  if (worker === undefined) return false;
  const writers = draft.has('scan') ? [...WRITERS, badScan] : WRITERS;
  const words = draft.random.pick(writers)(draft);
  if (!isSafe(words)) return false;
  draft.say(worker, ...words);
  return true;
};

/** An operation with odd arguments. */
export const BAD_OPERATIONS = { odd } as const;
