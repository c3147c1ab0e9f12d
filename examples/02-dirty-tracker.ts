/**
 * A dirty tracker, and the migration that is built on one: copy every page, then only what was
 * written meanwhile, until little is left. All pages are write-protected; the first write to a page
 * raises a fault, the tracker notes the page and takes its protection off.
 * Run it with `npx tsx examples/02-dirty-tracker.ts`.
 */
import * as linux from 'uffd-emulator';

const PAGE = 4096;
const PAGES = 64;
const ALL = Array.from({ length: PAGES }, (_, page) => page);

/** Tells which pages of a region were written since it was asked last. */
class DirtyTracker {
  readonly #uffd: linux.Userfaultfd;
  readonly #range: { start: number; len: number };
  #dirty = new Set<number>();

  constructor(owner: linux.Thread, start: number, len: number) {
    this.#range = { start, len };
    this.#uffd = owner.userfaultfdSync(linux.O_CLOEXEC | linux.O_NONBLOCK);
    // Without WP_UNPOPULATED an empty page stays unarmed, and its first write goes unseen.
    this.#uffd.apiSync({ features: linux.UFFD_FEATURE_WP_UNPOPULATED });
    this.#uffd.registerSync({ ...this.#range, mode: linux.UFFDIO_REGISTER_MODE_WP });
    this.#uffd.on('pagefault', (fault) => {
      this.#dirty.add((fault.page - start) / PAGE);
      fault.unprotectSync();
    });
  }

  /** Takes what was written, and protects every page again. */
  collect(): Set<number> {
    const dirty = this.#dirty;
    this.#dirty = new Set();
    this.#uffd.writeprotectSync({ ...this.#range, mode: linux.UFFDIO_WRITEPROTECT_MODE_WP });
    return dirty;
  }
}

const { main: guest } = new linux.Machine({ memory: 2 ** 20 }).spawn({ name: 'guest' });
const heap = guest.mmapSync({
  length: PAGES * PAGE,
  prot: linux.PROT_READ | linux.PROT_WRITE,
  flags: linux.MAP_PRIVATE | linux.MAP_ANONYMOUS,
});

let entries = 0;

/** The guest keeps a table: a header in page 0, buckets in 1 to 31, a log from 32 on. */
function put(): void {
  const key = entries++;
  const hash = Math.imul(key, 0x9e3779b1) >>> 0;
  const bucket = 1 + Math.min((hash >>> 8) % 31, (hash >>> 16) % 31); // the first are the busiest
  guest.store32Sync(heap + bucket * PAGE + (key % 1024) * 4, key);
  guest.store32Sync(heap + 32 * PAGE + key * 1024, key);
  guest.store32Sync(heap, entries);
}

const tracker = new DirtyTracker(guest, heap, PAGES * PAGE);
const copy = new Uint8Array(PAGES * PAGE);
function send(pages: ReadonlySet<number>): void {
  for (const page of pages) copy.set(guest.readSync(heap + page * PAGE, PAGE), page * PAGE);
}

console.log('round  sent  header, buckets, log                                              dirty');
tracker.collect(); // arms for the first time
const written = new Set<number>();
let dirty: ReadonlySet<number> = new Set(ALL);
for (let round = 1; dirty.size > 4 && round <= 8; round++) {
  const sent = dirty.size;
  send(dirty);
  for (let puts = sent >> 1; puts > 0; puts--) put(); // while pages travel
  dirty = tracker.collect();
  const mark = (page: number) => (dirty.has(page) ? '#' : written.has(page) ? '+' : '.');
  const map = ALL.map(mark).join('');
  for (const page of dirty) written.add(page);
  const [from, to] = [`${sent}`.padStart(4), `${dirty.size}`.padStart(6)];
  console.log(`    ${round}  ${from}  ${map} ${to}`);
}
console.log(`\n# written while the others were sent   + written before   . never written`);

send(dirty); // the guest stands still: this is the downtime
const same = Buffer.from(guest.readSync(heap, PAGES * PAGE)).equals(copy);
console.log(
  `stopped, sent the last ${dirty.size} pages: the copy ${same ? 'is the same' : 'DIFFERS'}`,
);
