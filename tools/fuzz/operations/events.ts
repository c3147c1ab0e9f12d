/** Operations on the queue of a userfaultfd: drain, event, poll, fdinfo. */

import type { Draft } from '../draft.js';
import type { Worker } from '../model/process.js';
import type { Holder } from '../model/world.js';
import type { Operation } from './operation.js';

/** A name for a child's userfaultfd that nobody has yet. */
function childName(draft: Draft): string {
  const names = new Set(draft.world.holders.map(({ name }) => name));
  for (let number = 1; ; number++) if (!names.has(`K${number}U`)) return `K${number}U`;
}

/** Names that `as=` binds to the forks among the next events. */
function numbered(name: string, index: number): string {
  return index === 0 ? name : `${name.slice(0, 12)}${index}`;
}

/** Believes that so many events were read, and gives the children's userfaultfds their names. */
function readModel(
  draft: Draft,
  holder: Holder,
  { most, name }: { most: number; name: string | undefined },
): void {
  const read = holder.uffd.unread.splice(0, most);
  let forks = 0;
  for (const { child, settle } of read) {
    settle();
    if (child === undefined) continue;
    if (name !== undefined) holder.process.uffds.set(numbered(name, forks), child);
    forks++;
  }
  if (forks > 0) draft.world.releaseUnheld();
}

/** Whether reading will make a descriptor. */
const hasFork = ({ uffd }: Holder): boolean => uffd.unread.some(({ child }) => child !== undefined);

/** `as=` where a fork may be read; seldom it is forgotten. */
function nameKey(draft: Draft, holder: Holder): string | undefined {
  return hasFork(holder) && draft.random.chance(90) ? childName(draft) : undefined;
}

const asKey = (name: string | undefined): string => (name === undefined ? '' : `as=${name}`);

/** Reads everything there is. */
export function drainLine(draft: Draft, worker: Worker, holder: Holder): void {
  const name = nameKey(draft, holder);
  draft.say(worker, 'drain', holder.name, asKey(name));
  if (holder.uffd.isNonblocking) readModel(draft, holder, { most: 32, name });
}

const drain: Operation = (draft) => {
  const holder = draft.holder(({ unread }) => unread.length > 0);
  const worker = holder && draft.anyone(holder.process);
  if (holder === undefined || worker === undefined) return false;
  drainLine(draft, worker, holder);
  return true;
};

/** Reads one message or some; sleeps when there is none and the descriptor blocks. */
const event: Operation = (draft) => {
  const holder = draft.holder(({ unread }) => unread.length > 0);
  const mayBlock = holder?.uffd.isNonblocking === false;
  const worker = holder && (mayBlock ? draft.thread(holder.process) : draft.anyone(holder.process));
  if (holder === undefined || worker === undefined) return false;
  const count = draft.random.chance(25) ? draft.random.between(2, 5) : 1;
  const name = nameKey(draft, holder);
  draft.say(worker, 'event', holder.name, asKey(name), count === 1 ? '' : `n=${count}`);
  const isEmpty = holder.uffd.unread.length === 0 && draft.world.faulters.length === 0;
  if (mayBlock && isEmpty) worker.sleep = { kind: 'read', uffd: holder.uffd };
  readModel(draft, holder, { most: count, name });
  return true;
};

const looking =
  (word: string): Operation =>
  (draft) => {
    const holder = draft.holder();
    const worker = holder && draft.anyone(holder.process);
    if (worker === undefined) return false;
    draft.say(worker, word, holder?.name ?? '');
    return true;
  };

/** Operations on the queue of a userfaultfd. */
export const EVENT_OPERATIONS = {
  drain,
  event,
  poll: looking('poll'),
  fdinfo: looking('fdinfo'),
} as const;

/** Plans the reads after which an event's sender goes on; seldom there are none. */
export function planReads(draft: Draft, uffds: readonly { id: number }[], times: number): void {
  if (draft.random.chance(20)) return;
  for (let round = 0; round < times; round++) {
    for (const { id } of uffds) draft.plan.push(() => readOne(draft, id));
  }
}

function readOne(draft: Draft, id: number): void {
  const holders = draft.world.holders.filter(({ uffd }) => uffd.id === id);
  const [holder] = holders;
  const worker = holder && draft.anyone(holder.process);
  if (holder === undefined || worker === undefined) return;
  if (holder.uffd.isNonblocking && draft.random.chance(70)) drainLine(draft, worker, holder);
  else readSingle(draft, worker, holder);
}

function readSingle(draft: Draft, worker: Worker, holder: Holder): void {
  const name = nameKey(draft, holder);
  draft.say(worker, 'event', holder.name, asKey(name));
  readModel(draft, holder, { most: 1, name });
}
