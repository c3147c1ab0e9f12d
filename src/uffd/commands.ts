/**
 * The ioctls as operations on typed arguments, with the checks that come before the arguments
 * are even read: handshake done, command known, window closed.
 * Where the arguments come from (a JavaScript object, a struct in user memory) a source says.
 */

import { type Failure, fail, failed, type Result } from '../base/errno.js';
import type { Op } from '../base/op.js';
import type { Caller } from '../mm/caller.js';
import type { Capability } from '../profile/matrix.js';
import type { UffdContext } from './context.js';
import { continueFill, poison } from './continue.js';
import { copy, type RangeFillArgs, zeropage } from './copy.js';
import type { CopyArgs } from './copy-source.js';
import { type FillCall, type FillOutcome, type Report, refuse, refuseInWindow } from './fill.js';
import {
  API_ZEROS,
  type ApiAnswer,
  type ApiArgs,
  checkApi,
  initialise,
  supported,
} from './handshake.js';
import { move } from './move.js';
import type { MoveArgs } from './move-steps.js';
import type { Range } from './range.js';
import { type RegisterArgs, register } from './register.js';
import { rwProtect, type SetModeArgs, setMode } from './rw-protect.js';
import { unregister } from './unregister.js';
import { type WriteProtectArgs, wake, writeProtect } from './write-protect.js';

/** Where the arguments of a call come from and where its result field goes. */
export interface Source<A> {
  load(): Op<Result<A>>;
  readonly report: Report;
}

/** A fill by name: what it needs of the kernel version and what does it. */
export interface FillCommand<A> {
  readonly needs: Capability | undefined;
  run(context: UffdContext, call: FillCall, args: A): Op<FillOutcome>;
}

/** The calls with a result field. */
export const FILLS = {
  copy: { needs: undefined, run: copy } satisfies FillCommand<CopyArgs>,
  zeropage: { needs: undefined, run: zeropage } satisfies FillCommand<RangeFillArgs>,
  continue: { needs: 'continueIoctl', run: continueFill } satisfies FillCommand<RangeFillArgs>,
  poison: { needs: 'poisonIoctl', run: poison } satisfies FillCommand<RangeFillArgs>,
  move: { needs: 'moveIoctl', run: move } satisfies FillCommand<MoveArgs>,
} as const;

/** EINVAL before the handshake, or for a command that this kernel does not have. */
export function unusable(context: UffdContext, needs: Capability | undefined): Failure | undefined {
  if (!context.initialised) return fail('EINVAL', 'the UFFDIO_API handshake has not been done');
  if (needs === undefined || context.mm.memory.profile.has(needs)) return undefined;
  return fail('EINVAL', 'this kernel version does not have the ioctl');
}

/** Runs a call with a result field. */
export function* fillCommand<A>(
  context: UffdContext,
  caller: Caller,
  command: FillCommand<A>,
  source: Source<A>,
): Op<FillOutcome> {
  const failure = unusable(context, command.needs);
  if (failure !== undefined) return refuse(failure);
  const call: FillCall = { caller, report: source.report };
  const refused = yield* refuseInWindow(context, call);
  if (refused !== undefined) return refused;
  const args = yield* source.load();
  if (failed(args)) return refuse(args);
  return yield* command.run(context, call, args);
}

/** UFFDIO_WRITEPROTECT. */
export function* writeProtectCommand(
  context: UffdContext,
  load: () => Op<Result<WriteProtectArgs>>,
): Op<Result<0>> {
  const failure = unusable(context, undefined);
  if (failure !== undefined) return failure;
  if (context.windowOpen) return fail('EAGAIN', 'an event of this userfaultfd is unread');
  const args = yield* load();
  return failed(args) ? args : yield* writeProtect(context, args);
}

/** UFFDIO_RWPROTECT. */
export function* rwProtectCommand(
  context: UffdContext,
  load: () => Op<Result<WriteProtectArgs>>,
): Op<Result<0>> {
  const failure = unusable(context, 'rwpMode');
  if (failure !== undefined) return failure;
  if (context.windowOpen) return fail('EAGAIN', 'an event of this userfaultfd is unread');
  const args = yield* load();
  return failed(args) ? args : rwProtect(context, args);
}

/** UFFDIO_SET_MODE. */
export function setModeCommand(context: UffdContext, args: SetModeArgs): Result<0> {
  return unusable(context, 'rwpMode') ?? setMode(context, args);
}

/** UFFDIO_REGISTER, UFFDIO_UNREGISTER and UFFDIO_WAKE: refused only before the handshake. */
export function registerCommand(context: UffdContext, args: RegisterArgs): Result<bigint> {
  return unusable(context, undefined) ?? register(context, args);
}

export function unregisterCommand(context: UffdContext, range: Range): Result<0> {
  return unusable(context, undefined) ?? unregister(context, range);
}

export function wakeCommand(context: UffdContext, range: Range): Result<0> {
  return unusable(context, undefined) ?? wake(context, range);
}

/** What a handshake writes back, and whether it failed. */
export interface ApiOutcome {
  readonly failure: Failure | undefined;
  readonly answer: ApiAnswer;
}

/**
 * UFFDIO_API. `write` stores the answer: what is supported, then zeros if the handshake was
 * done before; a failure of `write` ends the call and leaves the context as it was.
 */
export function* apiCommand(
  context: UffdContext,
  caller: Caller,
  args: ApiArgs,
  write: (answer: ApiAnswer) => Op<Failure | undefined>,
): Op<ApiOutcome> {
  const { profile } = context.mm.memory;
  const repeatFirst = context.initialised && profile.has('apiFeatureCheckFirst');
  const invalid = repeatFirst ? initialise(context, 0n) : checkApi(caller, args);
  if (invalid !== undefined) return yield* zeroed(invalid, write);
  const unwritable = yield* write(supported(profile));
  if (unwritable !== undefined) return { failure: unwritable, answer: API_ZEROS };
  const repeated = initialise(context, args.features);
  if (repeated !== undefined) return yield* zeroed(repeated, write);
  return { failure: undefined, answer: supported(profile) };
}

function* zeroed(
  failure: Failure,
  write: (answer: ApiAnswer) => Op<Failure | undefined>,
): Op<ApiOutcome> {
  return { failure: (yield* write(API_ZEROS)) ?? failure, answer: API_ZEROS };
}
