/** Operations that make, register and close userfaultfds. */

import type { Draft, Range } from '../draft.js';
import { rangeText } from '../draft.js';
import {
  forget,
  isHuge,
  isShared,
  MINOR,
  MISSING,
  type Page,
  type Uffd,
  WP,
} from '../model/page.js';
import type { Process, Worker } from '../model/process.js';
import type { Holder } from '../model/world.js';
import type { Operation } from './operation.js';

const NAMES = ['U', 'V', 'W', 'X'];

const MODE_WORDS: readonly (readonly [string, number])[] = [
  ['missing', MISSING],
  ['wp', WP],
  ['minor', MINOR],
];

const modesText = (modes: number): string =>
  MODE_WORDS.filter(([, bit]) => (modes & bit) !== 0)
    .map(([word]) => word)
    .join(',');

/** Features of a new userfaultfd: those of the profile, each in its percentage. */
function featuresOf(draft: Draft): string[] {
  const { features } = draft.profile;
  return features.filter(([, percent]) => draft.random.chance(percent)).map(([name]) => name);
}

function flagsKey(draft: Draft, uffd: Pick<Uffd, 'isNonblocking' | 'isUserOnly'>): string {
  const words = [
    ...(uffd.isNonblocking ? ['nonblock'] : []),
    ...(uffd.isUserOnly ? ['usermode'] : []),
    ...(draft.random.chance(10) ? ['cloexec'] : []),
  ];
  return words.join(',') === 'nonblock' ? '' : `flags=${words.join(',')}`;
}

/** A name that is free; now and then one whose descriptor closes thereby. */
function nameFor(draft: Draft, process: Process): string | undefined {
  const used = [...process.uffds.keys()];
  if (used.length > 0 && draft.random.chance(6)) return draft.random.pick(used);
  return NAMES.find((free) => !process.uffds.has(free));
}

/** Makes a userfaultfd and shakes hands, which is seldom forgotten. */
export function makeUffd(draft: Draft, process: Process): Holder | undefined {
  const name = nameFor(draft, process);
  const worker = draft.anyone(process);
  if (name === undefined || worker === undefined) return undefined;
  const isNonblocking = !draft.random.chance(draft.profile.blockingPercent);
  const options = { isNonblocking, isUserOnly: draft.random.chance(4) };
  const uffd = draft.world.newUffd(process.index, options);
  const via = draft.random.chance(5) ? 'via=dev' : '';
  draft.say(worker, 'uffd', name, flagsKey(draft, uffd), via);
  process.uffds.set(name, uffd);
  draft.world.releaseUnheld();
  if (draft.random.chance(2)) return { process, name, uffd };
  const features = featuresOf(draft);
  const show = draft.random.chance(5) ? 'show' : '';
  draft.say(worker, 'api', name, features.length > 0 ? `features=${features.join(',')}` : '', show);
  for (const feature of features) uffd.features.add(feature);
  uffd.isReady = true;
  return { process, name, uffd };
}

const uffd: Operation = (draft) => makeUffd(draft, draft.process()) !== undefined;

/** Modes that the memory takes. */
function modesFor(draft: Draft, page: Page): number {
  const drawn = draft.random.weighted(draft.profile.modes);
  const takesMinor = isShared(page) || page.kind === 'priv';
  const modes = takesMinor && page.file !== undefined ? drawn : drawn & ~MINOR;
  const kept = isHuge(page) && page.hadWp ? modes | WP : modes;
  return kept === 0 ? MISSING : kept;
}

function registerPage(page: Page, uffd: Uffd, modes: number): void {
  if (page.uffd !== undefined && page.uffd !== uffd) return;
  const isSubset = page.uffd === uffd && (page.modes | modes) === page.modes;
  page.uffd = uffd;
  if (!isSubset) page.modes = modes;
  if ((modes & WP) !== 0) page.hadWp = true;
}

/** Registers a range. */
export function registerRange(
  draft: Draft,
  { process, name, uffd }: Holder,
  range: Range,
): boolean {
  const worker = draft.anyone(process);
  const pages = draft.pages(range);
  const [first] = pages;
  if (worker === undefined || first === undefined) return false;
  const modes = modesFor(draft, first);
  draft.say(worker, 'register', name, rangeText(range), modesText(modes));
  for (const page of pages) registerPage(page, uffd, modes);
  return true;
}

const register: Operation = (draft) => {
  const holder = draft.holder((candidate) => candidate.isReady);
  const home = holder && draft.world.home(holder.uffd);
  if (holder === undefined || home === undefined) return false;
  const isFree = (page: Page): boolean => page.uffd === undefined || page.uffd === holder.uffd;
  const range = draft.range({ process: home, most: 6, wanted: isFree });
  return range !== undefined && registerRange(draft, holder, range);
};

const unregister: Operation = (draft) => {
  const holder = draft.holder((candidate) => candidate.isReady);
  const home = holder && draft.world.home(holder.uffd);
  const worker = holder && draft.anyone(holder.process);
  if (home === undefined || worker === undefined) return false;
  const range = draft.range({ process: home, wanted: (page) => page.uffd === holder?.uffd });
  if (holder === undefined || range === undefined) return false;
  draft.say(worker, 'unregister', holder.name, rangeText(range));
  for (const page of draft.pages(range)) forget(page);
  draft.world.wake(home, draft.places(range));
  wakeRest(draft, worker, { holder, range });
  return true;
};

/** In areas without missing mode sleepers stay asleep: mostly somebody wakes them. */
function wakeRest(draft: Draft, worker: Worker, of: { holder: Holder; range: Range }): void {
  if (draft.random.chance(60)) draft.say(worker, 'wake', of.holder.name, rangeText(of.range));
}

const close: Operation = (draft) => {
  const holder = draft.holder();
  const worker = holder && draft.anyone(holder.process);
  if (holder === undefined || worker === undefined) return false;
  draft.say(worker, 'close', holder.name);
  holder.process.uffds.delete(holder.name);
  draft.world.releaseUnheld();
  return true;
};

const dup: Operation = (draft) => {
  const holder = draft.holder();
  const name = NAMES.find((free) => !holder?.process.uffds.has(free));
  const worker = holder && draft.anyone(holder.process);
  if (holder === undefined || worker === undefined || name === undefined) return false;
  draft.say(worker, 'dup', holder.name, name);
  holder.process.uffds.set(name, holder.uffd);
  return true;
};

/** Operations on userfaultfds themselves. */
export const UFFD_OPERATIONS = { uffd, register, unregister, close, dup } as const;
