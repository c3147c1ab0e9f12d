/** Holds the table of docs/faults.md: each row is set up, read and written, and says what it says. */
import * as linux from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { rowsOf } from './tables.js';

const PAGE = 4096;

const MODES: Readonly<Record<string, number>> = {
  MISSING: linux.UFFDIO_REGISTER_MODE_MISSING,
  WP: linux.UFFDIO_REGISTER_MODE_WP,
  MINOR: linux.UFFDIO_REGISTER_MODE_MINOR,
  RWP: linux.UFFDIO_REGISTER_MODE_RWP,
};

type Row = Record<string, string>;

/** One registered page in the state of a row. */
function setUp(row: Row) {
  const names = (row['Registered'] ?? '').split(' ');
  const hides = names.includes('RWP');
  const { main } = new linux.Machine({ kernel: hides ? '7.3' : '6.18' }).spawn();
  const prot = linux.PROT_READ | linux.PROT_WRITE;
  const isFile = row['Entry']?.includes('file');
  const fd = isFile ? main.memfdCreateSync('file') : -1;
  if (isFile) main.ftruncateSync({ fd, length: PAGE });
  const flags = isFile ? linux.MAP_SHARED : linux.MAP_PRIVATE | linux.MAP_ANONYMOUS;
  const start = main.mmapSync({ length: PAGE, prot, flags, fd });
  const uffd = main.userfaultfdSync(linux.O_NONBLOCK);
  const rwp = hides ? linux.UFFD_FEATURE_RWP : 0;
  uffd.apiSync({ features: linux.UFFD_FEATURE_WP_UNPOPULATED | rwp });
  const mode = names.reduce((set, name) => set | (MODES[name] ?? 0), 0);
  uffd.registerSync({ start, len: PAGE, mode });
  if (row['Page cache'] === 'page') main.pwriteSync({ fd, bytes: new Uint8Array(1), offset: 0 });
  if (row['Entry'] === 'poisoned') uffd.poisonSync({ start, len: PAGE });
  if (row['Entry']?.startsWith('present')) main.store8Sync(start, 1);
  if (names.includes('WP') && !row['Entry']?.startsWith('none')) {
    uffd.writeprotectSync({ start, len: PAGE, mode: linux.UFFDIO_WRITEPROTECT_MODE_WP });
  }
  if (hides) uffd.rwprotectSync({ start, len: PAGE, mode: linux.UFFDIO_RWPROTECT_MODE_RWP });
  return { thread: main, start, uffd };
}

function kindOf({ wp, minor, rwp }: linux.PageFault): string {
  if (wp) return 'write protection';
  if (rwp) return 'read-write protection';
  return minor ? 'minor' : 'missing';
}

/** What an access gives, in the table's words. */
function outcomeOf(row: Row, access: (thread: linux.Thread, addr: number) => Promise<unknown>) {
  const { thread, start, uffd } = setUp(row);
  let signal = '';
  const ended = access(thread, start).catch((error: linux.SignalError) => {
    signal = error.signal;
  });
  const message = uffd.readMsgSync();
  uffd.close(); // whoever waits goes on
  return ended.then(() => {
    if (message?.event !== 'pagefault') return signal || 'silent';
    return `${kindOf(message)}, flags ${message.flags}`;
  });
}

describe('docs/faults.md', () => {
  const rows = rowsOf('docs/faults.md', 'Registered');

  test('has the table', () => expect(rows).toHaveLength(17));

  test.each(rows)('$Registered, $Entry, $Page cache', async (row) => {
    const read = await outcomeOf(row, (thread, addr) => thread.load8(addr));
    const written = await outcomeOf(row, (thread, addr) => thread.store8(addr, 1));
    expect([read, written]).toEqual([row['A read'], row['A write']]);
  });
});
