/**
 * Mappings, accesses, files and forks in up to three processes, on a machine and on a model without
 * page tables at once: every load and store gives what the model says, whatever is registered,
 * protected, swapped out or moved. Userfaultfds are served with zeros where pages are missing.
 */
import {
  MADV_COLD,
  MADV_DONTNEED,
  MADV_PAGEOUT,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  MADV_REMOVE,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  Machine,
  O_NONBLOCK,
  type PageFault,
  type Process,
  type Userfaultfd,
} from 'uffd-emulator';
import { expect } from 'vitest';
import { PAGE, page } from '../support/guest.js';
import { type Expected, ModelFile, ModelSpace, truncate } from './model.js';
import { attempt, type Outcome, pageAt, pageNumber, pick, type Step, WINDOW } from './world.js';

const FILE_PAGES = 8;

interface Player {
  readonly proc: Process;
  readonly space: ModelSpace;
  readonly uffds: Userfaultfd[];
}

/** Resolves a fault: what is missing reads as zero, and in private memory from then on. */
function resolve({ space }: Player, fault: PageFault): void {
  attempt(() => {
    if (fault.wp) fault.unprotectSync();
    else if (fault.minor) fault.continueSync();
    else {
      fault.copySync(page(0)); // ZEROPAGE would refuse a marker
      space.fill(pageNumber(fault.page), 0);
    }
  });
}

/** A machine and its model, in step. */
export class Contents {
  readonly machine = new Machine({ memory: 8 * 2 ** 20 });
  readonly players: Player[] = [];
  readonly file = new ModelFile(FILE_PAGES);
  readonly fd: number;

  constructor() {
    this.machine.swapOn({ size: 256 * PAGE });
    const first = this.#join(this.machine.spawn(), new ModelSpace());
    this.fd = first.proc.main.memfdCreateSync('ram');
    first.proc.main.ftruncateSync({ fd: this.fd, length: FILE_PAGES * PAGE });
    for (const kind of [0, 1, 2, 3]) this.play(['map', 0, kind * 6, 5, kind]);
  }

  #join(proc: Process, space: ModelSpace): Player {
    const player: Player = { proc, space, uffds: [] };
    this.players.push(player);
    return player;
  }

  /** Plays one step on both sides. */
  play([name, who, a, b, c]: Step): void {
    const player = pick(this.players, who);
    const range = [a % WINDOW, Math.min((a % WINDOW) + 1 + (b % 6), WINDOW)] as const;
    STEPS[name]?.call(this, player, range, c, b);
    this.machine.checkInvariants();
  }

  spaces(): ModelSpace[] {
    return this.players.map(({ space }) => space);
  }

  /** A child without its parent's userfaultfds: closing one is up to the parent. */
  adopt({ space, uffds }: Player, pid: number): void {
    const child = this.#join(this.machine.process(pid), space.fork());
    for (const { fd } of uffds) child.proc.main.closeSync(fd);
  }

  /** Every page of every process reads as it should. */
  compare(): void {
    for (const { proc, space } of this.players) {
      for (let n = 0; n < WINDOW; n++) check(proc, space, n);
    }
  }
}

type Range = readonly [from: number, to: number];

type Play = (this: Contents, player: Player, range: Range, c: number, b: number) => void;

const said = (outcome: Outcome): unknown => (outcome.ok ? outcome.value : outcome.code);

function check({ main }: Process, space: ModelSpace, n: number): void {
  const expected: Expected = space.load(n);
  expect([n, said(attempt(() => main.load8Sync(pageAt(n))))]).toEqual([n, expected]);
}

const span = ([from, to]: Range) => ({ addr: pageAt(from), length: (to - from) * PAGE });
const start = ([from, to]: Range) => ({ start: pageAt(from), len: (to - from) * PAGE });
const each = ([from, to]: Range): number[] => Array.from({ length: to - from }, (_, i) => from + i);

const KINDS = [
  MAP_PRIVATE | MAP_ANONYMOUS,
  MAP_SHARED,
  MAP_PRIVATE,
  MAP_SHARED | MAP_ANONYMOUS,
] as const;

function advise({ proc, space }: Player, range: Range, advice: number, drops: boolean): void {
  const outcome = attempt(() => proc.main.madviseSync({ ...span(range), advice }));
  const done = outcome.ok || outcome.code === 'ENOMEM';
  if (done && drops) for (const n of each(range)) space.drop(n);
}

const STEPS: Readonly<Record<string, Play>> = {
  map({ proc, space }, range, c) {
    const flags = pick(KINDS, c);
    const prot = pick([3, 3, 3, 1, 0, 7], Math.floor(c / 4));
    const anonymous = (flags & MAP_ANONYMOUS) !== 0;
    const first = anonymous ? 0 : c % 4;
    const shared = (flags & MAP_SHARED) !== 0;
    const request = { ...span(range), prot, flags: flags | MAP_FIXED };
    const offset = first * PAGE;
    const mapped = attempt(() => proc.main.mmapSync({ ...request, fd: this.fd, offset }));
    expect(mapped.ok).toBe(true);
    const own = anonymous && shared ? new ModelFile(range[1] - range[0]) : undefined;
    each(range).forEach((n, i) => {
      const file = anonymous ? own : this.file;
      space.pages.set(n, { file, index: first + i, shared, prot, own: undefined });
    });
  },

  unmap({ proc, space }, range) {
    proc.main.munmapSync(span(range));
    for (const n of each(range)) space.pages.delete(n);
  },

  protect({ proc, space }, range, c) {
    const prot = pick([0, 1, 3, 3, 7], c);
    attempt(() => proc.main.mprotectSync({ ...span(range), prot }));
    for (const n of each(range)) {
      const known = space.pages.get(n);
      if (known === undefined) break; // stops at the first hole
      known.prot = prot;
    }
  },

  move({ proc, space }, range, c) {
    const [from, to] = range;
    const target = c % (WINDOW - (to - from) + 1);
    const size = (to - from) * PAGE;
    const before = new Map(space.pages);
    const moved = attempt(() =>
      proc.main.mremapSync({
        oldAddress: pageAt(from),
        oldSize: size,
        newSize: size,
        newAddress: pageAt(target),
        flags: 3,
      }),
    );
    if (moved.ok)
      for (const n of each(range)) space.move(n, target + n - from); // no hole moves
    else follow(proc, space, before, range, target);
  },

  dontneed(player, range) {
    advise(player, range, MADV_DONTNEED, true);
  },

  cold(player, range, c) {
    advise(player, range, pick([MADV_COLD, MADV_POPULATE_READ, MADV_PAGEOUT], c), false);
  },

  populate({ proc, space }, range) {
    attempt(() => proc.main.madviseSync({ ...span(range), advice: MADV_POPULATE_WRITE }));
    for (const n of each(range)) if (!space.populate(n)) break;
  },

  remove({ proc, space }, [from]) {
    const known = space.pages.get(from);
    const range = [from, from + 1] as const;
    const outcome = attempt(() => proc.main.madviseSync({ ...span(range), advice: MADV_REMOVE }));
    if (outcome.ok) known?.file?.bytes.delete(known.index);
  },

  store({ proc, space }, [n], c) {
    const expected = space.mayStore(n);
    const outcome = attempt(() => proc.main.store8Sync(pageAt(n), c % 256));
    expect([n, outcome.ok ? 0 : outcome.code]).toEqual([n, expected]);
    if (outcome.ok) space.fill(n, c % 256);
  },

  load({ proc, space }, [n]) {
    check(proc, space, n);
  },

  truncate({ proc }, _range, c) {
    const pages = c % (FILE_PAGES + 1);
    proc.main.ftruncateSync({ fd: this.fd, length: pages * PAGE });
    truncate(this.file, pages, this.spaces());
  },

  punch({ proc }, _range, c, b) {
    const [first, count] = [c % FILE_PAGES, 1 + (b % 3)];
    const where = { fd: this.fd, offset: first * PAGE, length: count * PAGE };
    proc.main.fallocateSync({ ...where, mode: 3 });
    for (let i = 0; i < count; i++) this.file.bytes.delete(first + i);
  },

  pwrite({ proc }, _range, c) {
    const index = c % Math.max(this.file.pages, 1);
    if (this.file.pages === 0) return;
    proc.main.pwriteSync({ fd: this.fd, bytes: page(c % 256), offset: index * PAGE });
    this.file.bytes.set(index, c % 256);
  },

  fork(player) {
    if (this.players.length >= 3) return;
    this.adopt(player, player.proc.main.forkSync());
  },

  exit(player) {
    if (this.players.length === 1) return;
    player.proc.exit();
    this.players.splice(this.players.indexOf(player), 1);
  },

  register(player, range, c) {
    const { proc, uffds } = player;
    if (uffds.length < 2) {
      const uffd = proc.main.userfaultfdSync(O_NONBLOCK);
      uffd.apiSync({ features: pick([0, 1 << 13, 1 << 15], c) });
      uffds.push(uffd.on('pagefault', (fault) => resolve(player, fault)));
    }
    const mode = 1 + (c % 7);
    attempt(() => pick(uffds, c).registerSync({ ...start(range), mode }));
  },

  unregister({ uffds }, range, c) {
    if (uffds.length > 0) attempt(() => pick(uffds, c).unregisterSync(start(range)));
  },

  close({ uffds }) {
    uffds.pop()?.close();
  },

  wp({ uffds }, range, c) {
    if (uffds.length === 0) return;
    attempt(() => pick(uffds, c).writeprotectSync({ ...start(range), mode: c % 2 }));
  },

  copy({ space, uffds }, [n], c) {
    if (uffds.length === 0) return;
    const outcome = attempt(() => pick(uffds, c).copySync({ dst: pageAt(n), src: page(c % 256) }));
    if (outcome.ok) space.fill(n, c % 256);
  },

  zeropage({ space, uffds }, [n], c) {
    if (uffds.length === 0) return;
    const outcome = attempt(() => pick(uffds, c).zeropageSync(start([n, n + 1])));
    if (outcome.ok) space.fill(n, 0);
  },

  moveFill({ space, uffds }, [n], c) {
    if (uffds.length === 0) return;
    const from = c % WINDOW;
    const value = space.pages.get(from)?.own ?? 0;
    const where = { dst: pageAt(n), src: pageAt(from), len: PAGE };
    const outcome = attempt(() => pick(uffds, c).moveSync(where));
    if (!outcome.ok) return;
    space.fill(n, value);
    space.drop(from);
  },
};

/** A move that failed part-way: areas before the failure moved, its target is gone. */
function follow(
  proc: Process,
  space: ModelSpace,
  before: ReadonlyMap<number, unknown>,
  range: Range,
  target: number,
): void {
  const mapped = (n: number): boolean =>
    proc.maps().some(({ start: low, end }) => low <= pageAt(n) && pageAt(n) < end);
  for (const n of each(range)) {
    if (before.has(n) && !mapped(n)) space.move(n, target + n - range[0]);
  }
  for (const n of [...space.pages.keys()]) if (!mapped(n)) space.pages.delete(n);
}

/** Names of steps, those that write and look more often. */
export const NAMES: readonly string[] = [
  ...Object.keys(STEPS),
  ...['map', 'move', 'fork', 'register', 'wp', 'wp', 'protect'],
  ...['store', 'store', 'store', 'store', 'load', 'load', 'load'],
];
