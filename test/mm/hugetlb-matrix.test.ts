/**
 * The tables of `hugetlb-matrix.md`, cell by cell: what each operation makes of a huge page.
 */
import { readFileSync } from 'node:fs';
import * as linux from 'uffd-emulator';
import { describe, expect, test } from 'vitest';

const HUGE = 2 ** 21;
const BASE = 0x2000_0000_0000;
const ADDR = BASE + HUGE;
const ELSEWHERE = BASE + 32 * HUGE;
const RW = linux.PROT_READ | linux.PROT_WRITE;
const WP = linux.UFFDIO_REGISTER_MODE_WP;
const RANGE = { start: ADDR, len: HUGE };
const SPAN = { addr: ADDR, length: HUGE };

/** Four huge pages of a file, and a listener that takes protection off. */
class HugeMatrixPage {
  readonly machine = new linux.Machine({
    config: { memoryFailure: false, softDirty: false },
    nrHugepages: { '2M': 16 },
  });
  readonly proc = this.machine.spawn();
  readonly main = this.proc.main;
  readonly fd = this.main.memfdCreateSync('huge', linux.MFD_HUGETLB);
  readonly uffd: linux.Userfaultfd;
  events = '';

  constructor(flags: number, state: string) {
    const { main, fd } = this;
    main.ftruncateSync({ fd, length: 4 * HUGE });
    const all = { length: 4 * HUGE, prot: RW, fd, offset: 0 };
    main.mmapSync({ ...all, addr: BASE, flags: flags | linux.MAP_FIXED });
    main.load8Sync(BASE); // a table is there
    this.uffd = main.userfaultfdSync(linux.O_NONBLOCK);
    this.uffd.apiSync({ features: 0 });
    this.#enter(state);
    this.uffd.on('pagefault', (fault) => {
      this.events += `[${fault.wp ? 'WP' : 'MISS'}${fault.write ? '+w' : ''}]`;
      this.uffd.writeprotectSync({ ...RANGE, mode: 0 });
    });
  }

  #enter(state: string): void {
    const { main, uffd, fd } = this;
    if (state.startsWith('present rw') || state.startsWith('rw')) main.store8Sync(ADDR, 1);
    if (state.startsWith('present rd') || state.startsWith('rd')) main.load8Sync(ADDR);
    if (state === 'N+cache') {
      const other = { length: HUGE, prot: RW, fd, offset: HUGE, flags: linux.MAP_SHARED };
      const addr = main.mmapSync(other);
      main.store8Sync(addr, 7);
      main.munmapSync({ addr, length: HUGE });
    }
    uffd.registerSync({ start: BASE, len: 4 * HUGE, mode: WP });
    if (state.endsWith('+wp') || state === 'Kw') uffd.writeprotectSync({ ...RANGE, mode: 1 });
    if (state === 'Kp') uffd.poisonSync(RANGE);
  }

  state(addr = ADDR, process = this.proc): string {
    const { entry } = this.machine.explain(process.main, addr);
    if (entry.kind === 'marker') return entry.bits.includes('poisoned') ? 'Kp' : 'Kw';
    const [word = 0n] = process.pagemap({ addr, length: 4096 });
    const letters = [
      ['P', linux.PM_PRESENT_BIT],
      ['F', linux.PM_FILE_BIT],
      ['W', linux.PM_UFFD_WP_BIT],
      ['X', linux.PM_MMAP_EXCLUSIVE_BIT],
    ] as const;
    const set = letters.filter(([, bit]) => ((word >> BigInt(bit)) & 1n) === 1n);
    return set.map(([letter]) => letter).join('') || '-';
  }
}

const access = (it: HugeMatrixPage, kind: 'load8Sync' | 'store8Sync'): string => {
  it.events = '';
  try {
    it.main[kind](ADDR, 9);
  } catch (error) {
    if (error instanceof linux.SignalError) return `BUS→${it.state()}`;
    throw error;
  }
  return `${it.events}→${it.state()}`;
};

type Operation = (it: HugeMatrixPage) => unknown;

const advise =
  (advice: number): Operation =>
  ({ main }) =>
    main.madviseSync({ ...SPAN, advice });

const remap =
  (more: number): Operation =>
  (it) => {
    const flags = linux.MREMAP_MAYMOVE | linux.MREMAP_FIXED | more;
    const sizes = { oldSize: HUGE, newSize: HUGE };
    it.main.mremapSync({ oldAddress: ADDR, ...sizes, newAddress: ELSEWHERE, flags });
    return it.state(ELSEWHERE);
  };

/** A small anonymous page, registered for moves into it. */
function small({ main, uffd }: HugeMatrixPage): number {
  const flags = linux.MAP_PRIVATE | linux.MAP_ANONYMOUS;
  const addr = main.mmapSync({ length: HUGE, prot: RW, flags });
  uffd.registerSync({ start: addr, len: HUGE, mode: linux.UFFDIO_REGISTER_MODE_MISSING });
  return addr;
}

const source = new Uint8Array(HUGE).fill(3);

const OPERATIONS: Readonly<Record<string, Operation>> = {
  '(start)': () => {},
  read: (it) => access(it, 'load8Sync'),
  'then write': (it) => {
    access(it, 'load8Sync');
    return access(it, 'store8Sync');
  },
  WPon: ({ uffd }) => uffd.writeprotectSync({ ...RANGE, mode: 1 }),
  WPoff: ({ uffd }) => uffd.writeprotectSync({ ...RANGE, mode: 0 }),
  unreg: ({ uffd }) => uffd.unregisterSync(RANGE),
  DONTNEED: advise(linux.MADV_DONTNEED),
  FREE: advise(linux.MADV_FREE),
  REMOVE: advise(linux.MADV_REMOVE),
  PAGEOUT: advise(linux.MADV_PAGEOUT),
  POP_R: advise(linux.MADV_POPULATE_READ),
  POP_W: advise(linux.MADV_POPULATE_WRITE),
  GUARD: advise(linux.MADV_GUARD_INSTALL),
  UNGUARD: advise(linux.MADV_GUARD_REMOVE),
  PUNCH: ({ main, fd }) => {
    const mode = linux.FALLOC_FL_PUNCH_HOLE | linux.FALLOC_FL_KEEP_SIZE;
    main.fallocateSync({ fd, mode, offset: HUGE, length: HUGE });
  },
  TRUNC: ({ main, fd }) => {
    main.ftruncateSync({ fd, length: HUGE });
    main.ftruncateSync({ fd, length: 4 * HUGE });
  },
  mremap: remap(0),
  mremapDU: remap(linux.MREMAP_DONTUNMAP),
  COPY: ({ uffd }) => uffd.copySync({ dst: ADDR, src: source }),
  COPYwp: ({ uffd }) => uffd.copySync({ dst: ADDR, src: source, mode: linux.UFFDIO_COPY_MODE_WP }),
  ZERO: ({ uffd }) => uffd.zeropageSync(RANGE),
  CONT: ({ uffd }) => uffd.continueSync(RANGE),
  POISON: ({ uffd }) => uffd.poisonSync(RANGE),
  MOVEfrom: (it) => it.uffd.moveSync({ dst: small(it), src: ADDR, len: HUGE }),
  MOVEto: (it) => it.uffd.moveSync({ dst: ADDR, src: small(it), len: HUGE }),
  forkC: (it) => it.state(ADDR, it.machine.process(it.main.forkSync())),
  mincore: ({ main }) => String(main.mincoreSync(SPAN)[0]),
};

function play(flags: number, column: string, operation: Operation): string {
  const page = new HugeMatrixPage(flags, column);
  page.events = '';
  try {
    const said = operation(page);
    page.machine.checkInvariants();
    const text = typeof said === 'string' ? said : page.events + page.state();
    page.machine.close();
    page.machine.checkInvariants();
    expect(page.machine.hugepages()).toEqual({ total: 16, free: 16, reserved: 0 });
    return text;
  } catch (error) {
    if (error instanceof linux.KernelError) return page.events + error.code;
    throw error;
  }
}

const cellsOf = (line: string): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());

const sections = readFileSync(new URL('hugetlb-matrix.md', import.meta.url), 'utf8')
  .split('\n## ')
  .slice(1);

describe.each(sections.map((section) => [section.split('\n')[0] ?? '', section]))(
  '%s',
  (title, section) => {
    const flags = title.includes('SHARED') ? linux.MAP_SHARED : linux.MAP_PRIVATE;
    const [head = [], , ...body] = section
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .map(cellsOf);
    const columns = head.slice(1);
    const constant = section.split('Constant rows: ')[1] ?? '';
    const rows = body.map(([name = '', ...cells]): [string, string[]] => [name, cells]);
    for (const [, name = '', cell = ''] of constant.matchAll(/(\w+)=(\w+)/g)) {
      rows.push([name, columns.map(() => cell)]);
    }

    test.each(rows)('%s', (name, cells) => {
      const operation = OPERATIONS[name];
      if (operation === undefined) throw new Error(`no operation is called ${name}`);
      const played = columns.map((column) => [column, play(flags, column, operation)]);
      const expected = columns.map((column, i) => [column, cells[i]]);
      expect(Object.fromEntries(played)).toEqual(Object.fromEntries(expected));
    });
  },
);
