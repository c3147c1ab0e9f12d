/**
 * Swap-like entries and fault-around. A page of a file can leave a mapping at any time, and comes
 * back from the page cache, perhaps because somebody reads its neighbour. What must outlive the
 * page, a protection say, stays in its place as an entry without a page: a marker.
 * Run it with `npx tsx examples/07-swap-like-entries.ts`.
 */
import * as linux from 'uffd-emulator';

const PAGE = 4096;
const PAGES = 16;

const machine = new linux.Machine();
const { main } = machine.spawn({ name: 'guest' });
const fd = main.memfdCreateSync('ram');
main.pwriteSync({ fd, bytes: new Uint8Array(PAGES * PAGE).fill(7), offset: 0 });

/** Maps the file once more and registers the mapping; nothing is mapped in it yet. */
function mapping(addr: number, mode: number) {
  const prot = linux.PROT_READ | linux.PROT_WRITE;
  const length = PAGES * PAGE;
  const start = main.mmapSync({ addr, length, prot, flags: linux.MAP_SHARED, fd });
  const uffd = main.userfaultfdSync(linux.O_NONBLOCK);
  uffd.apiSync();
  uffd.registerSync({ start, len: length, mode });
  return { start, uffd, at: (page: number) => start + page * PAGE };
}

const LETTERS = { 'uffd-wp': 'w', poisoned: 'p', guard: 'g', unknown: '?' };

/** One letter a page: F mapped from the file, W protected too, w p g markers, . nothing. */
function letter(addr: number): string {
  const { entry } = machine.explain(main, addr);
  if (entry.kind === 'present') return entry.uffdWp ? 'W' : 'F';
  return entry.kind === 'marker' ? LETTERS[entry.bits[0] ?? 'unknown'] : '.';
}

function show(what: string, start: number): void {
  const letters = Array.from({ length: PAGES }, (_, page) => letter(start + page * PAGE));
  console.log(`${what.padEnd(38)} ${letters.join('')}`);
}

console.log('registered for MISSING:');
const missing = mapping(0x10_0000, linux.UFFDIO_REGISTER_MODE_MISSING);
missing.uffd.poisonSync({ start: missing.at(9), len: PAGE });
const guard = { length: PAGE, advice: linux.MADV_GUARD_INSTALL };
main.madviseSync({ addr: missing.at(12), ...guard });
show('  9 is poisoned, 12 a guard', missing.start);
main.load8Sync(missing.at(4));
show('  4 is read: its neighbours come too', missing.start);

console.log('registered for WP:');
const wp = mapping(0x20_0000, linux.UFFDIO_REGISTER_MODE_WP);
const protect = { len: PAGE, mode: linux.UFFDIO_WRITEPROTECT_MODE_WP };
main.load8Sync(wp.at(5));
show('  5 is read: one page at a time', wp.start);
wp.uffd.writeprotectSync({ start: wp.at(5), ...protect });
show('  5 is protected', wp.start);
main.madviseSync({ addr: wp.at(5), length: PAGE, advice: linux.MADV_DONTNEED });
show('  5 is dropped, a marker stays', wp.start);
console.log(`\n${machine.explain(main, wp.at(5)).text}\n`);
main.load8Sync(wp.at(4));
show('  4 is read: the marker stays', wp.start);
main.load8Sync(wp.at(5));
show('  5 is read: protected as before', wp.start);
