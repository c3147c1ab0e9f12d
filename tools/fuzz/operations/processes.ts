/** Operations on processes: fork, exit, kill, signal, setuid, join. */

import type { Draft } from '../draft.js';
import { forkProcess } from '../model/fork.js';
import { type Process, type Worker, whoText } from '../model/process.js';
import { planReads } from './events.js';
import type { Operation } from './operation.js';

/** In the language there are P0 to P5. */
const PROCESSES_MOST = 6;

const fork: Operation = (draft) => {
  const { world, profile } = draft;
  const most = Math.min(PROCESSES_MOST, profile.processes);
  if (world.processes.length >= most) return false;
  const parent = draft.process();
  const worker = draft.thread(parent);
  if (worker === undefined || parent.isForking) return false;
  const { child, notices } = forkProcess(world, parent);
  draft.say(worker, 'fork', `P${child.index}`);
  world.post(worker, notices, () => {
    child.isAlive = true;
  });
  planReads(
    draft,
    notices.map(({ uffd }) => uffd),
    1,
  );
  return true;
};

/** A process that may end: not the first, and none of its forks waits. */
function mortal(draft: Draft): Process | undefined {
  const { alive, first } = draft.world;
  const choices = alive.filter(
    (process) => (process !== first || draft.random.chance(2)) && !process.isForking,
  );
  return choices.length > 0 && alive.length > 1 ? draft.random.pick(choices) : undefined;
}

const exit: Operation = (draft) => {
  const process = mortal(draft);
  const worker = process && draft.anyone(process);
  if (worker === undefined || process === undefined) return false;
  draft.say(worker, 'exit');
  draft.world.end(process);
  return true;
};

const kill: Operation = (draft) => {
  const process = mortal(draft);
  if (process === undefined) return false;
  draft.lines.push(`kill P${process.index}`);
  draft.world.end(process);
  return true;
};

/** Not asleep in a fault of the kernel's own: there a signal would make it spin. */
const mayInterrupt = ({ sleep, wasInKernel }: Worker): boolean =>
  sleep !== undefined && !wasInKernel;

const signal: Operation = (draft) => {
  const sleepers = draft.world.workers.filter(mayInterrupt);
  if (sleepers.length === 0) return false;
  draft.lines.push(`signal ${whoText(draft.random.pick(sleepers))}`);
  return true;
};

const join: Operation = (draft) => {
  const used = draft.world.workers.filter(({ wasUsed, name }) => wasUsed && name !== 'M');
  if (used.length === 0) return false;
  draft.lines.push(`join ${whoText(draft.random.pick(used))}`);
  return true;
};

const setuid: Operation = (draft) => {
  const worker = draft.thread(draft.process());
  if (worker === undefined) return false;
  draft.say(worker, 'setuid', '1000');
  return true;
};

/** Operations on processes. */
export const PROCESS_OPERATIONS = { fork, exit, kill, signal, join, setuid } as const;
