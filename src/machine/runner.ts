/**
 * From an operation to what a user gets: a promise, or a value at once.
 * What a kernel operation answers (an errno, a signal) becomes what JavaScript throws, here alone.
 */

import { Failure } from '../base/errno.js';
import type { Op } from '../base/op.js';
import { Signal } from '../fault/outcome.js';
import type { Begun, Scheduler } from '../sched/scheduler.js';
import type { Task } from '../sched/task.js';
import { KernelError, ProcessEndedError, pendingError, SignalError } from './errors.js';
import type { Member } from './process-state.js';

/** Options of every call that may wait. */
export interface WaitOptions {
  /** Gives the call up; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** The value of an operation; throws what a failure or a signal is for users. */
export function unwrap<T>(what: string, result: T | Failure | Signal): T {
  if (result instanceof Failure) throw new KernelError(what, result);
  if (result instanceof Signal) throw new SignalError(result);
  return result;
}

/**
 * Starts an operation and runs the machine until nothing more can run. `asleep` hears of a task
 * that did not end in its first step, before anything else runs.
 */
export function begin<T>(
  scheduler: Scheduler,
  op: Op<T>,
  asleep: (task: Task<T>) => void = () => {},
): Task<T> {
  let task: Task<T> | undefined;
  try {
    return scheduler.run(() => {
      task = scheduler.start(op);
      if (!task.done) asleep(task);
      return task;
    });
  } catch (error) {
    // A listener threw while the machine ran: the operation does not stay behind.
    if (task !== undefined) scheduler.cancel(task, error);
    throw error;
  }
}

/** Begins an operation whose steps a controller grants, or runs it at once when there is none. */
export function post<T>(
  scheduler: Scheduler,
  begun: Begun,
  op: Op<T>,
  asleep: (task: Task<T>) => void = () => {},
): Task<T> {
  const { controller } = scheduler;
  if (controller === undefined) return begin(scheduler, op, asleep);
  const task = scheduler.post(op, begun, controller);
  asleep(task);
  return task;
}

/** An operation that ends with its process although no thread runs it: begun at once. */
export function beginFor<T>(owner: Owner, op: Op<T>): Task<T> {
  return begin(owner.system.scheduler, op, (task) => endWith(owner, task));
}

/** As {@link beginFor}, begun when a controller says so. */
export function postFor<T>(owner: Owner, what: string, op: Op<T>): Task<T> {
  return post(owner.system.scheduler, { what }, op, (task) => endWith(owner, task));
}

function endWith<T>(owner: Owner, task: Task<T>): void {
  const { scheduler } = owner.system;
  const member: Member = {
    name: owner.name,
    get inProgress() {
      return task.waitingFor?.reason.describe() ?? 'about to go on';
    },
    end: (why) => scheduler.cancel(task, new ProcessEndedError(`${owner.name}: ${why}`)),
    giveUp: (reason) => scheduler.cancel(task, reason),
  };
  owner.process.members.add(member);
  task.onEnd(() => owner.process.members.delete(member));
}

/** Whose process an operation belongs to. */
export interface Owner {
  readonly name: string;
  readonly system: { readonly scheduler: Scheduler };
  readonly process: { readonly members: Set<Member> };
}

/** The value of a task that must have ended; gives it up if it would wait. */
export function atOnce<T>(scheduler: Scheduler, what: string, task: Task<T>): T {
  if (task.done) return task.value;
  const error = pendingError(what, task.waitingFor);
  scheduler.cancel(task, error);
  throw error;
}

/** The value of a task once it ends, or the reason why it was given up. */
export function inTime<T>(
  scheduler: Scheduler,
  task: Task<T>,
  { signal }: WaitOptions,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => scheduler.cancel(task, signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    task.onEnd((outcome) => {
      signal?.removeEventListener('abort', abort);
      if (outcome.ok) resolve(outcome.value);
      else reject(outcome.error);
    });
  });
}
