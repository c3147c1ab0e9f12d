/**
 * Finding a process by its id, and whether a thread may look into its memory.
 * Answers to: find_task_by_vpid(), ptrace_may_access().
 */

import { type Failure, fail, failed } from '../base/errno.js';
import type { ProcessState } from './process-state.js';
import type { ThreadCore } from './thread-core.js';

/** The living process with an id. */
export function stateOf(thread: ThreadCore, pid: number): ProcessState | Failure {
  const state = thread.system.processes.get(pid);
  return state === undefined || state.ended ? fail('ESRCH', `there is no process ${pid}`) : state;
}

/** As {@link stateOf}, for calls that look into the memory of a process. */
export function openTo(thread: ThreadCore, pid: number): ProcessState | Failure {
  const state = stateOf(thread, pid);
  if (failed(state) || state === thread.process || thread.capable('CAP_SYS_PTRACE')) return state;
  const same = state.credentials.uid === thread.credentials.uid && state.mm.dumpable;
  return same ? state : fail('EPERM', `another user's process needs CAP_SYS_PTRACE`);
}
