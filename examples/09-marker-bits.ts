/**
 * Marker bits as a set. A marker says why nothing is there: protected, poisoned, a guard. Every
 * operation takes away the bits that it knows, and leaves the others as they are; a marker without
 * a bit is no marker. Each cell is a page of its own: its marker, the operation, what is left.
 * Run it with `npx tsx examples/09-marker-bits.ts`.
 */
import * as linux from 'uffd-emulator';

const PAGE = 4096;
const MARKERS = ['uffd-wp', 'poisoned', 'guard'] as const;

/** Two pages of a file, registered for MISSING and WP; the second carries a marker. */
class Marked {
  readonly machine = new linux.Machine();
  readonly main = this.machine.spawn({ name: 'guest' }).main;
  readonly uffd = this.main.userfaultfdSync(linux.O_NONBLOCK);
  readonly fd = this.main.memfdCreateSync('ram');
  readonly start: number;
  readonly addr: number;

  constructor(marker: (typeof MARKERS)[number]) {
    const { main, uffd, fd } = this;
    const length = 2 * PAGE;
    main.ftruncateSync({ fd, length });
    const prot = linux.PROT_READ | linux.PROT_WRITE;
    this.start = main.mmapSync({ length, prot, flags: linux.MAP_SHARED, fd });
    this.addr = this.start + PAGE;
    uffd.apiSync();
    const mode = linux.UFFDIO_REGISTER_MODE_MISSING | linux.UFFDIO_REGISTER_MODE_WP;
    uffd.registerSync({ start: this.start, len: length, mode });
    this.advise(linux.MADV_GUARD_INSTALL, this.start); // from now on fork copies the entries
    if (marker === 'uffd-wp') this.protect(linux.UFFDIO_WRITEPROTECT_MODE_WP);
    else if (marker === 'poisoned') uffd.poisonSync(this.range);
    else this.advise(linux.MADV_GUARD_INSTALL);
  }

  get range() {
    return { start: this.addr, len: PAGE };
  }

  protect(mode: number): void {
    this.uffd.writeprotectSync({ ...this.range, mode });
  }

  advise(advice: number, addr = this.addr): void {
    this.main.madviseSync({ addr, length: PAGE, advice });
  }

  /** The entry of a page in a word. */
  entry(thread = this.main, addr = this.addr): string {
    const { entry } = this.machine.explain(thread, addr);
    return entry.kind === 'marker' ? entry.bits.join('+') : entry.kind;
  }
}

/** Does something to the page; a text that it returns is what there is to see. */
type Operation = (page: Marked) => unknown;

const operations: [string, Operation][] = [
  ['nothing', () => {}],
  ['WP on', (page) => page.protect(linux.UFFDIO_WRITEPROTECT_MODE_WP)],
  ['WP off', (page) => page.protect(0)],
  ['UNREGISTER', (page) => page.uffd.unregisterSync(page.range)],
  ['MADV_GUARD_REMOVE', (page) => page.advise(linux.MADV_GUARD_REMOVE)],
  ['MADV_DONTNEED', (page) => page.advise(linux.MADV_DONTNEED)],
  ['hole in the file', (page) => page.advise(linux.MADV_REMOVE)],
  ['fork: the child', (page) => page.entry(page.machine.process(page.main.forkSync('child')).main)],
  [
    'mremap: new place',
    (page) => {
      const request = { oldAddress: page.addr, oldSize: PAGE, newSize: PAGE };
      const newAddress = page.start + 64 * PAGE;
      const flags = linux.MREMAP_MAYMOVE | linux.MREMAP_FIXED;
      return page.entry(page.main, page.main.mremapSync({ ...request, newAddress, flags }));
    },
  ],
  ['COPY', (page) => page.uffd.copySync({ dst: page.addr, src: new Uint8Array(PAGE) })],
];

const row = (name: string, cells: readonly string[]): void =>
  console.log([name.padEnd(18), ...cells.map((cell) => cell.padEnd(9))].join(' ').trimEnd());

row('', MARKERS);
for (const [name, operation] of operations) {
  const cells = MARKERS.map((marker) => {
    const page = new Marked(marker);
    const said = operation(page);
    return typeof said === 'string' ? said : page.entry();
  });
  row(name, cells);
}

console.log('\nwho touches the page:');
for (const marker of MARKERS) {
  const page = new Marked(marker);
  const { text } = page.machine.explain(page.main, page.addr);
  const lines = text
    .split('\n')
    .slice(text.split('\n').findIndex((line) => line.startsWith('write')));
  console.log([marker, ...lines.map((line) => `  ${line}`)].join('\n'));
}
