/**
 * A fault from the access to its end: MISSING resolved with a copy of 4 KiB, and WP, handled by a
 * listener of a `…Sync` access, by a listener of promises, and by a `for await` loop; beside the
 * real kernel's round trip with both threads on one CPU (c/kernel-fault.c).
 */

import type { Thread, Userfaultfd } from '../../src/index.js';
import { nowNs } from '../harness/clock.js';
import type { Contestant, Match } from '../harness/compare.js';
import type { Lab, Suite } from '../harness/lab.js';

const PAGES = 1024;
const LENGTH = PAGES * 4096;
const PEER = 'Linux, poll + read + ioctl';

type Kind = 'missing' | 'wp';

/** One process with a registered range. */
interface Bench {
  readonly thread: Thread;
  readonly uffd: Userfaultfd;
  readonly base: number;
}

/** A way to handle faults: what to install once, and how to fault on every page. */
interface Style {
  readonly name: string;
  /** Ours over the kernel's, at most. */
  readonly required: Record<Kind, number>;
  install(bench: Bench, kind: Kind): void;
  faultAll(bench: Bench, kind: Kind): void | Promise<void>;
}

const SOURCE = new Uint8Array(4096).fill(7);

function faultAllSync({ thread, base }: Bench, kind: Kind): void {
  if (kind === 'wp') for (let i = 0; i < PAGES; i++) thread.store8Sync(base + i * 4096, 1);
  else for (let i = 0; i < PAGES; i++) thread.load8Sync(base + i * 4096);
}

async function faultAll({ thread, base }: Bench, kind: Kind): Promise<void> {
  if (kind === 'wp') for (let i = 0; i < PAGES; i++) await thread.store8(base + i * 4096, 1);
  else for (let i = 0; i < PAGES; i++) await thread.load8(base + i * 4096);
}

async function handle({ uffd }: Bench): Promise<void> {
  for await (const message of uffd) {
    if (message.event !== 'pagefault') continue;
    if (message.wp) await message.unprotect();
    else await message.copy(SOURCE);
  }
}

const STYLES: readonly Style[] = [
  {
    name: 'sync listener',
    required: { missing: 1 / 15, wp: 1 / 15 },
    install({ uffd }, kind) {
      if (kind === 'wp') uffd.on('pagefault', (fault) => fault.unprotectSync());
      else uffd.on('pagefault', (fault) => void fault.copySync(SOURCE));
    },
    faultAll: faultAllSync,
  },
  {
    name: 'promises',
    required: { missing: 1 / 5, wp: 1 / 5 },
    install({ uffd }, kind) {
      if (kind === 'wp') uffd.on('pagefault', (fault) => void fault.unprotect());
      else uffd.on('pagefault', (fault) => void fault.copy(SOURCE));
    },
    faultAll,
  },
  {
    name: 'for await',
    required: { missing: 1 / 5, wp: 1 / 5 },
    install(bench) {
      handle(bench).catch((error: unknown) => {
        throw error; // an unhandled rejection: the suite ends with it
      });
    },
    faultAll,
  },
];

function benchOf({ library }: Lab, kind: Kind): Bench {
  const { MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } = library;
  const { UFFDIO_REGISTER_MODE_MISSING, UFFDIO_REGISTER_MODE_WP } = library;
  const thread = new library.Machine({ memory: 2 * LENGTH }).spawn().main;
  const prot = PROT_READ | PROT_WRITE;
  const base = thread.mmapSync({ length: LENGTH, prot, flags: MAP_PRIVATE | MAP_ANONYMOUS });
  const uffd = thread.userfaultfdSync();
  uffd.apiSync();
  const mode = kind === 'wp' ? UFFDIO_REGISTER_MODE_WP : UFFDIO_REGISTER_MODE_MISSING;
  uffd.registerSync({ start: base, len: LENGTH, mode });
  if (kind === 'wp') for (let i = 0; i < PAGES; i++) thread.store8Sync(base + i * 4096, 1);
  return { thread, uffd, base };
}

/** Makes every page of the range fault again. */
function rearm({ library }: Lab, { thread, uffd, base }: Bench, kind: Kind): void {
  if (kind === 'wp') {
    const mode = library.UFFDIO_WRITEPROTECT_MODE_WP;
    uffd.writeprotectSync({ start: base, len: LENGTH, mode });
  } else {
    thread.madviseSync({ addr: base, length: LENGTH, advice: library.MADV_DONTNEED });
  }
}

/** Faults of one round: enough for a clock, many rearmings. */
const REPEATS = 16;

function contestant(lab: Lab, style: Style, kind: Kind): Contestant {
  const bench = benchOf(lab, kind);
  style.install(bench, kind);
  return {
    name: style.name,
    async round() {
      let took = 0;
      for (let i = 0; i < REPEATS; i++) {
        rearm(lab, bench, kind);
        const start = nowNs();
        await style.faultAll(bench, kind);
        took += nowNs() - start;
      }
      return took / (PAGES * REPEATS);
    },
  };
}

const suite: Suite = async (lab) => {
  const kernel = await lab.opponent('kernel-fault');
  const rows = [];
  for (const kind of ['missing', 'wp'] as const) {
    const peer = kernel.does(PEER, () => `${kind} ${PAGES}`);
    const title = kind === 'wp' ? 'WP' : 'MISSING + 4 KiB copy';
    const matches = STYLES.map(
      (style): Match => ({
        name: `fault: ${title}, ${style.name}`,
        ours: contestant(lab, style, kind),
        peer,
        required: style.required[kind],
      }),
    );
    rows.push(...(await lab.compare(matches)));
  }
  return rows;
};

export default suite;
