/** Operations that touch memory: read, write, rmw, sysread, syswrite, vmread, vmwrite. */

import { addressOf, type Draft } from '../draft.js';
import { meet, type Page } from '../model/page.js';
import type { Place, Process, Worker } from '../model/process.js';
import type { Operation } from './operation.js';

const OFFSETS = [0, 8, 16, 100, 1000, 1024, 1040, 1124, 2024, 2048, 2148, 3072, 3172, 4072];
const CROWD_LEAST = 2;
const CROWD_MOST = 4;

interface Access {
  readonly word: string;
  readonly isWrite: boolean;
  readonly isKernel: boolean;
  /** Words behind the address and its offset. */
  readonly more: (draft: Draft) => string;
}

const valueKey = (draft: Draft): string => `val=0x${draft.nextByte().toString(16)}`;

const sizeKey = (draft: Draft): string =>
  draft.random.chance(12) ? `size=${draft.random.pick([2, 4, 8])}` : '';

const countKey = (draft: Draft): string =>
  draft.random.chance(15) ? `n=${draft.random.pick([1, 100, 4096, 5000, 8192])}` : 'n=8';

const joined = (...words: readonly string[]): string => words.filter(Boolean).join(' ');

const READ: Access = { word: 'read', isWrite: false, isKernel: false, more: sizeKey };
const WRITE: Access = {
  word: 'write',
  isWrite: true,
  isKernel: false,
  more: (draft) => joined(valueKey(draft), sizeKey(draft)),
};
const RMW: Access = { word: 'rmw', isWrite: true, isKernel: false, more: () => 'val=1' };
const SYSREAD: Access = {
  word: 'sysread',
  isWrite: true,
  isKernel: true,
  more: (draft) => joined(countKey(draft), valueKey(draft)),
};
const SYSWRITE: Access = { word: 'syswrite', isWrite: false, isKernel: true, more: countKey };
const VMREAD: Access = { word: 'vmread', isWrite: false, isKernel: true, more: countKey };
const VMWRITE: Access = {
  word: 'vmwrite',
  isWrite: true,
  isKernel: true,
  more: (draft) => joined(countKey(draft), valueKey(draft)),
};

/** Where within the page; now and then over its end. */
function offsetKey(draft: Draft): string {
  if (draft.random.chance(4)) return `off=${draft.random.pick([4089, 4092, 4095])}`;
  return `off=${draft.random.pick(OFFSETS)}`;
}

/** A page just outside of what is mapped, where stacks grow. */
function neighbour(draft: Draft, owner: Process): Place | undefined {
  const place = draft.place(owner);
  if (place === undefined) return undefined;
  const { slot } = place;
  const index = draft.random.chance(70) ? owner.start(slot) - 1 : owner.end(slot);
  return { slot, index: Math.max(0, index) };
}

/** A page whose access is likely to sleep while few sleep, and to work otherwise. */
function target(draft: Draft, owner: Process, isWrite: boolean): Place | undefined {
  const isFull = draft.world.faulters.length >= draft.sleepersMost;
  const wished = !isFull && draft.random.chance(55) ? 'sleeps' : 'hits';
  if (draft.random.chance(6)) return draft.place(owner);
  if (draft.random.chance(2)) return neighbour(draft, owner);
  const wanted = (page: Page): boolean => meet(page, isWrite) === wished;
  const works = (page: Page): boolean => meet(page, isWrite) !== 'fails';
  const { places } = owner;
  const fitting = places.filter((place) => {
    const page = owner.page(place);
    return page !== undefined && wanted(page);
  });
  return fitting.length > 0 ? draft.random.pick(fitting) : draft.place(owner, works);
}

interface Aim {
  readonly worker: Worker;
  readonly owner: Process;
}

function perform(draft: Draft, { worker, owner }: Aim, access: Access): boolean {
  const place = target(draft, owner, access.isWrite);
  if (place === undefined) return false;
  at(draft, { worker, owner }, access, place);
  return true;
}

function at(draft: Draft, { worker, owner }: Aim, access: Access, place: Place): void {
  const of = access.word.startsWith('vm') ? `P${owner.index}` : '';
  draft.say(worker, access.word, of, addressOf(place), offsetKey(draft), access.more(draft));
  const { isWrite, isKernel } = access;
  draft.world.access(worker, { kind: 'fault', owner, place, isWrite, isKernel });
}

/** Several threads at one page, or next to each other: who goes on first, and who waits on? */
const crowd: Operation = (draft) => {
  const owner = draft.process();
  const place = target(draft, owner, true);
  if (place === undefined) return false;
  const size = draft.random.between(CROWD_LEAST, CROWD_MOST);
  const workers = owner.idleThreads.slice(0, size);
  if (workers.length < CROWD_LEAST) return false;
  for (const worker of workers) {
    const access = draft.random.pick([READ, WRITE, WRITE, SYSREAD, SYSWRITE]);
    const index = place.index + (draft.random.chance(25) ? 1 : 0);
    at(draft, { worker, owner }, access, { ...place, index });
  }
  return true;
};

const own =
  (access: Access): Operation =>
  (draft) => {
    const owner = draft.process();
    const worker = draft.thread(owner);
    return worker !== undefined && perform(draft, { worker, owner }, access);
  };

const remote =
  (access: Access): Operation =>
  (draft) => {
    const worker = draft.thread(draft.process());
    return worker !== undefined && perform(draft, { worker, owner: draft.process() }, access);
  };

/** Operations that touch memory. */
export const ACCESS_OPERATIONS = {
  crowd,
  read: own(READ),
  write: own(WRITE),
  rmw: own(RMW),
  sysread: own(SYSREAD),
  syswrite: own(SYSWRITE),
  vmread: remote(VMREAD),
  vmwrite: remote(VMWRITE),
} as const;
