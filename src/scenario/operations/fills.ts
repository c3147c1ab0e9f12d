/**
 * Operations that resolve pages: copy, zeropage, continue, poison, move.
 * Each prints its status and the field in which the kernel says how far it got.
 */

import type { Op } from '../../base/op.js';
import { store } from '../../machine/access-ops.js';
import { uffdCalls } from '../../machine/uffd-calls.js';
import {
  UFFDIO_CONTINUE,
  UFFDIO_COPY,
  UFFDIO_MOVE,
  UFFDIO_POISON,
  UFFDIO_ZEROPAGE,
} from '../../uapi/userfaultfd.js';
import type { Args } from '../args.js';
import { FILL_MODES, MOVE_MODES } from '../names.js';
import { type Fill, fillByte } from '../values.js';
import { BUFFER_BYTES, BUFFER_START } from '../windows.js';
import type { Worker } from '../world.js';
import { type OperationTable, progressText, statusText } from './operation.js';
import { Fields } from './uffd.js';

/** What the result field holds before the kernel writes it; no page count looks like it. */
const UNTOUCHED = 0x5eed_5eed_5eed_5eedn;

const DEFAULT_FILL: Fill = { byte: 0x5a, step: 0 };

interface FillRequest {
  readonly fd: number;
  readonly request: number;
  /** Everything before the result field. */
  readonly fields: readonly bigint[];
  /** Name of the result field. */
  readonly field: string;
  readonly unit: bigint;
}

/** Runs an ioctl whose last field is its result. */
function* fill({ thread }: Worker, { fd, request, fields, field, unit }: FillRequest): Op<string> {
  const struct = new Fields(...fields, UNTOUCHED);
  const result = yield* uffdCalls.ioctl({ thread, fd }, request, struct.bytes);
  const after = struct.get(fields.length);
  const progress = after === UNTOUCHED ? undefined : BigInt.asIntN(64, after);
  return `${statusText(result)} ${field}=${progressText(progress, unit)}`;
}

function copy(args: Args, worker: Worker): Op<string> {
  const { fd } = args.handle();
  const { addr, unit } = args.place();
  const length = args.length(unit);
  const pattern = args.fillKey() ?? DEFAULT_FILL;
  const src = args.placeKey('src');
  const mode = args.setKey('mode', FILL_MODES);
  const call = fill(worker, {
    fd,
    request: UFFDIO_COPY,
    fields: [addr, src?.addr ?? BUFFER_START, length, mode],
    field: 'copy',
    unit,
  });
  const usesBuffer = src === undefined || args.key('src')?.startsWith('BUF') === true;
  return usesBuffer ? afterBuffer(worker, { unit, length, pattern }, call) : call;
}

interface BufferFill {
  readonly unit: bigint;
  readonly length: bigint;
  readonly pattern: Fill;
}

/** Fills as much of the buffer as the copy touches, then copies. */
function* afterBuffer(worker: Worker, source: BufferFill, call: Op<string>): Op<string> {
  const { unit, length, pattern } = source;
  const most = BUFFER_BYTES / unit;
  const touched = (length + unit - 1n) / unit;
  const units = Number(touched < most ? touched : most);
  const bytes = new Uint8Array(Number(unit));
  for (let index = 0; index < units; index++) {
    if (index === 0 || pattern.step !== 0) bytes.fill(fillByte(pattern, index));
    const addr = Number(BUFFER_START) + index * Number(unit);
    const signal = yield* store(worker.thread, addr, bytes);
    if (signal !== undefined) {
      // Signals are caught around an access of a scenario only.
      worker.member.process.kill();
      return 'died';
    }
  }
  return yield* call;
}

/** An ioctl on a range with a mode and a result. */
const fillRange =
  (request: number, field: string) =>
  (args: Args, worker: Worker): Op<string> => {
    const { fd } = args.handle();
    const { addr, unit } = args.place();
    const length = args.length(unit);
    const fields = [addr, length, args.setKey('mode', FILL_MODES)];
    return fill(worker, { fd, request, fields, field, unit });
  };

function move(args: Args, worker: Worker): Op<string> {
  const { fd } = args.handle();
  const { addr, unit } = args.place();
  const src = args.place();
  const length = args.length(unit);
  const fields = [addr, src.addr, length, args.setKey('mode', MOVE_MODES)];
  return fill(worker, { fd, request: UFFDIO_MOVE, fields, field: 'move', unit });
}

/** Operations that resolve pages. */
export const FILL_OPERATIONS: OperationTable = {
  copy,
  zeropage: fillRange(UFFDIO_ZEROPAGE, 'zeropage'),
  continue: fillRange(UFFDIO_CONTINUE, 'mapped'),
  poison: fillRange(UFFDIO_POISON, 'updated'),
  move,
};
