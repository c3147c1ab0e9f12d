/**
 * Matchers about whole machines and whole programs: at rest, nobody waits in vain, the same again.
 * Who waits for what, the watches below know.
 */

import { Machine } from '../machine/machine.js';
import type { ExploreOptions } from '../sim/explore.js';
import type { Body } from '../sim/run.js';
import { Sim } from '../sim/sim.js';
import { findParting } from '../sim/single.js';
import { inFlight, strandedWaiters } from '../watch/waiters.js';
import { nothingAgainst, type Verdict, wrongSubject } from './verdict.js';

function machineOf(matcher: string, value: unknown): Machine {
  if (value instanceof Machine) return value;
  if (value instanceof Sim) return value.machine;
  throw wrongSubject(matcher, 'a Machine or a Sim', value);
}

/** Schedules that are run twice unless options say otherwise. */
const SEEDS = 20;

/** Matchers of machines and programs. */
export const machineMatchers = {
  toBeQuiescent(got: unknown): Verdict {
    const machine = machineOf('toBeQuiescent', got);
    return nothingAgainst(inFlight(machine), 'the machine to be at rest');
  },
  toHaveNoStrandedWaiters(got: unknown): Verdict {
    const waiters = strandedWaiters(machineOf('toHaveNoStrandedWaiters', got));
    return nothingAgainst(
      waiters.map(({ reason }) => reason),
      'no thread to wait in vain',
    );
  },
  async toBeReproducible(got: unknown, options: ExploreOptions = {}): Promise<Verdict> {
    if (typeof got !== 'function') throw wrongSubject('toBeReproducible', 'a program', got);
    const parted = await findParting(got as Body, { seeds: SEEDS, ...options });
    const lines = parted === undefined ? [] : [`two runs under one schedule differ in ${parted}`];
    return nothingAgainst(lines, 'the program to do the same under the same schedule');
  },
};
