/** The 4-level walk: where addresses lead, what is made on the way, and what a visit leaves out. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PAGE_SIZE, PMD_SIZE, TASK_SIZE } from '../../src/base/page.js';
import { NO_SLOT, NO_TABLE, type Slot, TableArena } from '../../src/pgtable/arena.js';
import {
  collectTables,
  detachLeafTable,
  leafTable,
  visitRange,
  walk,
  walkOrCreate,
} from '../../src/pgtable/walk.js';

const GIB = 2 ** 30;
const TIB = 2 ** 40;

function tree(tablesMax = 10_000) {
  const arena = new TableArena(tablesMax);
  const root = arena.alloc();
  return {
    arena,
    root,
    walk: (addr: number) => walk(arena, root, addr),
    create: (addr: number) => walkOrCreate(arena, root, addr, () => arena.alloc()),
  };
}

const pages = fc
  .bigInt({ min: 0n, max: BigInt(TASK_SIZE / PAGE_SIZE - 1) })
  .map((n) => Number(n) * PAGE_SIZE);

describe('walk', () => {
  test('finds nothing in an empty tree and makes nothing', () => {
    const { arena, walk } = tree();
    expect(walk(0)).toBe(NO_SLOT);
    expect(walk(TASK_SIZE - PAGE_SIZE)).toBe(NO_SLOT);
    expect(arena.used).toBe(1);
  });

  test('finds the slot that walkOrCreate made, for every address of the page', () => {
    fc.assert(
      fc.property(pages, fc.nat({ max: PAGE_SIZE - 1 }), (page, offset) => {
        const { create, walk } = tree();
        const slot = create(page);
        expect(slot).not.toBe(NO_SLOT);
        expect(walk(page + offset)).toBe(slot);
      }),
    );
  });

  test('gives different pages different slots', () => {
    fc.assert(
      fc.property(fc.uniqueArray(pages, { maxLength: 20 }), (list) => {
        const { create } = tree();
        expect(new Set(list.map(create)).size).toBe(list.length);
      }),
    );
  });

  test('reaches the first and the last page of user space', () => {
    const { create, walk } = tree();
    const ends = [0, TASK_SIZE - PAGE_SIZE];
    const slots = ends.map(create);
    expect(ends.map(walk)).toEqual(slots);
  });
});

describe('walkOrCreate', () => {
  test('makes three tables for a first page and none for its neighbour', () => {
    const { arena, create } = tree();
    create(0);
    expect(arena.used).toBe(4);
    create(PAGE_SIZE);
    expect(arena.used).toBe(4);
    create(PMD_SIZE);
    expect(arena.used).toBe(5);
    create(GIB);
    expect(arena.used).toBe(7);
    create(512 * GIB);
    expect(arena.used).toBe(10);
  });

  test('answers NO_SLOT when tables are short; those made so far are found later', () => {
    const { arena, root, create } = tree(3);
    expect(create(0)).toBe(NO_SLOT);
    expect(leafTable(arena, root, 0)).toBe(NO_TABLE);
    expect(collectTables(arena, root)).toHaveLength(3);
  });
});

describe('visitRange', () => {
  type Run = [slot: Slot, addr: number, count: number];

  function runs({ arena, root }: ReturnType<typeof tree>, start: number, end: number): Run[] {
    const seen: Run[] = [];
    visitRange(arena, root, start, end, (slot, addr, count) => seen.push([slot, addr, count]));
    return seen;
  }

  test('sees one run for each table, cut to the range', () => {
    const made = tree();
    const [low, high] = [made.create(0), made.create(PMD_SIZE)];
    expect(runs(made, PMD_SIZE - 2 * PAGE_SIZE, PMD_SIZE + 3 * PAGE_SIZE)).toEqual([
      [low + 510, PMD_SIZE - 2 * PAGE_SIZE, 2],
      [high, PMD_SIZE, 3],
    ]);
  });

  test('sees nothing in an empty range', () => {
    const made = tree();
    made.create(0);
    expect(runs(made, PAGE_SIZE, PAGE_SIZE)).toEqual([]);
  });

  test('skips a sparse TiB: two runs at its ends, one in the middle', () => {
    const made = tree();
    const at = [TIB, TIB + 512 * GIB + 7 * PAGE_SIZE, 2 * TIB - PAGE_SIZE];
    for (const addr of at) made.create(addr);
    const seen = runs(made, TIB, 2 * TIB);
    expect(seen.map(([, addr, count]) => [addr, count])).toEqual([
      [TIB, 512],
      [TIB + 512 * GIB, 512],
      [2 * TIB - PMD_SIZE, 512],
    ]);
  });

  test('goes over all of user space without looking at each page', () => {
    expect(runs(tree(), 0, TASK_SIZE)).toEqual([]);
  });

  test('covers exactly the pages of the range whose tables exist', () => {
    const range = fc
      .tuple(fc.nat({ max: 3000 }), fc.nat({ max: 3000 }))
      .map(([a, b]) => [Math.min(a, b) * PAGE_SIZE, Math.max(a, b) * PAGE_SIZE] as const);
    const somewhere = fc.array(fc.nat({ max: 3000 }), { maxLength: 4 });
    fc.assert(
      fc.property(somewhere, range, (list, [start, end]) => {
        const made = tree();
        for (const n of list) made.create(n * PAGE_SIZE);
        const seen = runs(made, start, end).flatMap(([slot, addr, count]) =>
          Array.from({ length: count }, (_, i) => [addr + i * PAGE_SIZE, slot + i]),
        );
        const expected: [number, Slot][] = [];
        for (let addr = start; addr < end; addr += PAGE_SIZE) {
          if (made.walk(addr) !== NO_SLOT) expected.push([addr, made.walk(addr)]);
        }
        expect(seen).toEqual(expected);
      }),
    );
  });
});

describe('tables', () => {
  test('a detached leaf table is gone from the tree and returned once', () => {
    const { arena, root, create, walk } = tree();
    create(PMD_SIZE);
    const leaf = leafTable(arena, root, PMD_SIZE);
    expect(detachLeafTable(arena, root, PMD_SIZE + 5 * PAGE_SIZE)).toBe(leaf);
    expect(walk(PMD_SIZE)).toBe(NO_SLOT);
    expect(detachLeafTable(arena, root, PMD_SIZE)).toBe(NO_TABLE);
    expect(detachLeafTable(arena, root, TIB)).toBe(NO_TABLE);
  });

  test('collectTables finds each table once, children before their parent', () => {
    const { arena, root, create } = tree();
    for (const addr of [0, GIB, TIB]) create(addr);
    const all = collectTables(arena, root);
    expect(all).toHaveLength(arena.used);
    expect(new Set(all).size).toBe(arena.used);
    expect(all.at(-1)).toBe(root);
  });
});
