/** What a child gets of its parent's memory and names, as the generator believes. */

import { forget, type Page, type Uffd } from './page.js';
import { Process } from './process.js';
import type { Notice, World } from './world.js';

function childPage(page: Page, children: ReadonlyMap<Uffd, Uffd>): Page {
  const copy = { ...page, isLocked: false };
  const uffd = page.uffd === undefined ? undefined : children.get(page.uffd);
  if (page.uffd === undefined) return copy;
  if (uffd === undefined) forget(copy);
  else copy.uffd = uffd;
  if (page.copies === 'wiped') copy.content = 'none';
  return copy;
}

/** The userfaultfds of a process that send an event when it forks. */
function watching(parent: Process): Set<Uffd> {
  const all = parent.places.flatMap((place) => parent.page(place)?.uffd ?? []);
  return new Set(all.filter(({ features }) => features.has('EVENT_FORK')));
}

/** A process that is being forked, and the events that its birth waits for. */
export interface Birth {
  readonly child: Process;
  readonly notices: readonly Notice[];
}

/** Makes a child that is not alive yet. */
export function forkProcess(world: World, parent: Process): Birth {
  const child = new Process(world.processes.length);
  child.isAlive = false;
  const twins = new Map(
    [...watching(parent)].map((uffd) => {
      const twin = world.newUffd(child.index, uffd);
      for (const feature of uffd.features) twin.features.add(feature);
      twin.isReady = true;
      return [uffd, twin];
    }),
  );
  for (const place of parent.places) {
    const page = parent.page(place);
    if (page === undefined || page.copies === 'no') continue;
    child.window(place.slot).set(place.index, childPage(page, twins));
  }
  for (const [name, uffd] of parent.uffds) child.uffds.set(name, uffd);
  for (const [name, file] of parent.files) child.files.set(name, file);
  world.processes.push(child);
  return { child, notices: [...twins].map(([uffd, twin]) => ({ uffd, child: twin })) };
}
