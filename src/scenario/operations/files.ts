/**
 * Operations on objects: file, fwrite, fread, ftruncate, fallocate, fmincore, close, dup, reopen.
 * Offsets and lengths count in the object's unit.
 */

import { u64ToNumber } from '../../base/args.js';
import { type Failure, fail, failed, type Result } from '../../base/errno.js';
import type { Op } from '../../base/op.js';
import { writeBytes } from '../../machine/access-ops.js';
import { fileCalls } from '../../machine/file-calls.js';
import { memoryCalls } from '../../machine/memory-calls.js';
import { mappedFile } from '../../syscall/truncate.js';
import { MFD_HUGETLB, O_RDWR, O_TMPFILE } from '../../uapi/fcntl.js';
import { MAP_SHARED, PROT_READ, PROT_WRITE } from '../../uapi/mman.js';
import type { Args, Handle } from '../args.js';
import { bytesText } from '../format.js';
import { FALLOCATE_MODES } from '../names.js';
import { type Fill, fillByte } from '../values.js';
import { SCRATCH_START } from '../windows.js';
import type { Worker } from '../world.js';
import { bind, type OperationTable, status } from './operation.js';

const PAGE = 4096n;
const HUGE_PAGE = 2n * 1024n * 1024n;
const DEFAULT_FILL: Fill = { byte: 0x66, step: 0 };

/** A kind of file: its unit, and the flags of memfd_create(2) that make it. */
interface Kind {
  readonly name: 'shmem' | 'hugetlb' | 'reg';
  readonly unit: bigint;
  readonly flags: number;
}

const KINDS: ReadonlyMap<string, Kind> = new Map([
  ['shmem', { name: 'shmem', unit: PAGE, flags: 0 }],
  ['hugetlb', { name: 'hugetlb', unit: HUGE_PAGE, flags: MFD_HUGETLB }],
  ['reg', { name: 'reg', unit: PAGE, flags: 0 }],
]);

interface NewFile {
  readonly name: string;
  readonly kind: Kind;
  readonly length: bigint;
  readonly fill: Fill | undefined;
}

function file(args: Args, worker: Worker): Op<string> {
  const name = args.newName();
  const kind = args.oneOf(KINDS);
  return makeFile(worker, { name, kind, length: args.length(kind.unit), fill: args.fillKey() });
}

function* makeFile(worker: Worker, { name, kind, length, fill }: NewFile): Op<string> {
  const fd = yield* kind.name === 'reg'
    ? fileCalls.open(worker.thread, '/', O_TMPFILE | O_RDWR)
    : fileCalls.memfdCreate(worker.thread, name, kind.flags);
  if (failed(fd)) return fd.code;
  const handle: Handle = { fd, unit: kind.unit };
  bind(worker, name, handle);
  const sized = yield* fileCalls.ftruncate(worker.thread, { fd, length: u64ToNumber(length) });
  if (failed(sized)) return sized.code;
  if (fill === undefined) return 'ok';
  return yield* writePages(worker, handle, {
    first: 0,
    count: Number(length / kind.unit),
    fill,
  });
}

interface Pages {
  readonly first: number;
  readonly count: number;
  readonly fill: Fill;
}

/** Whole pages; each that fails goes before the `ok`, and ends it for huge pages. */
function* writePages(worker: Worker, handle: Handle, pages: Pages): Op<string> {
  let text = '';
  const isHuge = handle.unit === HUGE_PAGE;
  const write = isHuge ? storeHugePage : writePage;
  const bytes = new Uint8Array(Number(handle.unit));
  for (let index = pages.first; index < pages.first + pages.count; index++) {
    bytes.fill(fillByte(pages.fill, index - pages.first));
    const written = yield* write(worker, handle.fd, index * bytes.length, bytes);
    if (!failed(written)) continue;
    text += `fill ${written.code} `;
    if (isHuge) break;
  }
  return `${text}ok`;
}

type WriteAt = (
  worker: Worker,
  fd: number,
  offset: number,
  bytes: Uint8Array,
) => Op<Result<unknown>>;

const writePage: WriteAt = ({ thread }, fd, offset, bytes) =>
  fileCalls.pwrite(thread, { fd, bytes, offset });

/** hugetlb has no write(2): through a mapping of that page, which is dropped afterwards. */
const storeHugePage: WriteAt = function* ({ thread }, fd, offset, bytes) {
  const addr = Number(SCRATCH_START);
  const prot = PROT_READ | PROT_WRITE;
  const range = { addr, length: bytes.length };
  const mapped = yield* memoryCalls.mmap(thread, { ...range, prot, flags: MAP_SHARED, fd, offset });
  if (failed(mapped)) return mapped;
  const signal = yield* writeBytes(thread, addr, bytes);
  yield* memoryCalls.munmap(thread, range);
  return signal === undefined ? 0 : fail('EFAULT', signal.detail);
};

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
  const file = mappedFile(thread, fd, 'EINVAL');
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
