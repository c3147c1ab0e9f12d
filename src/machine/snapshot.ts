/**
 * A machine's whole state, to come back to: what is large lies in versions and costs what changes,
 * the rest is taken down object by object. Objects keep their identity when they are put back.
 * An operation in progress cannot be taken down: nobody may be asleep but listeners, which start
 * anew. Joins the parts; how each is kept its own layer knows.
 */

import { Copier, type GraphRule, saveGraph } from '../base/graph.js';
import { Trace } from '../base/trace.js';
import { VersionedMap } from '../base/versioned-map.js';
import type { Version } from '../base/versions.js';
import { Versions } from '../base/versions.js';
import { Mm } from '../mm/mm.js';
import { Tlb } from '../pgtable/tlb.js';
import { KernelProfile } from '../profile/profile.js';
import { Scheduler } from '../sched/scheduler.js';
import { Credentials } from './credentials.js';
import { Era, RestoredError } from './era.js';
import type { Process } from './process.js';
import type { Member } from './process-state.js';
import type { System } from './system.js';
import { ThreadCore } from './thread-core.js';

/** The state of a machine cannot be taken down now. */
export class SnapshotError extends Error {
  /** Always `'SnapshotError'`. */
  override readonly name = 'SnapshotError';
}

/** What a machine consists of: its state below, and what users hold of its processes. */
export interface MachineState {
  readonly system: System;
  readonly processes: Map<number, Process>;
}

/** A state of one machine, for {@link Machine.restore}; stays good however often it is used. */
export class Snapshot {
  /** @internal */
  readonly system: System;
  /** @internal */
  readonly version: Version;
  /** @internal Puts back what is not in the versions. */
  readonly putBack: () => void;
  /** @internal Lets the listeners listen that did when it was taken. */
  readonly resume: () => void;

  /** @internal Only {@link Machine.snapshot} makes one. */
  constructor(system: System, version: Version, putBack: () => void, resume: () => void) {
    this.system = system;
    this.version = version;
    this.putBack = putBack;
    this.resume = resume;
  }
}

const SHARED = [Trace, KernelProfile, Credentials, Versions, VersionedMap, Tlb, Scheduler, Era];

/** Taking down: what never changes, and what versions keep, is left alone. */
const savedRule: GraphRule = (object) =>
  SHARED.some((kind) => object instanceof kind) ? 'share' : 'enter';

/** Copying: what never changes is shared; threads are made anew, with their process. */
const copiedRule: GraphRule = (object) => {
  if (object instanceof KernelProfile || object instanceof Credentials) return 'share';
  return object instanceof ThreadCore ? 'omit' : 'enter';
};

/** Takes the state down. */
export function takeSnapshot(machine: MachineState): Snapshot {
  const { system } = machine;
  return whileQuiet(system, 'taken a snapshot of', (resume) => {
    system.eras.end();
    const version = system.memory.versions.mark();
    for (const mm of spacesOf(system)) mm.tlb.forgetWrites();
    return new Snapshot(system, version, saveGraph(machine, savedRule), resume);
  });
}

/** Puts a state back. Whoever is asleep gets a {@link RestoredError}. */
export function restoreSnapshot({ system }: MachineState, snapshot: Snapshot): void {
  if (snapshot.system !== system) throw new SnapshotError('the snapshot is of another machine');
  assertNotRunning(system, 'restored');
  suspendListeners(system);
  const members = membersOf(system);
  system.scheduler.run(() => {
    for (const member of members) {
      member.giveUp(new RestoredError(`${member.name}: the machine was restored meanwhile`));
    }
  });
  for (const member of members) if (member instanceof ThreadCore) member.forget();
  system.memory.versions.goTo(snapshot.version);
  snapshot.putBack();
  for (const mm of spacesOf(system)) {
    mm.tlb.flushAll();
    mm.showMemory();
  }
  for (const member of membersOf(system)) if (member instanceof ThreadCore) member.remember();
  snapshot.resume();
}

/** Copies the state into a machine of its own. */
export function forkState(machine: MachineState): MachineState {
  const { system } = machine;
  if (system.memory.locks.any) {
    throw new SnapshotError('the machine cannot be forked while pages are being moved');
  }
  return whileQuiet(system, 'forked', () => {
    for (const mm of spacesOf(system)) mm.tlb.forgetWrites(); // the fork reads what is kept here
    const copier = new Copier(copiedRule);
    const copy = copier.copy(system);
    copier.finish();
    for (const mm of spacesOf(copy)) mm.showMemory();
    const processes = [...machine.processes].map(([pid, process]): [number, Process] => [
      pid,
      process.copyFor(copy, copier.copy(process.state)),
    ]);
    return { system: copy, processes: new Map(processes) };
  });
}

/** Runs `body` while nothing is in progress; listeners pause. */
function whileQuiet<T>(system: System, what: string, body: (resume: () => void) => T): T {
  assertNotRunning(system, what);
  const resume = suspendListeners(system);
  try {
    const sleeper = membersOf(system).find(({ inProgress }) => inProgress !== undefined);
    if (sleeper === undefined) return body(resume);
    throw new SnapshotError(
      `the machine cannot be ${what} while ${sleeper.name} is asleep: ${sleeper.inProgress}`,
    );
  } finally {
    resume();
  }
}

function assertNotRunning(system: System, what: string): void {
  if (!system.scheduler.busy) return;
  throw new SnapshotError(`the machine cannot be ${what} from inside one of its operations`);
}

/** Stops every listener; the answer lets those listen again. */
function suspendListeners({ listeners }: System): () => void {
  const resumes = [...listeners].map((listener) => listener.suspend());
  return () => {
    for (const resume of resumes) resume();
  };
}

const membersOf = ({ processes }: System): Member[] =>
  [...processes.values()].flatMap(({ members }) => [...members]);

const spacesOf = ({ memory }: System): Mm[] =>
  [...memory.viewers].filter((viewer) => viewer instanceof Mm);
