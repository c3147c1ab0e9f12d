/**
 * What an operation of the language is, and the results that most of them share.
 * A table entry reads its arguments at once and answers what the worker then runs.
 */

import { errnoName, failed, type Result } from '../../base/errno.js';
import type { Op } from '../../base/op.js';
import type { Args, Handle } from '../args.js';
import { lengthText } from '../format.js';
import type { Worker } from '../world.js';

/** Reads the arguments, without any effect; what it answers does the work and gives the result. */
export type Operation = (args: Args, worker: Worker) => Op<string>;

/** Operations by name. */
export type OperationTable = Readonly<Record<string, Operation>>;

/** `ok`, or the name of the errno. */
export const statusText = (result: Result<unknown>): string =>
  failed(result) ? result.code : 'ok';

/** Runs a call whose result is only whether it worked. */
export function* status(call: Op<Result<unknown>>): Op<string> {
  return statusText(yield* call);
}

/** The signed field in which an ioctl says how far it got. */
export function progressText(progress: bigint | undefined, unit: bigint): string {
  if (progress === undefined) return 'untouched';
  if (progress >= 0n) return lengthText(progress, unit);
  return `-${errnoName(Number(-progress)) ?? -progress}`;
}

/** Binds a name; a descriptor that it stood for is closed, after the new one was made. */
export function bind({ member }: Worker, name: string, handle: Handle): void {
  const old = member.handles.get(name);
  member.handles.set(name, handle);
  if (old !== undefined) member.process.main.fds.close(old.fd);
}
