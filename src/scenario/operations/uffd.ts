/**
 * Operations that make and steer a userfaultfd: uffd, api, register, unregister, wake, wp, rwp,
 * setmode, ioctl. All but the first are ioctls on a struct of 64-bit fields, given byte for byte,
 * so that addresses and masks reach the kernel untruncated.
 */

import { failed } from '../../base/errno.js';
import type { Op } from '../../base/op.js';
import { fileCalls } from '../../machine/file-calls.js';
import { uffdCalls } from '../../machine/uffd-calls.js';
import {
  UFFD_API,
  UFFDIO_API,
  UFFDIO_REGISTER,
  UFFDIO_RWPROTECT,
  UFFDIO_SET_MODE,
  UFFDIO_UNREGISTER,
  UFFDIO_WAKE,
  UFFDIO_WRITEPROTECT,
} from '../../uapi/userfaultfd.js';
import type { Args } from '../args.js';
import { setText } from '../format.js';
import { FEATURES, IOCTLS, PROTECT_MODES, REGISTER_MODES, UFFD_FLAGS } from '../names.js';
import type { Worker } from '../world.js';
import { bind, type OperationTable, status, statusText } from './operation.js';

const O_NONBLOCK = 0x800n;

/** What opening /dev/userfaultfd fails with; its ioctl fails otherwise. */
const OPEN_ERRORS: ReadonlySet<string> = new Set(['ENOENT', 'EACCES']);

/** A struct of 64-bit fields, as an ioctl reads and overwrites it. */
export class Fields {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(...values: readonly bigint[]) {
    this.bytes = new Uint8Array(8 * values.length);
    this.#view = new DataView(this.bytes.buffer);
    for (const [index, value] of values.entries()) this.#view.setBigUint64(8 * index, value, true);
  }

  get(index: number): bigint {
    return this.#view.getBigUint64(8 * index, true);
  }
}

/** Runs an ioctl whose answer is only whether it worked. */
const command = (worker: Worker, fd: number, request: number, fields: Fields): Op<string> =>
  status(uffdCalls.ioctl({ thread: worker.thread, fd }, request, fields.bytes));

function uffd(args: Args, worker: Worker): Op<string> {
  const name = args.newName();
  const flags = args.setKey('flags', UFFD_FLAGS, O_NONBLOCK);
  const via = args.key('via');
  if (via !== undefined && via !== 'dev') args.bad(`${via} is no way to make a userfaultfd`);
  return makeUffd(worker, { name, flags: Number(flags), viaDevice: via !== undefined });
}

function* makeUffd(
  worker: Worker,
  { name, flags, viaDevice }: { name: string; flags: number; viaDevice: boolean },
): Op<string> {
  const { thread } = worker;
  const make = viaDevice ? fileCalls.devUserfaultfd : fileCalls.userfaultfd;
  const fd = yield* make(thread, flags);
  if (!failed(fd)) bind(worker, name, { fd, unit: 4096n });
  return failed(fd) && viaDevice && OPEN_ERRORS.has(fd.code) ? `open ${fd.code}` : statusText(fd);
}

function api(args: Args, worker: Worker): Op<string> {
  const { fd } = args.handle();
  const features = args.setKey('features', FEATURES);
  const fields = new Fields(args.numberKey('api', BigInt(UFFD_API)), features, 0n);
  return args.hasWord('show')
    ? shownApi(worker, fd, fields)
    : command(worker, fd, UFFDIO_API, fields);
}

function* shownApi(worker: Worker, fd: number, fields: Fields): Op<string> {
  const result = yield* command(worker, fd, UFFDIO_API, fields);
  const hex = (index: number): string => `0x${fields.get(index).toString(16)}`;
  return `${result} api=${hex(0)} features=${hex(1)} ioctls=${setText(fields.get(2), IOCTLS)}`;
}

function register(args: Args, worker: Worker): Op<string> {
  const { fd } = args.handle();
  const { addr, unit } = args.place();
  const length = args.length(unit);
  return registered(worker, fd, new Fields(addr, length, args.set(REGISTER_MODES), 0n));
}

function* registered({ thread }: Worker, fd: number, fields: Fields): Op<string> {
  const result = yield* uffdCalls.ioctl({ thread, fd }, UFFDIO_REGISTER, fields.bytes);
  if (failed(result)) return statusText(result);
  return `ok ioctls=${setText(fields.get(3), IOCTLS)}`;
}

/** An ioctl on a `uffdio_range`. */
const onRange =
  (request: number) =>
  (args: Args, worker: Worker): Op<string> => {
    const { fd } = args.handle();
    const { addr, unit } = args.place();
    return command(worker, fd, request, new Fields(addr, args.length(unit)));
  };

/** An ioctl on a range that protects it or lifts the protection. */
const protect =
  (request: number) =>
  (args: Args, worker: Worker): Op<string> => {
    const { fd } = args.handle();
    const { addr, unit } = args.place();
    const length = args.length(unit);
    return command(worker, fd, request, new Fields(addr, length, args.set(PROTECT_MODES)));
  };

function setmode(args: Args, worker: Worker): Op<string> {
  const { fd } = args.handle();
  const fields = new Fields(args.setKey('enable', FEATURES), args.setKey('disable', FEATURES));
  return command(worker, fd, UFFDIO_SET_MODE, fields);
}

/** Bytes of zeroes that the argument of a bare ioctl points to. */
const ZEROES_BYTES = 4096;

function ioctl(args: Args, { thread }: Worker): Op<string> {
  const { fd } = args.handle();
  const request = Number(args.number());
  return status(uffdCalls.ioctl({ thread, fd }, request, new Uint8Array(ZEROES_BYTES)));
}

/** Operations that make and steer a userfaultfd. */
export const UFFD_OPERATIONS: OperationTable = {
  uffd,
  api,
  register,
  unregister: onRange(UFFDIO_UNREGISTER),
  wake: onRange(UFFDIO_WAKE),
  wp: protect(UFFDIO_WRITEPROTECT),
  rwp: protect(UFFDIO_RWPROTECT),
  setmode,
  ioctl,
};
