/**
 * What an operation of the language is, and the results that most of them share.
 * A table entry reads its arguments at once and answers what the worker then runs.
 */

import { errnoName, failed, type Result } from '../../base/errno.js';
import type { Op } from '../../base/op.js';
import { Signal } from '../../fault/outcome.js';
import type { Args, Handle } from '../args.js';
import { addressText, lengthText } from '../format.js';
import type { Worker } from '../world.js';

/** Reads the arguments, without any effect; what it answers does the work and gives the result. */
export type Operation = (args: Args, worker: Worker) => Op<string>;

/** Operations by name. */
export type OperationTable = Readonly<Record<string, Operation>>;

const SIGNAL_CODES: Readonly<Record<string, string>> = {
  SEGV_MAPERR: 'MAPERR',
  SEGV_ACCERR: 'ACCERR',
  BUS_ADRERR: 'ADRERR',
  BUS_MCEERR_AR: 'MCEERR_AR',
};

/** `SIGBUS/ADRERR addr=A+3.0x10`. */
export function signalText({ name, code, addr, addrLsb }: Signal): string {
  const lsb = addrLsb === 0 ? '' : ` lsb=${addrLsb}`;
  return `${name}/${SIGNAL_CODES[code] ?? code} addr=${addressText(BigInt(addr))}${lsb}`;
}

/** `ok`, the name of the errno, or the signal. */
export function statusText(result: Result<unknown> | Signal): string {
  if (result instanceof Signal) return signalText(result);
  return failed(result) ? result.code : 'ok';
}

/** Runs a call whose result is only whether it worked. */
export function* status(call: Op<Result<unknown> | Signal>): Op<string> {
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
