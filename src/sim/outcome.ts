/**
 * How an operation of a simulated thread ended, as far as a simulation cares: with an errno, with
 * what amounts to one, or well.
 */

import { Failure } from '../base/errno.js';
import type { Task } from '../sched/task.js';
import { POLLERR } from '../uapi/poll.js';

/**
 * The errno with which an operation failed, or POLLERR of a poll; `undefined` when it went well or
 * was given up.
 */
export function outcomeOf({ outcome }: Task<unknown>, what: string): string | undefined {
  if (outcome?.ok !== true) return undefined;
  const { value } = outcome;
  if (what === 'poll' && value === POLLERR) return 'POLLERR';
  if (value instanceof Failure) return value.code;
  if (typeof value !== 'object' || value === null || !('failure' in value)) return undefined;
  return value.failure instanceof Failure ? value.failure.code : undefined;
}
