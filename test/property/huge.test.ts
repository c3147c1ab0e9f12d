/**
 * Random programs on memory that wants huge pages: wholes, parts and what straddles them. After
 * every call all invariants hold, and what was written is read again.
 */
import fc from 'fast-check';
import {
  MADV_COLD,
  MADV_COLLAPSE,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_GUARD_INSTALL,
  MADV_GUARD_REMOVE,
  MADV_HUGEPAGE,
  MADV_NOHUGEPAGE,
  MADV_PAGEOUT,
  Machine,
  O_NONBLOCK,
  type Process,
  UFFD_FEATURE_WP_ASYNC,
  type Userfaultfd,
} from 'uffd-emulator';
import { expect, test } from 'vitest';
import { ANON, BASE, PAGE, RW } from '../support/guest.js';
import { attempt, pick, programs, runs, type Step } from './world.js';

const H = 512;
const PAGES = 3 * H;
/** Where moves go: aligned like the area, and not. */
const TARGETS = [BASE, BASE + H * PAGE, BASE + 2 ** 30, BASE + 2 ** 30 + 7 * PAGE] as const;

const ADVICE = [
  MADV_HUGEPAGE,
  MADV_NOHUGEPAGE,
  MADV_COLLAPSE,
  MADV_COLLAPSE,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_COLD,
  MADV_PAGEOUT,
  MADV_GUARD_INSTALL,
  MADV_GUARD_REMOVE,
];

const STARTS = [0, 0, H, 2 * H, 1, H - 3, H + 100];
const LENGTHS = [H, H, 2 * H, 1, 3, H - 1, 200];

interface World {
  readonly machine: Machine;
  readonly uffd: Userfaultfd;
}

interface Call {
  readonly proc: Process;
  readonly uffd: Userfaultfd;
  readonly addr: number;
  readonly length: number;
  readonly c: number;
}

const span = ({ addr, length }: Call) => ({ addr, length });
const range = ({ addr, length }: Call) => ({ start: addr, len: length });

const STEPS: Readonly<Record<string, (call: Call, world: World) => unknown>> = {
  load: ({ proc, addr, c }) => proc.main.load8Sync(addr + (c % 9) * PAGE),
  store: ({ proc, addr, c }) => proc.main.store8Sync(addr + (c % 9) * PAGE, c),
  advise: (call) => call.proc.main.madviseSync({ ...span(call), advice: pick(ADVICE, call.c) }),
  protect: (call) => call.proc.main.mprotectSync({ ...span(call), prot: pick([1, 3, 0], call.c) }),
  munmap: (call) => call.proc.main.munmapSync(span(call)),
  map: (call) => call.proc.main.mmapSync({ ...span(call), prot: RW, flags: ANON | 0x10 }),
  mremap: ({ proc, addr, length, c }) =>
    proc.main.mremapSync({
      oldAddress: addr,
      oldSize: length,
      newSize: length,
      newAddress: pick(TARGETS, c),
      flags: c % 5 === 0 ? 7 : 3,
    }),
  wp: (call) => call.uffd.writeprotectSync({ ...range(call), mode: call.c % 2 }),
  register: (call) => call.uffd.registerSync({ ...range(call), mode: pick([2, 2, 3], call.c) }),
  unregister: (call) => call.uffd.unregisterSync(range(call)),
  zeropage: (call) => call.uffd.zeropageSync({ ...range(call), mode: 0 }),
  move: (call) =>
    call.uffd.moveSync({
      dst: call.addr,
      src: pick(TARGETS, call.c),
      len: call.length,
      mode: call.c % 3 === 0 ? 2 : 0,
    }),
  scan: ({ proc, addr, length, c }) =>
    proc.pagemapScan({ start: addr, end: addr + length, flags: c % 2, maxPages: c % 700 }),
  reclaim: ({ c }, { machine }) => machine.reclaim(1 + (c % 600)),
  fork(call, { machine }) {
    if (machine.processes.filter(({ ended }) => !ended).length < 2) call.proc.main.forkSync();
  },
  exit({ proc }, { machine }) {
    if (proc !== machine.processes[0]) proc.exit();
  },
};

const NAMES = [...Object.keys(STEPS), 'store', 'store', 'load', 'advise', 'advise', 'wp', 'wp'];

function begin(): World {
  const machine = new Machine({ memory: 64 * 2 ** 20 });
  machine.swapOn({ size: 32 * 2 ** 20 });
  const { main } = machine.spawn();
  main.mmapSync({ addr: BASE, length: PAGES * PAGE, prot: RW, flags: ANON | 0x10 });
  main.madviseSync({ addr: BASE, length: PAGES * PAGE, advice: MADV_HUGEPAGE });
  const uffd = main.userfaultfdSync(O_NONBLOCK);
  uffd.apiSync({ features: UFFD_FEATURE_WP_ASYNC });
  return { machine, uffd };
}

function play(world: World, [name, a, b, c, d]: Step): void {
  const living = world.machine.processes.filter(({ ended }) => !ended);
  const addr = BASE + pick(STARTS, a) * PAGE;
  const length = pick(LENGTHS, b) * PAGE;
  const call = { proc: pick(living, d), uffd: world.uffd, addr, length, c };
  attempt(() => STEPS[name]?.(call, world));
}

test('any calls on wholes and parts of huge pages keep every invariant', () => {
  fc.assert(
    fc.property(programs(NAMES, 25), (steps) => {
      const world = begin();
      for (const step of steps) {
        play(world, step);
        world.machine.checkInvariants();
      }
      world.machine.close();
      expect(world.machine.freePages).toBe(world.machine.totalPages);
    }),
    runs(0.3),
  );
}, 60_000);

test('a huge page that is split in any way reads as it was written', () => {
  fc.assert(
    fc.property(programs(['advise', 'wp', 'scan', 'fork', 'protect', 'exit'], 12), (steps) => {
      const world = begin();
      const { main } = world.machine.processes[0] as Process;
      for (const n of [0, 5, H, 2 * H + 1]) main.store8Sync(BASE + n * PAGE, n % 256);
      const keeps = steps.filter(([name, , , c]) => name !== 'advise' || !drops(c));
      for (const step of keeps) play(world, step);
      main.mprotectSync({ addr: BASE, length: PAGES * PAGE, prot: RW });
      const read = [0, 5, H, 2 * H + 1, 7].map((n) => main.load8Sync(BASE + n * PAGE));
      expect(read).toEqual([0, 5, 0, 1, 0]);
      world.machine.close();
    }),
    runs(0.3),
  );
}, 60_000);

/** Advice after which the content may be gone. */
const drops = (c: number): boolean =>
  ([MADV_DONTNEED, MADV_FREE, MADV_GUARD_INSTALL] as number[]).includes(pick(ADVICE, c));
