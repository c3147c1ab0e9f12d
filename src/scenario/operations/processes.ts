/**
 * Operations on processes: fork, exit, setuid, nop; and those that the controller does itself:
 * join, signal, kill, whose target is a word of the line.
 */

import { failed } from '../../base/errno.js';
import type { Op } from '../../base/op.js';
import { Credentials } from '../../machine/credentials.js';
import { fileCalls } from '../../machine/file-calls.js';
import type { Args } from '../args.js';
import type { Worker } from '../world.js';
import type { OperationTable } from './operation.js';

function fork(args: Args, worker: Worker): Op<string> {
  const word = args.word();
  if (!/^P[1-5]$/.test(word)) args.bad(`${word} is no name of a child`);
  return forked(worker, Number(word.slice(1)));
}

function* forked({ thread, member }: Worker, index: number): Op<string> {
  const { world } = member;
  if (world.taken.has(index)) return 'busy';
  world.taken.add(index);
  const names = new Map(member.handles); // copied before the fork waits, as the descriptors are
  const pid = yield* fileCalls.fork(thread, `P${index}`);
  if (failed(pid)) return pid.code;
  world.admit(index, world.machine.process(pid), names);
  return 'ok';
}

function exit(_args: Args, { member }: Worker): Op<string> {
  return (function* () {
    member.process.exit();
    return 'exited';
  })();
}

function setuid(args: Args, { thread }: Worker): Op<string> {
  const uid = Number(args.number());
  return (function* () {
    if (uid !== thread.credentials.uid) thread.mm.dumpable = false;
    thread.credentials = new Credentials(uid);
    return 'ok';
  })();
}

function* nothing(): Op<string> {
  return 'ok';
}

/** Operations on processes. */
export const PROCESS_OPERATIONS: OperationTable = {
  fork,
  exit,
  setuid,
  nop: nothing,
};

/** An operation of the controller on the worker that its line names; its result. */
export type ControllerOperation = (target: Worker) => string;

const join: ControllerOperation = ({ task, result }) =>
  task === undefined ? (result ?? 'idle') : 'blocked';

const signal: ControllerOperation = ({ thread }) => {
  thread.interrupt();
  return 'ok';
};

const kill: ControllerOperation = ({ member }) => {
  member.process.kill();
  return 'killed';
};

/** Operations of the controller by name. */
export const CONTROLLER_OPERATIONS: ReadonlyMap<string, ControllerOperation> = new Map([
  ['join', join],
  ['signal', signal],
  ['kill', kill],
]);
