/**
 * How an operation of a simulated thread ended, as far as a simulation cares: with an errno,
 * or well.
 */

import { Failure } from '../base/errno.js';
import type { Task } from '../sched/task.js';

/** The errno with which an operation failed; `undefined` when it went well or was given up. */
export function outcomeOf({ outcome }: Task<unknown>): string | undefined {
  if (outcome?.ok !== true) return undefined;
  const { value } = outcome;
  if (value instanceof Failure) return value.code;
  if (typeof value !== 'object' || value === null || !('failure' in value)) return undefined;
  return value.failure instanceof Failure ? value.failure.code : undefined;
}
