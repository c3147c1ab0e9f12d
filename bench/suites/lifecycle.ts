/**
 * The life of a page and of a process, per page, beside what the real kernel takes for the same
 * call (c/kernel-life.c). The kernel's process is fork, _exit and wait; ours is a whole machine.
 */

import type { Machine, Thread } from '../../src/index.js';
import { nowNs, nsPer } from '../harness/clock.js';
import type { Contestant, Match } from '../harness/compare.js';
import type { Lab, Opponent, Suite } from '../harness/lab.js';

const PAGES = 4096;
const LENGTH = PAGES * 4096;
const PEER = 'Linux, the same call';

/** What a call works on. */
interface Range {
  readonly machine: Machine;
  readonly thread: Thread;
  readonly addr: number;
}

/** One call to measure: prepared, timed, cleaned up. */
interface Call {
  /** Its name in c/kernel-life.c. */
  readonly name: string;
  readonly title: string;
  /** Ours over the kernel's, at most. */
  readonly required: number;
  readonly populated: boolean;
  /** Calls in one go. */
  readonly calls: number;
  run(range: Range): void;
  after?(range: Range): void;
}

function touch({ thread, addr }: Range): void {
  for (let i = 0; i < PAGES; i++) thread.store8Sync(addr + i * 4096, 1);
}

function callsOf({ library }: Lab): readonly Call[] {
  const { PROT_READ, PROT_WRITE, MADV_DONTNEED } = library;
  const range = ({ addr }: Range) => ({ addr, length: LENGTH });
  return [
    {
      name: 'touch',
      title: 'first touch, write',
      required: 1,
      populated: false,
      calls: 1,
      run: touch,
    },
    {
      name: 'fork',
      title: 'fork',
      required: 1 / 10,
      populated: true,
      calls: 1,
      run: ({ thread }) => void thread.forkSync(),
      after: ({ machine }) => machine.processes.at(-1)?.exit(),
    },
    {
      name: 'mprotect',
      title: 'mprotect',
      required: 1 / 10,
      populated: true,
      calls: 2,
      run(at) {
        at.thread.mprotectSync({ ...range(at), prot: PROT_READ });
        at.thread.mprotectSync({ ...range(at), prot: PROT_READ | PROT_WRITE });
      },
    },
    {
      name: 'dontneed',
      title: 'MADV_DONTNEED',
      required: 1 / 10,
      populated: true,
      calls: 1,
      run: (at) => at.thread.madviseSync({ ...range(at), advice: MADV_DONTNEED }),
    },
    {
      name: 'munmap',
      title: 'munmap',
      required: 1 / 10,
      populated: true,
      calls: 1,
      run: (at) => at.thread.munmapSync(range(at)),
    },
  ];
}

function ours({ library }: Lab, call: Call): Contestant {
  const { Machine, MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } = library;
  const machine = new Machine({ memory: 4 * LENGTH });
  const thread = machine.spawn().main;
  return {
    name: call.name,
    round() {
      const flags = MAP_PRIVATE | MAP_ANONYMOUS;
      const addr = thread.mmapSync({ length: LENGTH, prot: PROT_READ | PROT_WRITE, flags });
      const range = { machine, thread, addr };
      if (call.populated) touch(range);
      const took = nsPer(PAGES * call.calls, () => call.run(range));
      call.after?.(range);
      thread.munmapSync({ addr, length: LENGTH });
      return took;
    },
  };
}

const MACHINES = 50;

function creation({ library }: Lab, kernel: Opponent): Match {
  return {
    name: 'lifecycle: machine and process',
    ours: {
      name: 'creation',
      round() {
        const start = nowNs();
        for (let i = 0; i < MACHINES; i++) new library.Machine({ memory: 2 ** 24 }).spawn();
        return (nowNs() - start) / MACHINES;
      },
    },
    peer: kernel.does('Linux, fork + _exit + wait', () => 'process'),
  };
}

const suite: Suite = async (lab) => {
  const kernel = await lab.opponent('kernel-life');
  const matches = callsOf(lab).map(
    (call): Match => ({
      name: `lifecycle: ${call.title}, per page`,
      ours: ours(lab, call),
      peer: kernel.does(PEER, () => `${call.name} ${PAGES}`),
      required: call.required,
    }),
  );
  return lab.compare([creation(lab, kernel), ...matches]);
};

export default suite;
