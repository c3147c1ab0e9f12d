/**
 * The end of a scenario: looks at everything, lets everybody go who sleeps, looks again.
 * Protection shows before the last close only, contents of what slept after it only.
 */

import { type Draft, rangeText } from './draft.js';
import type { Process } from './model/process.js';
import { whoText } from './model/process.js';
import { wholeWindow } from './operations/observers.js';

/** Words of M, or of a T worker when M sleeps. */
function say(draft: Draft, process: Process, ...words: readonly string[]): void {
  const worker = process.main.sleep === undefined ? process.main : process.idleThreads[0];
  if (worker !== undefined) draft.say(worker, ...words);
}

function look(draft: Draft, process: Process, words: readonly string[]): void {
  for (const slot of process.windows.keys()) {
    const range = rangeText(wholeWindow(process, slot));
    for (const word of words) say(draft, process, word, word === 'vmflags' ? slot : range);
  }
}

function drainAll(draft: Draft): void {
  for (const { process, name } of draft.world.holders) {
    for (let time = 0; time < 2; time++) say(draft, process, 'drain', name);
  }
}

function wakeAll(draft: Draft): void {
  for (const { process, name, uffd } of draft.world.holders) {
    const home = draft.world.home(uffd);
    if (home === undefined) continue;
    for (const slot of home.slots) {
      say(draft, process, 'wake', name, rangeText(wholeWindow(home, slot)));
    }
  }
}

function closeAll(draft: Draft): void {
  for (const { process, name } of draft.world.holders) say(draft, process, 'close', name);
}

function joinAll(draft: Draft): void {
  for (const worker of draft.world.workers) {
    if (worker.wasUsed && worker.name !== 'M') draft.lines.push(`join ${whoText(worker)}`);
  }
}

function lookAtFiles(draft: Draft): void {
  const { files } = draft.world.alive[0] ?? draft.world.first;
  for (const [name, { pages }] of files) {
    const [process = draft.world.first] = draft.world.alive;
    say(draft, process, 'fmincore', name);
    say(draft, process, 'fread', name, '0', `${Math.max(1, pages)}`);
  }
}

/** Writes the end. */
export function windUp(draft: Draft): void {
  for (const process of draft.world.alive) look(draft, process, ['pagemap', 'peek']);
  drainAll(draft);
  wakeAll(draft);
  closeAll(draft);
  joinAll(draft);
  for (const process of draft.world.alive) look(draft, process, ['pagemap', 'peek', 'vmflags']);
  lookAtFiles(draft);
}
