/**
 * Operations on objects: file, fwrite, fread, ftruncate, fallocate, fmincore, close, dup, reopen.
 * Offsets and lengths count in the object's unit.
 */

import { u64ToNumber } from '../../base/args.js';
import { type Failure, failed, type Result } from '../../base/errno.js';
import { NotModelledError } from '../../base/not-modelled.js';
import type { Op } from '../../base/op.js';
import { fileCalls } from '../../machine/file-calls.js';
import { memoryCalls } from '../../machine/memory-calls.js';
import { shmemFile } from '../../syscall/truncate.js';
import { MAP_SHARED, PROT_READ } from '../../uapi/mman.js';
import type { Args, Handle } from '../args.js';
import { bytesText } from '../format.js';
import { FALLOCATE_MODES } from '../names.js';
import { type Fill, fillByte } from '../values.js';
import { SCRATCH_START } from '../windows.js';
import type { Worker } from '../world.js';
import { bind, type OperationTable, status } from './operation.js';

const PAGE = 4096n;
const DEFAULT_FILL: Fill = { byte: 0x66, step: 0 };

const KINDS: ReadonlyMap<string, 'shmem' | 'hugetlb' | 'reg'> = new Map([
  ['shmem', 'shmem'],
  ['hugetlb', 'hugetlb'],
  ['reg', 'reg'],
]);

function file(args: Args, worker: Worker): Op<string> {
  const name = args.newName();
  const kind = args.oneOf(KINDS);
  const unit = PAGE;
  const length = args.length(unit);
  const fill = args.fillKey();
  return makeFile(worker, { name, kind, unit, length, fill });
}

interface NewFile {
  readonly name: string;
  readonly kind: 'shmem' | 'hugetlb' | 'reg';
  readonly unit: bigint;
  readonly length: bigint;
  readonly fill: Fill | undefined;
}

function* makeFile(worker: Worker, { name, kind, unit, length, fill }: NewFile): Op<string> {
  if (kind !== 'shmem') throw new NotModelledError(`a ${kind} file`);
  const fd = yield* fileCalls.memfdCreate(worker.thread, name, 0);
  if (failed(fd)) return fd.code;
  const handle: Handle = { fd, unit };
  bind(worker, name, handle);
  const sized = yield* fileCalls.ftruncate(worker.thread, { fd, length: u64ToNumber(length) });
  if (failed(sized)) return sized.code;
  if (fill === undefined) return 'ok';
  return yield* writePages(worker, handle, { first: 0, count: Number(length / unit), fill });
}

interface Pages {
  readonly first: number;
  readonly count: number;
  readonly fill: Fill;
}

/** Whole pages by pwrite; each page that fails goes before the `ok`. */
function* writePages({ thread }: Worker, { fd, unit }: Handle, pages: Pages): Op<string> {
  let text = '';
  const size = Number(unit);
  for (let index = pages.first; index < pages.first + pages.count; index++) {
    const bytes = new Uint8Array(size).fill(fillByte(pages.fill, index));
    const written = yield* fileCalls.pwrite(thread, { fd, bytes, offset: index * size });
    if (failed(written)) text += `fill ${written.code} `;
  }
  return `${text}ok`;
}

function fwrite(args: Args, worker: Worker): Op<string> {
  const handle = args.handle();
  const first = Number(args.number());
  const count = args.count(1);
  return writePages(worker, handle, { first, count, fill: args.fillKey() ?? DEFAULT_FILL });
}

function fread(args: Args, worker: Worker): Op<string> {
  const handle = args.handle();
  const first = Number(args.number());
  return readPages(worker, handle, { first, count: args.count(1) });
}

function* readPages(
  { thread }: Worker,
  { fd, unit }: Handle,
  { first, count }: { first: number; count: number },
): Op<string> {
  const texts: string[] = [];
  const size = Number(unit);
  for (let index = first; index < first + count; index++) {
    const bytes = yield* fileCalls.pread(thread, { fd, count: size, offset: index * size });
    texts.push(`${index}:${readText(bytes)}`);
  }
  return texts.join(' ');
}

function readText(bytes: Result<Uint8Array>): string {
  if (failed(bytes)) return bytes.code;
  return bytes.length === 0 ? 'eof' : bytesText(bytes);
}

function ftruncate(args: Args, { thread }: Worker): Op<string> {
  const { fd, unit } = args.handle();
  return status(fileCalls.ftruncate(thread, { fd, length: u64ToNumber(args.length(unit)) }));
}

function fallocate(args: Args, { thread }: Worker): Op<string> {
  const { fd, unit } = args.handle();
  const offset = u64ToNumber(args.length(unit));
  const length = u64ToNumber(args.length(unit));
  const mode = Number(args.oneOf(FALLOCATE_MODES));
  return status(fileCalls.fallocate(thread, { fd, mode, offset, length }));
}

function fmincore(args: Args, worker: Worker): Op<string> {
  return cachedPages(worker, args.handle());
}

/** Asks mincore through a mapping of the whole file that is dropped afterwards. */
function* cachedPages({ thread }: Worker, { fd, unit }: Handle): Op<string> {
  const size = sizeOf(thread, fd);
  if (failed(size)) return size.code;
  if (size === 0) return 'empty';
  const pages = Math.ceil(size / Number(unit));
  const range = { addr: Number(SCRATCH_START), length: pages * Number(unit) };
  const mapped = yield* memoryCalls.mmap(thread, {
    ...range,
    prot: PROT_READ,
    flags: MAP_SHARED,
    fd,
    offset: 0,
  });
  if (failed(mapped)) return mapped.code;
  const resident = yield* memoryCalls.mincore(thread, { ...range, addr: mapped });
  yield* memoryCalls.munmap(thread, { ...range, addr: mapped });
  return residentText(resident, Number(unit / PAGE));
}

/** Size of a file in bytes. */
function sizeOf(thread: Worker['thread'], fd: number): Result<number> {
  const file = shmemFile(thread, fd);
  return failed(file) ? file : file.inode.sizeBytes;
}

/** One digit for each unit, by its first page. */
export function residentText(pages: Uint8Array | Failure, stride: number): string {
  if (failed(pages)) return pages.code;
  let text = '';
  for (let index = 0; index < pages.length; index += stride) text += `${(pages[index] ?? 0) & 1}`;
  return text;
}

function close(args: Args, { thread, member }: Worker): Op<string> {
  const name = args.line.words[0] ?? '';
  const { fd } = args.handle();
  return (function* () {
    member.handles.delete(name);
    return yield* status(fileCalls.close(thread, fd));
  })();
}

/** Gives the descriptor that a call makes from another one a name. */
const derived =
  (call: (worker: Worker, fd: number) => Op<Result<number>>) =>
  (args: Args, worker: Worker): Op<string> => {
    const { fd, unit } = args.handle();
    const name = args.newName();
    return (function* () {
      const made = yield* call(worker, fd);
      if (failed(made)) return made.code;
      bind(worker, name, { fd: made, unit });
      return 'ok';
    })();
  };

/** Operations on objects. */
export const FILE_OPERATIONS: OperationTable = {
  file,
  fwrite,
  fread,
  ftruncate,
  fallocate,
  fmincore,
  close,
  dup: derived(({ thread }, fd) => fileCalls.dup(thread, fd)),
  reopen: derived(({ thread }, fd) => fileCalls.reopenReadOnly(thread, fd)),
};
