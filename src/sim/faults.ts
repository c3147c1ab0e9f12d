/**
 * What can go wrong with a call of a program, by name, and on which calls a real kernel lets it.
 * A table and its checks; who decides when is elsewhere.
 */

import { type ErrnoName, isErrnoName } from '../base/errno.js';

/**
 * Something that goes wrong. An errno: the call fails so and does nothing. `partial`: a fill stops
 * after its first page, as when the mapping changes meanwhile. `signal`: every thread that sleeps
 * in a user-mode fault is woken and faults again. `reclaim`: memory is short, pages go to swap.
 * `io-error`: a page in swap can no longer be read. `ready`: poll(2) says readable, and nothing is.
 * `die`: the thread ends here, and what it holds stays open. `exit`: its process ends.
 */
export type FaultName =
  | ErrnoName
  | 'partial'
  | 'signal'
  | 'reclaim'
  | 'io-error'
  | 'ready'
  | 'die'
  | 'exit';

const FILL_ERRNOS: readonly ErrnoName[] = ['EAGAIN', 'ENOMEM'];

/** Errnos by call that Linux can answer without a fault of the program. */
const ERRNOS: Readonly<Record<string, readonly ErrnoName[]>> = {
  UFFDIO_COPY: FILL_ERRNOS,
  UFFDIO_ZEROPAGE: FILL_ERRNOS,
  UFFDIO_CONTINUE: FILL_ERRNOS,
  UFFDIO_POISON: FILL_ERRNOS,
  UFFDIO_MOVE: ['EAGAIN', 'ENOMEM', 'EBUSY'],
  UFFDIO_WRITEPROTECT: FILL_ERRNOS,
  UFFDIO_RWPROTECT: FILL_ERRNOS,
  UFFDIO_REGISTER: ['ENOMEM'],
  UFFDIO_UNREGISTER: ['ENOMEM'],
  read: ['EINTR'],
  poll: ['EINTR'],
  userfaultfd: ['EMFILE', 'ENOMEM'],
  mmap: ['ENOMEM'],
  munmap: ['ENOMEM'],
  mprotect: ['ENOMEM'],
  mremap: ['ENOMEM'],
  madvise: ['EAGAIN', 'ENOMEM'],
  mlock: ['EAGAIN', 'ENOMEM'],
  fork: ['EAGAIN', 'ENOMEM'],
};

/** Calls that fill several pages. */
const FILLS: ReadonlySet<string> = new Set([
  'UFFDIO_COPY',
  'UFFDIO_ZEROPAGE',
  'UFFDIO_CONTINUE',
  'UFFDIO_POISON',
  'UFFDIO_MOVE',
]);

export const isFill = (call: string): boolean => FILLS.has(call);

const AROUND: ReadonlySet<string> = new Set(['signal', 'reclaim', 'io-error']);
const ENDS: ReadonlySet<string> = new Set(['die', 'exit']);

/** Whether a name is an errno rather than something that happens beside the call. */
export const isErrno = (fault: string): fault is ErrnoName => isErrnoName(fault);

const OTHERS: ReadonlySet<string> = new Set(['partial', 'ready', ...AROUND, ...ENDS]);

export const isFaultName = (name: string): name is FaultName => isErrno(name) || OTHERS.has(name);

/** What a real kernel may do to a call, the ends of threads aside. */
export function faultsOf(call: string): readonly FaultName[] {
  const partial: readonly FaultName[] = isFill(call) ? ['partial'] : [];
  const ready: readonly FaultName[] = call === 'poll' ? ['ready'] : [];
  return [...(ERRNOS[call] ?? []), ...partial, ...ready, 'signal', 'reclaim', 'io-error'];
}

/** Whether a real kernel may do this to that call. */
export const isPossible = (call: string, fault: FaultName): boolean =>
  AROUND.has(fault) || ENDS.has(fault) || faultsOf(call).includes(fault);
