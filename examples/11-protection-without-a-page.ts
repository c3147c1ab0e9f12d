/**
 * Write protection of a file's page while the page is not there. Anonymous memory has swap entries
 * to keep a bit in; a page of a file is simply unmapped, by reclaim, by a hole that somebody else
 * punches, by MADV_DONTNEED, and nothing would be left. PTE_MARKER_UFFD_WP is what is left: an
 * entry that says "protected" and no more. Kernels before 5.19 had none, and refused to register.
 * Run it with `npx tsx examples/11-protection-without-a-page.ts`.
 */
import * as linux from 'uffd-emulator';

const PAGE = 4096;
const range = (addr: number) => ({ addr, length: PAGE });

/** Two pages of a memfd, written and protected; the second mapping is nobody's business. */
class Protected {
  readonly machine = new linux.Machine();
  readonly main = this.machine.spawn({ name: 'guest' }).main;
  readonly uffd = this.main.userfaultfdSync(linux.O_NONBLOCK);
  readonly fd = this.main.memfdCreateSync('ram');
  readonly start: number;

  constructor() {
    const { main, uffd, fd } = this;
    this.machine.swapOn({ size: 16 * PAGE });
    main.ftruncateSync({ fd, length: 2 * PAGE });
    const prot = linux.PROT_READ | linux.PROT_WRITE;
    this.start = main.mmapSync({ length: 2 * PAGE, prot, flags: linux.MAP_SHARED, fd });
    uffd.apiSync();
    const area = { start: this.start, len: 2 * PAGE };
    uffd.registerSync({ ...area, mode: linux.UFFDIO_REGISTER_MODE_WP });
    main.store8Sync(this.start, 7);
    uffd.writeprotectSync({ ...area, mode: linux.UFFDIO_WRITEPROTECT_MODE_WP });
  }

  entry(): string {
    const { entry } = this.machine.explain(this.main, this.start);
    if (entry.kind === 'marker') return `marker ${entry.bits.join()}`;
    if (entry.kind !== 'present') return entry.kind;
    return entry.uffdWp ? 'present, uffd-wp' : 'present';
  }

  /** Whether the first store to the page is seen. */
  storeIsSeen(): string {
    const vcpu = this.machine.processes[0]?.createThread('vcpu0');
    void vcpu?.store8(this.start, 8).catch(() => {});
    const message = this.uffd.readMsgSync();
    return message === undefined ? 'silent' : message.event;
  }
}

const ways: [string, (guest: Protected) => unknown][] = [
  ['nothing', () => {}],
  ['reclaim', ({ machine }) => machine.reclaim(8)],
  ['MADV_PAGEOUT', ({ main, start }) => advise(main, start, linux.MADV_PAGEOUT)],
  ['MADV_DONTNEED', ({ main, start }) => advise(main, start, linux.MADV_DONTNEED)],
  ['hole in the file', ({ main, fd }) => main.fallocateSync(hole(fd))],
  ['ftruncate, grown again', ({ main, fd }) => [0, 2 * PAGE].forEach(resize(main, fd))],
  ['moved to another frame', ({ machine }) => compactAll(machine)],
  ['WP off, DONTNEED', (guest) => unprotectAndDrop(guest)],
  ['munmap, mapped again', (guest) => mapAgain(guest)],
];

const advise = (main: linux.Thread, addr: number, advice: number): void =>
  main.madviseSync({ ...range(addr), advice });

const hole = (fd: number) => ({
  fd,
  mode: linux.FALLOC_FL_PUNCH_HOLE | linux.FALLOC_FL_KEEP_SIZE,
  offset: 0,
  length: PAGE,
});

const resize = (main: linux.Thread, fd: number) => (length: number) =>
  main.ftruncateSync({ fd, length });

function compactAll(machine: linux.Machine): void {
  for (const process of machine.processes) machine.compact(process);
}

function unprotectAndDrop({ main, uffd, start }: Protected): void {
  uffd.writeprotectSync({ start, len: PAGE, mode: 0 });
  advise(main, start, linux.MADV_DONTNEED);
}

function mapAgain({ main, fd, start }: Protected): void {
  main.munmapSync(range(start));
  const prot = linux.PROT_READ | linux.PROT_WRITE;
  const flags = linux.MAP_SHARED | linux.MAP_FIXED;
  main.mmapSync({ ...range(start), prot, flags, fd });
}

const row = (...cells: string[]): void =>
  console.log(
    cells
      .map((cell) => cell.padEnd(24))
      .join('')
      .trimEnd(),
  );

row('the page was protected;', 'its entry then', 'read again', 'and the first store');
for (const [name, lose] of ways) {
  const guest = new Protected();
  lose(guest);
  const left = guest.entry();
  const value = guest.main.load8Sync(guest.start);
  row(name, left, `${value}, ${guest.entry()}`, guest.storeIsSeen());
}
