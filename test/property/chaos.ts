/**
 * A machine to do anything with: every call that the model of the kernel has, with whatever numbers
 * a step brings, in up to three processes with several userfaultfds, some of them passed on.
 * Listeners resolve faults in ways that may be wrong; nothing here knows what should come out.
 */
import {
  KernelHangError,
  MAP_FIXED,
  Machine,
  type MachineOptions,
  type Migration,
  O_NONBLOCK,
  O_RDWR,
  O_TMPFILE,
  type PageFault,
  type Process,
  ProcessEndedError,
  SignalError,
  type Thread,
  ThreadBusyError,
  type Userfaultfd,
} from 'uffd-emulator';
import { PAGE, page } from '../support/guest.js';
import { attempt, pageAt, pick, type Step, WINDOW } from './world.js';

const MODES = [0, 1, 2, 3] as const;

/** Something of each kind to work on: anonymous, a file shared and private, a userfaultfd. */
const BEGINNING: readonly Step[] = [
  ['mmap', 0, 0, 6, 0],
  ['mmap', 0, 7, 4, 0],
  ['mmap', 0, 12, 5, 2],
  ['mmap', 0, 18, 5, 3],
  ['uffd', 0, 0, 0, 4],
];

/** Everything in a machine that steps may use. */
export class Chaos {
  readonly machine: Machine;
  readonly uffds: Userfaultfd[] = [];
  /** How each call ended: its value if that is a number, or why it has none. */
  readonly outcomes: unknown[] = [];
  #fd = -1;
  /** Pages on their way to other frames; ended at random, or when the machine is closed. */
  readonly migrations: Migration[] = [];
  #regular = -1;
  /** Sleepers whose promises settle when the machine is closed. */
  readonly asleep: Promise<unknown>[] = [];

  constructor(options: MachineOptions) {
    this.machine = new Machine({ nodes: 2, ...options });
    this.machine.swapOn({ size: 64 * PAGE });
    const { main } = this.machine.spawn();
    const made = attempt(() => main.memfdCreateSync('ram'));
    if (made.ok) this.#fd = Number(made.value);
    attempt(() => main.ftruncateSync({ fd: this.#fd, length: 8 * PAGE }));
    const opened = attempt(() => main.openSync('/', O_TMPFILE | O_RDWR));
    if (opened.ok) this.#regular = Number(opened.value);
    attempt(() => main.ftruncateSync({ fd: this.#regular, length: 8 * PAGE }));
    for (const step of BEGINNING) this.play(step);
  }

  /** What a snapshot of the machine does not have: which userfaultfds the steps use. */
  save(): () => void {
    const uffds = [...this.uffds];
    return () => {
      this.uffds.splice(0, this.uffds.length, ...uffds);
    };
  }

  get living(): Process[] {
    return this.machine.processes.filter((proc) => !proc.ended);
  }

  /** Plays a step; `false` once nobody is left to play. */
  play([name, who, a, b, c]: Step): boolean {
    const { living } = this;
    if (living.length === 0) return false;
    const proc = pick(living, who);
    const thread = pick(proc.threads, who);
    if (thread.state !== 'idle') return true;
    const call = {
      proc,
      thread,
      uffd: this.uffds[b % (this.uffds.length + 1)],
      n: a,
      len: 1 + (b % 7),
      c,
    };
    const outcome = quietly(() => STEPS[name]?.call(this, call));
    this.outcomes.push([name, typeof outcome === 'object' ? typeof outcome : outcome]);
    return true;
  }

  /** The memfd, or the regular file, by a number of a step. */
  fdOf(n: number): number {
    return n % 3 === 0 ? this.#regular : this.#fd;
  }

  /** Begins to listen on a userfaultfd and keeps it for later steps. */
  keep(uffd: Userfaultfd): void {
    if (this.uffds.length >= 4) this.uffds.shift()?.close();
    this.uffds.push(uffd);
    attempt(() =>
      uffd
        .on('pagefault', (fault) => quietly(() => resolve(fault)))
        .on('fork', ({ uffd: child }) => quietly(() => child.close()))
        .on('remap', () => {})
        .on('remove', () => {})
        .on('unmap', () => {}),
    );
  }

  close(): void {
    this.machine.close();
    for (const migration of this.migrations.splice(0)) migration.finish();
  }
}

/** How an access may end that slept: by a signal, or with its process. */
function expected(error: unknown): void {
  if (error instanceof SignalError || error instanceof ProcessEndedError) return;
  throw error;
}

/** What Linux has an answer for, and what a machine says whose process is gone or would hang. */
function quietly(call: () => unknown): unknown {
  try {
    const outcome = attempt(call);
    return outcome.ok ? outcome.value : outcome.code;
  } catch (error) {
    if (error instanceof ThreadBusyError || error instanceof KernelHangError) return error.name;
    throw error;
  }
}

/** Some way to resolve a fault, by its address; most of them fit. */
function resolve(fault: PageFault): void {
  const n = fault.page / PAGE;
  if (fault.wp) fault.unprotectSync();
  else if (fault.minor) fault.continueSync(n % 5 === 0 ? 2 : 0);
  else if (n % 4 === 0) fault.zeropageSync();
  else if (n % 7 === 0) fault.poisonSync();
  else fault.copySync(page(n % 256), n % 3 === 0 ? 2 : 0);
}

interface Call {
  readonly proc: Process;
  readonly thread: Thread;
  readonly uffd: Userfaultfd | undefined;
  /** First page of the window that the call is about. */
  readonly n: number;
  readonly len: number;
  readonly c: number;
}

const span = ({ n, len }: Call) => ({ addr: pageAt(n), length: len * PAGE });
const start = ({ n, len }: Call) => ({ start: pageAt(n), len: len * PAGE });

const ADVICE = [
  0, 1, 2, 3, 4, 4, 8, 9, 10, 11, 12, 13, 17, 18, 19, 20, 21, 22, 23, 24, 102, 103, 100, 101,
];

/** Every call by name; `this` is the machine. */
export const STEPS: Readonly<Record<string, (this: Chaos, call: Call) => unknown>> = {
  mmap(call) {
    const { thread, c } = call;
    const type = pick([0x22, 0x21, 0x01, 0x02, 0x122], c);
    const more = pick([0, 0, 0, 0x4000, 0x8000, 0x2000], Math.floor(c / 5));
    const prot = pick([3, 3, 3, 1, 0, 7, 2], Math.floor(c / 7));
    const flags = type | more | MAP_FIXED;
    return thread.mmapSync({
      ...span(call),
      prot,
      flags,
      fd: this.fdOf(c),
      offset: (c % 4) * PAGE,
    });
  },
  munmap: (call) => call.thread.munmapSync(span(call)),
  mprotect: (call) => call.thread.mprotectSync({ ...span(call), prot: pick([0, 1, 3, 7], call.c) }),
  mremap: (call) =>
    call.thread.mremapSync({
      oldAddress: pageAt(call.n),
      oldSize: pick([call.len, call.len, 0, call.len + 1], call.c) * PAGE,
      newSize: call.len * PAGE,
      newAddress: pageAt(call.c),
      flags: pick([3, 3, 1, 0, 7, 5], call.c),
    }),
  madvise: (call) => call.thread.madviseSync({ ...span(call), advice: pick(ADVICE, call.c) }),
  mlock: (call) => call.thread.mlockSync(span(call)),
  munlock: (call) => call.thread.munlockSync(span(call)),
  mincore: (call) => call.thread.mincoreSync(span(call)),
  load: ({ thread, n, c }) => thread.load32Sync(pageAt(n) + (c % 4096)),
  store: ({ thread, n, c }) => thread.store32Sync(pageAt(n) + ((c * 5) % 4096), c),
  write: (call) => call.thread.writeSync(pageAt(call.n) + call.c, page(call.c, call.len)),
  rmw: ({ thread, n, c }) => thread.rmw8Sync(pageAt(n) + c, (old) => old + 1),
  sleep(call) {
    if (this.asleep.length >= 8) return;
    const { thread, n, c } = call;
    const access = c % 2 === 0 ? thread.load8(pageAt(n)) : thread.store8(pageAt(n), c);
    this.asleep.push(access.catch(expected));
  },
  thread: ({ proc }) => (proc.threads.length < 3 ? proc.createThread() : undefined),
  ftruncate({ thread, c }) {
    thread.ftruncateSync({ fd: this.fdOf(c), length: (c % 10) * 2048 });
  },
  fallocate({ thread, n, len, c }) {
    const where = { offset: (n % 9) * 1024 * pick([1, 4], c), length: len * 1500 };
    thread.fallocateSync({
      fd: this.fdOf(len),
      mode: pick([0, 1, 3, 3, 8, 16, 17, 32], c),
      ...where,
    });
  },
  pwrite({ thread, len, c }) {
    thread.pwriteSync({ fd: this.fdOf(len), bytes: page(c, len), offset: (c % 9) * 1000 });
  },
  pread({ thread, len, c }) {
    thread.preadSync({ fd: this.fdOf(len), count: len * 2000, offset: (c % 9) * 1000 });
  },
  fsync({ thread, c }) {
    thread.fsyncSync(this.fdOf(c));
  },
  msync: (call) => call.thread.msyncSync({ ...span(call), flags: pick([4, 1, 6, 0], call.c) }),
  vmread: (call) =>
    call.thread.processVmReadvSync({
      pid: call.proc.pid,
      addr: pageAt(call.c),
      length: call.len * 3000,
    }),
  vmwrite: (call) =>
    call.thread.processVmWritevSync({
      pid: call.proc.pid,
      addr: pageAt(call.c),
      bytes: page(1, call.len),
    }),
  poke: ({ thread, proc, n, c }) =>
    thread.pokeSync({ pid: proc.pid, addr: pageAt(n), bytes: Uint8Array.of(c) }),
  scan: (call) =>
    call.proc.pagemapScan({
      start: pageAt(call.n),
      end: pageAt(call.n) + call.len * PAGE,
      flags: pick(MODES, call.c),
      returned: 0x17f,
      maxPages: call.c % 5,
    }),
  fork(call) {
    if (this.living.length < 3) call.thread.forkSync();
  },
  exit({ proc }) {
    if (this.living.length > 1) proc.exit();
  },
  uffd({ thread, c }) {
    const uffd = thread.userfaultfdSync(O_NONBLOCK | (c % 5 === 0 ? 1 : 0));
    uffd.apiSync({ features: pick([0, 1 << 13, 1 << 15, 0x4e, 0x4e | (1 << 13), 1 << 7], c) });
    this.keep(uffd);
  },
  pass({ proc, uffd }) {
    if (uffd !== undefined) this.keep(proc.receive(uffd));
  },
  closeUffd({ uffd }) {
    if (uffd === undefined) return;
    this.uffds.splice(this.uffds.indexOf(uffd), 1);
    uffd.close();
  },
  silence({ uffd }) {
    uffd?.off('pagefault', () => {});
  },
  register: (call) => call.uffd?.registerSync({ ...start(call), mode: 1 + (call.c % 7) }),
  unregister: (call) => call.uffd?.unregisterSync(start(call)),
  wake: (call) => call.uffd?.wakeSync(start(call)),
  wp: (call) => call.uffd?.writeprotectSync({ ...start(call), mode: pick([0, 1, 1, 2], call.c) }),
  copy: (call) =>
    call.uffd?.copySync({
      dst: pageAt(call.n),
      src: call.c % 3 === 0 ? pageAt(call.c) : page(call.c, call.len),
      len: call.len * PAGE,
      mode: pick(MODES, call.c),
    }),
  zeropage: (call) => call.uffd?.zeropageSync({ ...start(call), mode: call.c % 2 }),
  continue: (call) => call.uffd?.continueSync({ ...start(call), mode: pick(MODES, call.c) }),
  poison: (call) => call.uffd?.poisonSync({ ...start(call), mode: call.c % 2 }),
  moveFill: (call) =>
    call.uffd?.moveSync({
      dst: pageAt(call.n),
      src: pageAt(call.c),
      len: call.len * PAGE,
      mode: pick(MODES, call.c),
    }),
  read: ({ uffd }) => uffd?.readMsgSync(),
  reclaim({ c }) {
    this.machine.reclaim(1 + (c % 20));
  },
  migrate({ proc, n, len }) {
    if (this.migrations.length >= 4) return;
    const range = { addr: pageAt(n), length: len * PAGE };
    this.migrations.push(this.machine.migrate({ process: proc, ...range }));
  },
  migrated({ n, c }) {
    if (this.migrations.length === 0) return;
    const [migration] = this.migrations.splice(n % this.migrations.length, 1);
    if (c % 2 === 0) migration?.finish();
    else migration?.fail();
  },
  ksm({ c }) {
    if (c % 3 === 0) this.machine.ksm.unmerge();
    else this.machine.ksm.run();
  },
  compact({ proc }) {
    this.machine.compact(proc);
  },
  movePages({ thread, n, len, c }) {
    const pages = Array.from({ length: len }, (_, i) => pageAt(n + i));
    thread.movePagesSync({ pages, nodes: pages.map(() => c % 2), flags: pick([0, 2, 4], c) });
  },
  interrupt: ({ thread }) => thread.interrupt(),
};

/** Names of steps, the more interesting ones more often. */
export const NAMES: readonly string[] = [
  ...Object.keys(STEPS),
  ...['mmap', 'mmap', 'mmap', 'uffd', 'register', 'register', 'register', 'wp', 'copy', 'store'],
  ...['store', 'store', 'load', 'madvise', 'madvise', 'mremap', 'mprotect', 'fork'],
  ...['migrate', 'migrated', 'migrated'],
];

export { WINDOW };
