/**
 * Operations that look without faulting: pagemap, peek, vmflags, mincore.
 * They show one text for each page or unit of a range, neighbours that say the same joined.
 */

import { u64ToNumber } from '../../base/args.js';
import { errnoName, failed } from '../../base/errno.js';
import type { Op } from '../../base/op.js';
import { TASK_SIZE } from '../../base/page.js';
import { fileCalls } from '../../machine/file-calls.js';
import { memoryCalls } from '../../machine/memory-calls.js';
import type { SmapsEntry } from '../../observe/smaps.js';
import { clearRefs } from '../../syscall/clear-refs.js';
import { MPOL_MF_MOVE } from '../../uapi/mempolicy.js';
import type { Args, Place } from '../args.js';
import { bytesText, type Cell, indexAt, lengthText, pagemapText, runsText } from '../format.js';
import { VM_FLAGS } from '../names.js';
import { regionAt, WINDOW_BYTES, wrap64 } from '../windows.js';
import type { Worker } from '../world.js';
import { residentText } from './files.js';
import type { OperationTable } from './operation.js';

const PAGE = 4096n;
const PRESENT = 1n << 63n;
const MINCORE_PAGES_MAX = 8192n;
/** A window in its smallest unit; more cells than that are nobody's to read. */
const CELLS_MAX = 262144n;

/** Addresses of the units of a range. */
function unitsOf(args: Args): Place[] {
  const { addr, unit } = args.place();
  const start = addr - (addr % unit);
  const count = (args.length(unit) + (addr - start) + unit - 1n) / unit;
  if (count > CELLS_MAX) args.bad(`more than ${CELLS_MAX} pages`);
  return Array.from({ length: Number(count) }, (_, index) => ({
    addr: wrap64(start + BigInt(index) * unit),
    unit,
  }));
}

/** One text for each unit, as runs. */
function runs(places: readonly Place[], textOf: (place: Place) => string): string {
  const cells: Cell[] = places.map((place) => ({
    index: indexAt(place.addr),
    text: textOf(place),
  }));
  return runsText(cells);
}

/** /proc/PID/pagemap and mem are root's once a thread has changed its user. */
export const mayObserve = ({ thread }: Worker): boolean => thread.credentials.uid === 0;

function pagemap(args: Args, worker: Worker): Op<string> {
  const places = unitsOf(args);
  return (function* () {
    if (!mayObserve(worker)) return 'EACCES';
    return runs(places, ({ addr }) => pagemapText(pagemapWord(worker, addr)));
  })();
}

function pagemapWord({ member }: Worker, addr: bigint): bigint {
  if (addr >= BigInt(TASK_SIZE)) return 0n;
  const page = addr - (addr % PAGE);
  return member.process.pagemap({ addr: Number(page), length: Number(PAGE) })[0] ?? 0n;
}

function peek(args: Args, worker: Worker): Op<string> {
  const places = unitsOf(args);
  return (function* () {
    if (!mayObserve(worker)) return 'EACCES';
    const cells: Cell[] = [];
    for (const place of places) {
      cells.push({ index: indexAt(place.addr), text: yield* contentText(worker, place) });
    }
    return runsText(cells);
  })();
}

/** Contents of one unit, `.` when pagemap calls it not present. */
function* contentText(worker: Worker, { addr, unit }: Place): Op<string> {
  if ((pagemapWord(worker, addr) & PRESENT) === 0n) return '.';
  const { pid } = worker.member.process;
  const range = { pid, addr: u64ToNumber(addr), length: Number(unit) };
  const bytes = yield* fileCalls.peek(worker.thread, range);
  return failed(bytes) ? `!${bytes.code}` : bytesText(bytes);
}

const vmflags = (args: Args, worker: Worker): Op<string> =>
  areasText(args, worker, ({ vmFlags, perms }) => {
    const shown = VM_FLAGS.filter((flag) => vmFlags.includes(flag)).join(',') || '-';
    return `${perms}:${shown}`;
  });

const smaps = (args: Args, worker: Worker): Op<string> =>
  areasText(args, worker, (area) => {
    const { rss, referenced, anonymous, swap, anonHugePages } = area;
    const counts = Object.entries({
      rss,
      ref: referenced,
      anon: anonymous,
      swap,
      thp: anonHugePages,
    });
    const shown = counts.filter(([, bytes]) => bytes > 0);
    return shown.map(([name, bytes]) => `${name}=${bytes / Number(PAGE)}`).join(',') || '-';
  });

/** The areas of a window, or of the range that a second word gives. */
function areasText(args: Args, worker: Worker, describe: (area: SmapsEntry) => string): Op<string> {
  const { addr, unit } = args.place();
  const hasLength = args.line.words.length > 1;
  const window = regionAt(addr) ?? { start: addr, end: addr + unit };
  const range = hasLength ? { start: addr, end: addr + args.length(unit) } : window;
  return (function* () {
    const areas = worker.member.process
      .smaps()
      .filter(({ start, end }) => BigInt(start) < range.end && BigInt(end) > range.start);
    const texts = areas.map((area) => `${boundsText(area, unit)}:${describe(area)}`);
    return texts.join(' ') || 'none';
  })();
}

/** `from-to`, counted from the start of the window in which the area starts. */
function boundsText({ start, end }: SmapsEntry, unit: bigint): string {
  const base = BigInt(start) - (BigInt(start) % WINDOW_BYTES);
  const at = (addr: number): string => lengthText(BigInt(addr) - base, unit);
  return `${at(start)}-${at(end)}`;
}

function mincore(args: Args, { thread }: Worker): Op<string> {
  const { addr, unit } = args.place();
  const length = args.length(unit);
  if (length > MINCORE_PAGES_MAX * PAGE) args.bad(`more than ${MINCORE_PAGES_MAX} pages`);
  return (function* () {
    const range = { addr: u64ToNumber(addr), length: Number(length) };
    return residentText(yield* memoryCalls.mincore(thread, range), Number(unit / PAGE));
  })();
}

/** A number as the kernel reads it from a text: decimal digits alone. */
const DECIMAL = /^[+-]?\d+$/;

function clearrefs(args: Args, worker: Worker): Op<string> {
  const word = args.word();
  const what = DECIMAL.test(word) ? Number(word) : -1;
  return (function* () {
    if (!mayObserve(worker)) return 'EACCES';
    const done = clearRefs(worker.thread.mm, what);
    return failed(done) ? done.code : 'ok';
  })();
}

const MIGRATE_UNITS_MAX = 1024;

/** move_pages(2) of each unit: its node, or the errno. Changes pages; it is here for its output. */
function migrate(args: Args, { thread }: Worker): Op<string> {
  const { addr, unit } = args.place();
  const count = Number((args.length(unit) + unit - 1n) / unit);
  const node = Number(args.numberKey('node', 1n));
  if (count > MIGRATE_UNITS_MAX) args.bad(`more than ${MIGRATE_UNITS_MAX} pages`);
  const pages = Array.from({ length: count }, (_, i) => wrap64(addr + BigInt(i) * unit));
  return (function* () {
    const nodes = pages.map(() => node);
    const result = yield* memoryCalls.movePages(thread, { pages, nodes, flags: MPOL_MF_MOVE });
    if (failed(result)) return result.code;
    const cells = pages.map((page, i) => ({
      index: indexAt(page),
      text: nodeText(result.status[i] ?? 0),
    }));
    return runsText(cells);
  })();
}

const nodeText = (status: number): string =>
  status < 0 ? `-${errnoName(-status) ?? -status}` : `node${status}`;

/** Operations that look without faulting, and the one that resets what they see. */
export const OBSERVER_OPERATIONS: OperationTable = {
  pagemap,
  peek,
  vmflags,
  smaps,
  mincore,
  clearrefs,
  migrate,
};
