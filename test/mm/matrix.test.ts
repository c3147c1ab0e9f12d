/**
 * The tables of `matrix.md`, cell by cell: what each operation makes of a page in each state.
 */
import { readFileSync } from 'node:fs';
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  KernelError,
  KernelHangError,
  MADV_COLD,
  MADV_DONTNEED,
  MADV_DONTNEED_LOCKED,
  MADV_FREE,
  MADV_GUARD_INSTALL,
  MADV_GUARD_REMOVE,
  MADV_PAGEOUT,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  MADV_REMOVE,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_READ,
  SignalError,
  UFFDIO_COPY_MODE_WP,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { BASE, PAGE, page, RW } from '../support/guest.js';
import { MatrixPage, PRIVATE_ON_DISK, SETTINGS, type Setting } from './matrix-page.js';
import { pageState } from './page-state.js';

/** A table: its columns, and its rows as cells. */
interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: ReadonlyMap<string, readonly string[]>;
}

const text = readFileSync(new URL('matrix.md', import.meta.url), 'utf8');
const tables = text.split('\n## ').slice(1).map(parseTable);

function cellsOf(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}

function parseTable(section: string): Table {
  const [title = '', ...lines] = section.split('\n');
  const [head = [], , ...body] = lines.filter((line) => line.startsWith('|')).map(cellsOf);
  const columns = head.slice(1);
  const rows = new Map(body.map(([name = '', ...cells]) => [name, cells]));
  const constant = lines.find((line) => line.startsWith('Constant rows: ')) ?? '';
  for (const [, name = '', cell = ''] of constant.matchAll(/(\w+)=(\w+)/g)) {
    rows.set(
      name,
      columns.map(() => cell),
    );
  }
  return { title, columns, rows };
}

/** Does something to the page; a text that it returns is the cell, else the page's state. */
type Operation = (page: MatrixPage) => unknown;

const advise =
  (advice: number): Operation =>
  ({ main, span }) =>
    main.madviseSync({ ...span, advice });

const access = (it: MatrixPage, write: boolean): string => {
  try {
    write ? it.main.store8Sync(it.addr, 9) : it.main.load8Sync(it.addr);
  } catch (error) {
    if (!(error instanceof SignalError)) throw error;
    return error.signal === 'SIGBUS' ? 'BUS→' : 'SEGV→';
  }
  return `${it.takeEvents()}→`;
};

const withState = (it: MatrixPage, before: string): string => before + pageState(it.proc, it.addr);

const remap =
  (more = 0): Operation =>
  (it) => {
    const to = BASE + 32 * PAGE;
    it.main.mremapSync({
      oldAddress: it.addr,
      oldSize: PAGE,
      newSize: PAGE,
      newAddress: to,
      flags: MREMAP_MAYMOVE | MREMAP_FIXED | more,
    });
    return pageState(it.proc, to);
  };

const OPERATIONS: Readonly<Record<string, Operation>> = {
  '(start)': () => {},
  read: (it) => withState(it, access(it, false)),
  'then write': (it) => {
    access(it, false);
    return withState(it, access(it, true));
  },
  WPon: ({ uffd, range }) => uffd.writeprotectSync({ ...range, mode: 1 }),
  WPoff: ({ uffd, range }) => uffd.writeprotectSync({ ...range, mode: 0 }),
  unreg: ({ uffd, range }) => uffd.unregisterSync(range),
  close: ({ uffd }) => uffd.close(),
  DONTNEED: advise(MADV_DONTNEED),
  DONTNEED_LOCKED: advise(MADV_DONTNEED_LOCKED),
  FREE: advise(MADV_FREE),
  REMOVE: advise(MADV_REMOVE),
  PAGEOUT: advise(MADV_PAGEOUT),
  COLD: advise(MADV_COLD),
  POP_R: advise(MADV_POPULATE_READ),
  POP_W: advise(MADV_POPULATE_WRITE),
  GUARD: advise(MADV_GUARD_INSTALL),
  UNGUARD: advise(MADV_GUARD_REMOVE),
  PUNCH: ({ main, fd }) => {
    const mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    main.fallocateSync({ fd, mode, offset: PAGE, length: PAGE });
  },
  TRUNC: ({ main, fd }) => {
    main.ftruncateSync({ fd, length: PAGE });
    main.ftruncateSync({ fd, length: 4 * PAGE });
  },
  mprotect: ({ main, span }) => {
    main.mprotectSync({ ...span, prot: PROT_READ });
    main.mprotectSync({ ...span, prot: RW });
  },
  mremap: remap(),
  mremapDU: remap(MREMAP_DONTUNMAP),
  COPY: ({ uffd, addr }) => uffd.copySync({ dst: addr, src: page(3) }),
  COPYwp: ({ uffd, addr }) => uffd.copySync({ dst: addr, src: page(3), mode: UFFDIO_COPY_MODE_WP }),
  ZERO: ({ uffd, range }) => uffd.zeropageSync(range),
  CONT: ({ uffd, range }) => uffd.continueSync(range),
  POISON: ({ uffd, range }) => uffd.poisonSync(range),
  MOVEfrom: (it) => {
    const dst = it.elsewhere({ registered: true });
    it.uffd.moveSync({ dst, src: it.addr, len: PAGE });
    const source = pageState(it.proc, it.addr);
    it.main.load8Sync(dst);
    return `${source}/${pageState(it.proc, dst)}`;
  },
  MOVEto: (it) => {
    const src = it.elsewhere({ registered: false });
    it.main.store8Sync(src, 1);
    it.uffd.moveSync({ dst: it.addr, src, len: PAGE });
  },
  forkC: (it) => pageState(it.machine.process(it.main.forkSync()), it.addr),
  mincore: ({ main, span }) => String(main.mincoreSync(span)[0]),
};

/** Plays one cell and writes down what came out. */
function play(setting: Setting | undefined, column: string, operation: Operation): string {
  if (setting === undefined) throw new Error('no memory is set up for a table');
  const it = new MatrixPage(setting).enter(column);
  try {
    const said = operation(it);
    return it.takeEvents() + (typeof said === 'string' ? said : pageState(it.proc, it.addr));
  } catch (error) {
    if (error instanceof KernelError) return it.takeEvents() + error.code;
    if (error instanceof KernelHangError) return 'HANG';
    throw error;
  }
}

const byColumn = ({ columns }: Table, cells: readonly (string | undefined)[]) =>
  Object.fromEntries(columns.map((column, i) => [column, cells[i]]));

/** Rows that equal another one in every table. */
const EQUAL_ROWS = {
  close: 'unreg',
  DONTNEED_LOCKED: 'DONTNEED',
  COLD: '(start)',
  mprotect: '(start)',
  mremapDU: 'mremap',
} as const;

describe.each(tables)('$title', (table) => {
  const row = (name: string) => {
    const operation = OPERATIONS[name];
    if (operation === undefined) throw new Error(`no operation is called ${name}`);
    const played = table.columns.map((column) => play(SETTINGS[table.title], column, operation));
    return byColumn(table, played);
  };

  test.each([...table.rows])('%s', (name, cells) => {
    expect(row(name)).toEqual(byColumn(table, cells));
  });

  test.each(Object.entries(EQUAL_ROWS))('%s gives what %s gives', (name, other) => {
    expect(row(name)).toEqual(byColumn(table, table.rows.get(other) ?? []));
  });
});

test('there are six tables, each with its memory', () => {
  expect(tables.map(({ title }) => title)).toEqual(Object.keys(SETTINGS));
  const cells = tables.flatMap(({ rows }) => [...rows.values()]).flat();
  expect(cells.length).toBe(1586);
});

describe('a private mapping of a regular file, registered WP with WP_ASYNC', () => {
  const table = tables.find(({ title }) => title === 'shmem MAP_PRIVATE, registered WP');
  const columns = (table?.columns ?? []).filter((column) => !['Kp', 'N+cache'].includes(column));
  const fills = ['COPY', 'COPYwp', 'ZERO', 'CONT', 'POISON'];
  const rows = [...(table?.rows ?? [])].filter(([name]) => name !== 'mincore');

  test.each(rows)('%s is as of shmem, without messages, and not filled', (name, cells) => {
    const operation = OPERATIONS[name];
    if (operation === undefined) throw new Error(`no operation is called ${name}`);
    for (const column of columns) {
      const cell = cells[table?.columns.indexOf(column) ?? 0] ?? '';
      const expected = fills.includes(name) ? 'EINVAL' : cell.replace('[WP+w]', '');
      expect([column, play(PRIVATE_ON_DISK, column, operation)]).toEqual([column, expected]);
    }
  });
});
