/**
 * Operations on mappings: map, munmap, mprotect, mremap, mlock, madvise, swapout.
 * Addresses may lie anywhere in 64 bits; the calls get them as they are.
 */

import { failed, type Result } from '../../base/errno.js';
import type { Op } from '../../base/op.js';
import { memoryCalls } from '../../machine/memory-calls.js';
import {
  MADV_PAGEOUT,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_HUGETLB,
  MAP_PRIVATE,
  MAP_SHARED,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_READ,
  PROT_WRITE,
} from '../../uapi/mman.js';
import type { Args } from '../args.js';
import { placeText } from '../format.js';
import { ADVICE, MAP_FLAGS, PROTECTIONS, REMAP_FLAGS } from '../names.js';
import { parseSet } from '../values.js';
import { BUFFER_BYTES, BUFFER_START } from '../windows.js';
import type { Worker } from '../world.js';
import { mayObserve } from './observers.js';
import { type OperationTable, status } from './operation.js';

interface Kind {
  readonly flags: number;
  readonly hasFile: boolean;
}

const KINDS: ReadonlyMap<string, Kind> = new Map([
  ['anon', { flags: MAP_PRIVATE | MAP_ANONYMOUS, hasFile: false }],
  ['anon-shared', { flags: MAP_SHARED | MAP_ANONYMOUS, hasFile: false }],
  ['anon-huge', { flags: MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, hasFile: false }],
  ['anon-shared-huge', { flags: MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB, hasFile: false }],
  ['shared', { flags: MAP_SHARED, hasFile: true }],
  ['priv', { flags: MAP_PRIVATE, hasFile: true }],
]);

const PROT_DEFAULT = 3n;

function map(args: Args, { thread }: Worker): Op<string> {
  const place = args.place();
  const length = args.length(place.unit);
  const kind = args.oneOf(KINDS);
  const file = kind.hasFile ? args.handle() : undefined;
  const offset = args.lengthKey('off', file?.unit ?? place.unit);
  const prot = Number(args.setKey('prot', PROTECTIONS, PROT_DEFAULT));
  const extra = Number(args.setKey('flags', MAP_FLAGS));
  const fixed = (extra & MAP_FIXED) === 0 ? MAP_FIXED_NOREPLACE : 0;
  return status(
    memoryCalls.mmap(thread, {
      addr: place.addr,
      length: length,
      prot,
      flags: kind.flags | fixed | extra,
      fd: file?.fd ?? -1,
      offset: offset,
    }),
  );
}

interface Range {
  readonly addr: bigint;
  readonly length: bigint;
}

function rangeOf(args: Args): Range {
  const { addr, unit } = args.place();
  return { addr: addr, length: args.length(unit) };
}

/** An operation whose arguments are a range alone. */
const onRange =
  (call: (worker: Worker, range: Range) => Op<Result<unknown>>) =>
  (args: Args, worker: Worker): Op<string> =>
    status(call(worker, rangeOf(args)));

function mprotect(args: Args, { thread }: Worker): Op<string> {
  const range = rangeOf(args);
  const word = args.word();
  const prot = PROTECTIONS.get(word);
  if (prot === undefined && word !== 'none') return args.bad(`${word} is no protection`);
  return status(memoryCalls.mprotect(thread, { ...range, prot: Number(prot ?? 0n) }));
}

function mremap(args: Args, { thread }: Worker): Op<string> {
  const old = args.place();
  const oldSize = args.length(old.unit);
  const newSize = args.length(old.unit);
  const to = args.placeKey('to');
  const given = Number(args.setKey('flags', REMAP_FLAGS));
  const implied = to === undefined || args.hasWord('rawflags') ? 0 : MREMAP_MAYMOVE | MREMAP_FIXED;
  const call = memoryCalls.mremap(thread, {
    oldAddress: old.addr,
    oldSize: oldSize,
    newSize: newSize,
    flags: given | implied,
    newAddress: to?.addr ?? 0n,
  });
  return newAddress(call);
}

function* newAddress(call: Op<Result<number>>): Op<string> {
  const addr = yield* call;
  return failed(addr) ? addr.code : placeText(BigInt(addr));
}

function madvise(args: Args, { thread }: Worker): Op<string> {
  const range = rangeOf(args);
  const word = args.word();
  const advice = word.includes(',') ? undefined : parseSet(word, ADVICE);
  if (advice === undefined) return args.bad(`${word} is no advice`);
  return status(memoryCalls.madvise(thread, { ...range, advice: Number(advice) }));
}

/** Most attempts of `swapout`: a page may be busy for a moment. */
const PAGEOUTS_MAX = 30;
const PRESENT = 1n << 63n;

function* swapout(worker: Worker, range: Range): Op<string> {
  const { thread, member } = worker;
  for (let attempt = 1; ; attempt++) {
    const advised = yield* memoryCalls.madvise(thread, { ...range, advice: MADV_PAGEOUT });
    if (failed(advised)) return advised.code;
    if (!mayObserve(worker)) return 'EACCES';
    const left = member.process.pagemap(range).filter((word) => (word & PRESENT) !== 0n).length;
    if (left === 0) return 'ok';
    if (attempt === PAGEOUTS_MAX) return `partial left=${left}`;
  }
}

/** Maps the source buffer of `copy` into the first process. */
export function mapBuffer({ thread }: Worker): void {
  thread.mmapSync({
    addr: BUFFER_START,
    length: BUFFER_BYTES,
    prot: PROT_READ | PROT_WRITE,
    flags: MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
  });
}

/** Operations on mappings. */
export const MAPPING_OPERATIONS: OperationTable = {
  map,
  munmap: onRange(({ thread }, range) => memoryCalls.munmap(thread, range)),
  mprotect,
  mlock: onRange(({ thread }, range) => memoryCalls.mlock(thread, range)),
  munlock: onRange(({ thread }, range) => memoryCalls.munlock(thread, range)),
  mremap,
  madvise,
  swapout: (args, worker) => swapout(worker, rangeOf(args)),
};
