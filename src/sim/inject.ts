/**
 * Makes a call go wrong: puts another operation in its place, or lets something happen before it.
 * Each by the kernel's own mechanism, so that what follows is what would follow there.
 */

import { errnoOf, fail } from '../base/errno.js';
import { type Op, Point, Wait } from '../base/op.js';
import type { Machine } from '../machine/machine.js';
import { POLLIN } from '../uapi/poll.js';
import { type FaultName, isErrno, isFill } from './faults.js';
import type { Strand } from './strand.js';
import { UserWait } from './user-wait.js';

/** Pages that a shortage takes. */
const RECLAIMED = 32;

/** What an injection acts on. */
export interface Scene {
  readonly machine: Machine;
  readonly strands: readonly Strand[];
  /** The thread that makes the call. */
  readonly strand: Strand;
  /** Ends the thread. */
  end(strand: Strand): void;
}

/** The operation that takes the place of a call. */
export function withFault<T>(scene: Scene, what: string, op: Op<T>, fault: FaultName): Op<T> {
  if (isErrno(fault)) return refused(what, fault) as Op<T>;
  if (fault === 'partial') return cut(scene.machine, op);
  if (fault === 'ready') return answered(POLLIN) as Op<T>;
  return after(op, () => happen(scene, fault));
}

function* refused(what: string, code: Parameters<typeof fail>[0]): Op<unknown> {
  const failure = fail(code, 'as injected');
  return isFill(what) ? { failure, progress: -errnoOf(code) } : failure;
}

function* answered<T>(value: T): Op<T> {
  return value;
}

/** Lets a fill go on over its first page only. */
function* cut<T>(machine: Machine, op: Op<T>): Op<T> {
  const { points } = machine.system.memory;
  try {
    for (let step = op.next(); ; step = advance()) {
      if (step.done === true) return step.value;
      yield step.value;
      points.cutsFill = step.value instanceof Point && step.value.name === 'fill:next-page';
    }
  } finally {
    op.return(undefined as never);
  }

  function advance(): ReturnType<Op<T>['next']> {
    try {
      return op.next();
    } finally {
      points.cutsFill = false;
    }
  }
}

/** Lets something happen as the call begins; a thread that it ends never makes the call. */
function* after<T>(op: Op<T>, event: () => boolean): Op<T> {
  if (event()) return yield* op;
  op.return(undefined as never);
  for (;;) yield new Wait(new UserWait('join', 'nothing: it was ended', () => []));
}

/** Whether the thread still goes on afterwards. */
function happen({ machine, strands, strand, end }: Scene, fault: FaultName): boolean {
  if (fault === 'signal') for (const { sleep } of strands) sleep?.wait.onSignal?.();
  if (fault === 'reclaim') machine.reclaim(RECLAIMED);
  if (fault === 'io-error') breakSwap(machine);
  if (fault === 'die' || fault === 'exit') end(strand);
  if (fault === 'exit') strand.process?.kill();
  return strand.ended === undefined;
}

/** Breaks the first page in swap that can still be read. */
function breakSwap(machine: Machine): void {
  machine.system.memory.swap.breakFirst();
}
