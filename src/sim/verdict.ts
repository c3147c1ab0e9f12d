/**
 * Judges a run that has come to its end: what stopped it, who sleeps for ever, what was left
 * behind. Changes nothing.
 */

import { KernelError } from '../machine/errors.js';
import { UFFD_USER_MODE_ONLY } from '../uapi/userfaultfd.js';
import { diagnose } from './diagnosis.js';
import type { ScheduleTrouble } from './errors.js';
import type { Simulation } from './simulation.js';
import type { Strand } from './strand.js';

/** What is wrong with a run. */
export interface Verdict {
  readonly trouble: ScheduleTrouble;
  readonly lines: readonly string[];
  readonly error: unknown;
}

/** What is wrong with a run; `undefined` when nothing is. */
export function judge(simulation: Simulation, strict: boolean): Verdict | undefined {
  return stopped(simulation) ?? asleep(simulation) ?? (strict ? left(simulation) : undefined);
}

function stopped(simulation: Simulation): Verdict | undefined {
  const { stop } = simulation;
  if (stop === undefined) return undefined;
  if (stop.kind === 'error') {
    const { error } = stop;
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const lines = [`${stop.strand?.name ?? '?'} threw ${text}`, ...reasons(simulation, error)];
    return { trouble: 'error', lines, error };
  }
  if (stop.kind === 'steps') {
    const lines = [`the program has not ended after ${simulation.taken.length} steps (maxSteps)`];
    return {
      trouble: 'too many steps',
      lines: [...lines, ...states(simulation)],
      error: undefined,
    };
  }
  const { futility, name } = stop.strand;
  const lines = [
    `${name} got '${futility.key}' ${futility.count} times while nothing else changed`,
    ...hints(simulation, stop.strand),
    ...states(simulation),
  ];
  return { trouble: 'livelock', lines, error: undefined };
}

/** What an error that names no reason may come from. */
function reasons(simulation: Simulation, error: unknown): string[] {
  if (!(error instanceof KernelError) || error.code !== 'EFAULT') return [];
  const userOnly = simulation.readers.contexts().filter(({ flags }) => flags & UFFD_USER_MODE_ONLY);
  return userOnly.map(
    ({ name }) =>
      `${name} was made with UFFD_USER_MODE_ONLY: a system call that touches its missing pages ` +
      'does not wait for them, it fails with EFAULT',
  );
}

/** What a call that is refused again and again waits for. */
function hints(simulation: Simulation, strand: Strand): string[] {
  if (strand.futility.key === 'poll POLLERR') return [BLOCKING];
  const { readers } = simulation;
  return readers.contexts().flatMap((context) => {
    const [event] = context.events;
    if (event === undefined) return [];
    const kind = event.body.event.toUpperCase();
    const [first, ...others] = readers.readersOf(context);
    const itself = first === strand && others.length === 0;
    const who = itself ? `, and ${strand.name} itself is who reads it` : '';
    return [`the ${kind} event of ${context.name} is unread${who}: read events, then try again`];
  });
}

const BLOCKING =
  'POLLERR is what poll(2) always answers for a userfaultfd without O_NONBLOCK (and for any ' +
  'before UFFDIO_API): open it with O_NONBLOCK';

const states = (simulation: Simulation): string[] =>
  simulation.strands.map((strand) => {
    const { name, ended, sleep, lastStep } = strand;
    const what = sleep?.activity.what ?? strand.activities[0]?.what;
    const doing = ended !== undefined ? 'has ended' : what === undefined ? 'runs' : `is in ${what}`;
    return `${name} ${doing}, last step ${lastStep}`;
  });

function asleep(simulation: Simulation): Verdict | undefined {
  const diagnosis = diagnose(simulation);
  if (diagnosis === undefined) return undefined;
  const lines = diagnosis.sleepers.flatMap((sleeper) =>
    sleeper.lines.map((line, i) => (i === 0 ? line : `  ${line}`)),
  );
  return { trouble: diagnosis.trouble, lines, error: undefined };
}

/** A run that ends well leaves no event unread and no userfaultfd open. */
function left(simulation: Simulation): Verdict | undefined {
  const lines = [...new Set(simulation.readers.open())].map((context) => {
    const unread = context.events.length + context.pending.length;
    const messages = unread > 0 ? ` with ${unread} unread messages` : '';
    return `${context.name} is still open${messages}: close it, or pass strict: false`;
  });
  return lines.length === 0 ? undefined : { trouble: 'left behind', lines, error: undefined };
}
