/**
 * Exploration: what one step of a schedule takes, with the making and judging of its machine. The
 * peer is what a test can afford: 20,000 steps a second. CPU time, because the peer does not share
 * the machine's bad moments.
 */

import type { Body, Sim } from '../../src/index.js';
import type { Contestant, Match } from '../harness/compare.js';
import type { Lab, Suite } from '../harness/lab.js';

const SEEDS = 100;
const YIELDS = 10;

const often = async (sim: Sim): Promise<void> => {
  for (let i = 0; i < YIELDS; i++) await sim.yield();
};

/** Two threads that do nothing but let each other run. */
const twoThreads: Body = async (sim) => {
  await Promise.all(['one', 'two'].map((name) => sim.spawn(name, () => often(sim))));
};

/** Nanoseconds of CPU time since the start of the process. */
function cpuNs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

/** Nanoseconds for a step of a program under many seeds. */
function exploring({ library }: Lab, name: string, body: Body): Contestant {
  return {
    name,
    async round(index) {
      const start = cpuNs();
      const { steps } = await library.explore({ seeds: SEEDS, firstSeed: 1 + index * SEEDS }, body);
      return (cpuNs() - start) / steps;
    },
  };
}

function matches(lab: Lab): Match[] {
  const peer: Contestant = { name: '20,000 steps per second', round: () => 1e9 / 20_000 };
  return [
    {
      name: 'explore: a step of one thread',
      ours: exploring(lab, 'one', often),
      peer,
      required: 1,
    },
    { name: 'explore: a step of two', ours: exploring(lab, 'two', twoThreads), peer, required: 1 },
  ];
}

const suite: Suite = async (lab) => lab.compare(matches(lab));

export default suite;
