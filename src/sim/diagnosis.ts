/**
 * What keeps a run from going on, in words: each thread that sleeps, what would wake it, who could
 * have done so, and of which kind the whole trouble is.
 */

import type { Wait } from '../base/op.js';
import { EventWait } from '../uffd/event.js';
import { FaultWait } from '../uffd/fault-message.js';
import { explainFault } from './explain-fault.js';
import type { Simulation } from './simulation.js';
import type { Activity, Strand } from './strand.js';
import { type Finding, lastSteps, TROUBLES, type Trouble } from './trouble.js';
import { UserWait } from './user-wait.js';

/** A thread that sleeps. */
export interface Sleeper extends Finding {
  readonly strand: Strand;
}

/** Everybody who sleeps at the end of a run, and the trouble that names it best. */
export interface Diagnosis {
  readonly trouble: Trouble;
  readonly sleepers: readonly Sleeper[];
}

/** Why nothing goes on; `undefined` when every thread has ended. */
export function diagnose(simulation: Simulation): Diagnosis | undefined {
  const all = simulation.strands.flatMap((strand) => sleeperOf(simulation, strand) ?? []);
  if (!all.some(mustEnd)) return undefined;
  const sleepers = all.flatMap((sleeper) => {
    if (inCycle(sleeper, all)) return asDeadlock(sleeper);
    return mustEnd(sleeper) ? sleeper : [];
  });
  const rank = ({ trouble }: Sleeper): number => TROUBLES.indexOf(trouble);
  const [worst] = [...sleepers].sort((a, b) => rank(a) - rank(b));
  return { trouble: worst?.trouble ?? 'stuck', sleepers };
}

const mustEnd = ({ strand }: Sleeper): boolean => strand.kind === 'thread';

function sleeperOf(simulation: Simulation, strand: Strand): Sleeper | undefined {
  const { sleep } = strand;
  if (strand.ended !== undefined) return undefined;
  if (sleep === undefined) return strand.adrift ? adrift(strand) : undefined;
  const { activity, wait } = sleep;
  const found = explain(simulation, strand, wait);
  const since = `${strand.name} sleeps in ${activity.what} since step ${activity.since}`;
  const lines = [`${since}: ${wait.reason.describe()}`, ...found.lines, ...stackOf(activity)];
  return { strand, trouble: found.trouble, lines, wakers: found.wakers };
}

const stackOf = ({ stack }: Activity): string[] =>
  stack === undefined || stack === '' ? [] : stack.split('\n');

const adrift = (strand: Strand): Sleeper => ({
  strand,
  trouble: 'outside await',
  lines: [
    `${strand.name} awaits something that is not of the simulation (a timer, I/O, a promise that ` +
      `nobody resolves); its last step was ${strand.lastStep}`,
  ],
  wakers: [],
});

function explain(simulation: Simulation, strand: Strand, wait: Wait): Finding {
  const { reason } = wait;
  if (reason instanceof FaultWait) return explainFault(simulation, strand, reason);
  if (reason instanceof EventWait) return explainEvent(simulation, strand, reason);
  const wakers = reason instanceof UserWait ? reason.wakers() : [];
  return { trouble: 'stuck', lines: [], wakers };
}

function explainEvent(simulation: Simulation, strand: Strand, reason: EventWait): Finding {
  const context = simulation.readers.contexts().find(({ name }) => name === reason.context);
  const readers = context === undefined ? [] : simulation.readers.readersOf(context);
  const wakers = readers.filter((reader) => reader.ended === undefined);
  const [only] = wakers;
  const lines =
    only === strand || wakers.length === 0
      ? [`nobody else reads ${reason.context}`, ...lastSteps(readers)]
      : lastSteps(readers);
  return { trouble: 'event unread', lines, wakers };
}

/** Whether a thread waits, over others, for itself. */
function inCycle({ strand, wakers }: Sleeper, all: readonly Sleeper[]): boolean {
  const seen = new Set<Strand>();
  const open = [...wakers];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next === strand) return true;
    if (seen.has(next)) continue;
    seen.add(next);
    open.push(...(all.find((sleeper) => sleeper.strand === next)?.wakers ?? []));
  }
  return false;
}

function asDeadlock(sleeper: Sleeper): Sleeper {
  if (sleeper.trouble === 'lost wake-up') return sleeper;
  const names = sleeper.wakers.map(({ name }) => name).join(', ');
  const lines = [...sleeper.lines, `it waits for ${names}, who in the end waits for it`];
  return { ...sleeper, trouble: 'deadlock', lines };
}
