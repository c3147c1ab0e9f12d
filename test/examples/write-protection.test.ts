/** Holds the table of docs/write-protection.md: what becomes of one protected page, row by row. */
import * as linux from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { rowsOf } from './tables.js';

const PAGE = 4096;
const PROT = linux.PROT_READ | linux.PROT_WRITE;
const { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, UFFDIO_REGISTER_MODE_WP } = linux;

/** A protected page, and where it is: the address may change. */
interface Page {
  readonly machine: linux.Machine;
  readonly process: linux.Process;
  readonly uffd: linux.Userfaultfd;
  readonly addr: number;
  readonly fd: number;
}

/** Features of the handshake, and what is done to the page; answers where to look for it. */
type Step = readonly [features: number, act: (page: Page) => Page];

function protectedPage(fd: 'none' | 'memfd', features: number): Page {
  const machine = new linux.Machine();
  const process = machine.spawn();
  const { main } = process;
  const file = fd === 'memfd' ? main.memfdCreateSync('file') : -1;
  if (fd === 'memfd') main.ftruncateSync({ fd: file, length: PAGE });
  const flags = fd === 'memfd' ? linux.MAP_SHARED : linux.MAP_PRIVATE | linux.MAP_ANONYMOUS;
  const addr = main.mmapSync({ length: PAGE, prot: PROT, flags, fd: file });
  const uffd = main.userfaultfdSync(linux.O_NONBLOCK);
  uffd.apiSync({ features });
  uffd.on('remap', () => undefined);
  uffd.on('fork', () => undefined);
  uffd.registerSync({ start: addr, len: PAGE, mode: UFFDIO_REGISTER_MODE_WP });
  main.store8Sync(addr, 1);
  const mode = linux.UFFDIO_WRITEPROTECT_MODE_WP;
  uffd.writeprotectSync({ start: addr, len: PAGE, mode });
  return { machine, process, uffd, addr, fd: file };
}

/** A step that leaves the page at its address, in its process. */
const inPlace =
  (act: (page: Page, thread: linux.Thread, range: { addr: number; length: number }) => void) =>
  (page: Page): Page => {
    act(page, page.process.main, { addr: page.addr, length: PAGE });
    return page;
  };

const advice = (value: number) =>
  inPlace((_page, thread, range) => thread.madviseSync({ ...range, advice: value }));

function fork(page: Page): Page {
  return { ...page, process: page.machine.process(page.process.main.forkSync()) };
}

/** The page of the parent, after a fork. */
function forkedAway(page: Page): Page {
  fork(page);
  return page;
}

function moved(page: Page): Page {
  const flags = linux.MREMAP_MAYMOVE | linux.MREMAP_FIXED;
  const newAddress = page.addr - 16 * PAGE;
  const sizes = { oldSize: PAGE, newSize: PAGE };
  page.process.main.mremapSync({ oldAddress: page.addr, ...sizes, flags, newAddress });
  return { ...page, addr: newAddress };
}

const register = ({ uffd, addr }: Page): void => {
  uffd.registerSync({ start: addr, len: PAGE, mode: UFFDIO_REGISTER_MODE_WP });
};

const { UFFD_FEATURE_EVENT_FORK, UFFD_FEATURE_EVENT_REMAP } = linux;

const steps: Readonly<Record<string, Step>> = {
  'mprotect to none and back': [
    0,
    inPlace((_page, thread, range) => {
      thread.mprotectSync({ ...range, prot: linux.PROT_NONE });
      thread.mprotectSync({ ...range, prot: PROT });
    }),
  ],
  MADV_FREE: [0, advice(linux.MADV_FREE)],
  MADV_DONTNEED: [0, advice(linux.MADV_DONTNEED)],
  'hole punched with fallocate': [
    0,
    inPlace(({ fd }, thread) => {
      const mode = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE;
      thread.fallocateSync({ fd, mode, offset: 0, length: PAGE });
    }),
  ],
  'ftruncate and grown again': [
    0,
    inPlace(({ fd }, thread) => {
      thread.ftruncateSync({ fd, length: 0 });
      thread.ftruncateSync({ fd, length: PAGE });
    }),
  ],
  'fork with EVENT_FORK: the parent': [UFFD_FEATURE_EVENT_FORK, forkedAway],
  'fork with EVENT_FORK: the child': [UFFD_FEATURE_EVENT_FORK, fork],
  'fork without: the parent': [0, forkedAway],
  'fork without: the child': [0, fork],
  'mremap that moves, with EVENT_REMAP': [UFFD_FEATURE_EVENT_REMAP, moved],
  'mremap that moves, without': [0, moved],
  'registered again with the same mode': [0, inPlace(register)],
  'unregister, then registered again': [
    0,
    inPlace((page) => {
      page.uffd.unregisterSync({ start: page.addr, len: PAGE });
      register(page);
    }),
  ],
};

/** What pagemap says of the page, in the table's words. */
function stateOf({ process, addr }: Page): string {
  const [word = 0n] = process.pagemap({ addr, length: PAGE });
  const has = (bit: number) => ((word >> BigInt(bit)) & 1n) === 1n;
  if (!has(linux.PM_UFFD_WP_BIT)) return 'lost';
  return has(linux.PM_SWAP_BIT) ? 'marker' : 'kept';
}

describe('docs/write-protection.md', () => {
  const rows = rowsOf('docs/write-protection.md', 'What happens to a protected page');

  test('has a row for each step', () => {
    expect(rows.map((row) => row['What happens to a protected page'])).toEqual(Object.keys(steps));
  });

  test.each(rows.map((row) => [row['What happens to a protected page'] ?? '', row] as const))(
    '%s',
    (name, row) => {
      const [features, act] = steps[name] ?? [0, undefined];
      for (const [column, fd] of [
        ['Anonymous memory', 'none'],
        ['File memory', 'memfd'],
      ] as const) {
        if (row[column] === '') continue;
        expect([column, act && stateOf(act(protectedPage(fd, features)))]).toEqual([
          column,
          row[column],
        ]);
      }
    },
  );
});
