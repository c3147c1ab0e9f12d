/**
 * Snapshots, forks and new machines. A snapshot is kept page by page as pages change, so the peer
 * is what it replaces: a copy of the machine's memory, both ways.
 */

import type { Machine, Snapshot, Thread } from '../../src/index.js';
import { nowNs } from '../harness/clock.js';
import type { Contestant, Match } from '../harness/compare.js';
import type { Lab, Suite } from '../harness/lab.js';

const PAGES = 16384;
const LENGTH = PAGES * 4096;
const ROUND = 20;

interface Guest {
  readonly machine: Machine;
  readonly thread: Thread;
  readonly addr: number;
}

/** A guest whose memory is all there. */
function guestOf({ library }: Lab): Guest {
  const { Machine, MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } = library;
  const machine = new Machine({ memory: 2 * LENGTH });
  const thread = machine.spawn().main;
  const flags = MAP_PRIVATE | MAP_ANONYMOUS;
  const addr = thread.mmapSync({ length: LENGTH, prot: PROT_READ | PROT_WRITE, flags });
  for (let i = 0; i < PAGES; i++) thread.store8Sync(addr + i * 4096, i);
  return { machine, thread, addr };
}

/** Takes a snapshot, dirties pages, goes back. */
function back({ machine, thread, addr }: Guest, dirtied: number): void {
  const snapshot: Snapshot = machine.snapshot();
  for (let i = 0; i < dirtied; i++) thread.store8Sync(addr + i * 4096 * 16, 1);
  machine.restore(snapshot);
}

function timed(name: string, calls: number, call: () => unknown): Contestant {
  return {
    name,
    round() {
      const start = nowNs();
      for (let i = 0; i < calls; i++) call();
      return (nowNs() - start) / calls;
    },
  };
}

/** Copies as many bytes as the guest has. */
function copying(name: string, copies: number): Contestant {
  const memory = new Uint8Array(LENGTH).fill(1);
  const saved = new Uint8Array(LENGTH);
  return timed(name, 1, () => {
    for (let i = 0; i < copies; i++) saved.set(memory);
  });
}

function matches(lab: Lab): Match[] {
  const guest = guestOf(lab);
  const peer = copying('a copy of all memory and back', 2);
  const snapshots = [0, 16, 256, 1024].map(
    (dirtied): Match => ({
      name: `state: snapshot, ${dirtied} of ${PAGES} pages dirtied, restore`,
      ours: timed('snapshot', ROUND, () => back(guest, dirtied)),
      peer,
      required: dirtied <= 256 ? 1 / 5 : 1,
    }),
  );
  const creation: Match = {
    name: 'state: new machine with a process',
    ours: timed('creation', 200, () => new lab.library.Machine().spawn()),
    peer: { name: 'one millisecond', round: () => 1e6 },
    required: 1,
  };
  const fork: Match = {
    name: `state: fork of a machine, ${PAGES} pages`,
    ours: timed('fork', 2, () => guest.machine.fork()),
    peer: copying('a copy of all memory', 1),
  };
  return [creation, ...snapshots, fork];
}

const suite: Suite = async (lab) => lab.compare(matches(lab));

export default suite;
