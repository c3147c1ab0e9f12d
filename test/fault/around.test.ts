/**
 * Fault-around: which neighbours a read of a file page maps along, and where it never does.
 */
import {
  MADV_GUARD_INSTALL,
  UFFDIO_REGISTER_MODE_MINOR,
  UFFDIO_REGISTER_MODE_MISSING,
  UFFDIO_REGISTER_MODE_WP,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { statesOf } from '../mm/page-state.js';
import {
  BASE,
  machineWith,
  mapAt,
  memfd,
  newMachine,
  PAGE,
  page,
  pagesAt,
  span,
} from '../support/guest.js';

const [M, W, N] = [
  UFFDIO_REGISTER_MODE_MISSING,
  UFFDIO_REGISTER_MODE_WP,
  UFFDIO_REGISTER_MODE_MINOR,
];
const ALL = Array.from({ length: 64 }, (_, i) => i + 1);

/** A process that maps a memfd of 64 cached pages. */
function mapped(kind: 'shared' | 'private' = 'shared', first = BASE, pages = 64, offset = 0) {
  const machine = newMachine();
  const proc = machine.spawn();
  const fd = memfd(proc.main, 64, ALL);
  mapAt(proc.main, first, pages, { kind, fd, offset: offset * PAGE });
  const shown = () =>
    statesOf(proc, first, pages).flatMap((state, i) => (state === '-' ? [] : [i]));
  return { machine, proc, main: proc.main, fd, shown, at: (n: number) => first + n * PAGE };
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, i) => from + i);

describe('a read of a cached page', () => {
  test.each([
    [20, 16, 32],
    [0, 0, 16],
    [31, 16, 32],
    [63, 48, 64],
  ])('at %i maps the aligned 64 KiB around it, %i to %i', (n, from, to) => {
    const { main, shown, at } = mapped();
    expect(main.load8Sync(at(n))).toBe(n + 1);
    expect(shown()).toEqual(range(from, to));
  });

  test('maps neighbours with the right content, read-only in private memory', () => {
    const { main, at } = mapped('private');
    main.load8Sync(at(20));
    expect([16, 17, 31].map((n) => main.load8Sync(at(n)))).toEqual([17, 18, 32]);
    main.store8Sync(at(17), 99);
    expect([16, 17, 18].map((n) => main.load8Sync(at(n)))).toEqual([17, 99, 19]);
  });

  test('begins the window where the area begins and still maps 16', () => {
    const { main, shown, at } = mapped('shared', BASE + 5 * PAGE, 40);
    main.load8Sync(at(1));
    expect(shown()).toEqual(range(0, 16));
  });

  test('ends where the area ends', () => {
    const { main, shown, at } = mapped('shared', BASE, 20);
    main.load8Sync(at(17));
    expect(shown()).toEqual(range(16, 20));
  });

  test('ends where the page table ends', () => {
    const { main, shown, at } = mapped('shared', BASE + (512 - 8) * PAGE, 32);
    main.load8Sync(at(0));
    expect(shown()).toEqual(range(0, 8));
  });

  test('goes by address, not by place in the file', () => {
    const { main, shown, at } = mapped('shared', BASE, 32, 3);
    expect(main.load8Sync(at(20))).toBe(24);
    expect(shown()).toEqual(range(16, 32));
  });

  test('leaves holes and what lies beyond the end of the file', () => {
    const { main, shown, fd, at } = mapped();
    main.fallocateSync({ fd, mode: 3, offset: 18 * PAGE, length: 2 * PAGE });
    main.ftruncateSync({ fd, length: 30 * PAGE });
    main.load8Sync(at(20));
    expect(shown()).toEqual([16, 17, ...range(20, 30)]);
  });

  test('leaves pages that were allocated and never used', () => {
    const machine = newMachine();
    const proc = machine.spawn();
    const fd = memfd(proc.main, 16, [1]);
    proc.main.fallocateSync({ fd, mode: 0, offset: 0, length: 16 * PAGE });
    mapAt(proc.main, BASE, 16, { kind: 'shared', fd });
    proc.main.load8Sync(BASE);
    expect(statesOf(proc, BASE, 3)).toEqual(['PFX', '-', '-']);
  });

  test('of a hole maps the cached neighbours and a page of zeros', () => {
    const { main, shown, fd, at } = mapped();
    main.fallocateSync({ fd, mode: 3, offset: 20 * PAGE, length: PAGE });
    expect(main.load8Sync(at(20))).toBe(0);
    expect(shown()).toEqual(range(16, 32));
  });
});

describe('what stays in the window', () => {
  test('a guard and a poisoned page keep their markers, their neighbours are mapped', () => {
    const { main, proc, uffd, at } = machineWith({
      kind: 'shared',
      pages: 16,
      cached: ALL.slice(0, 16),
    });
    uffd.poisonSync(pagesAt(at(5)));
    main.madviseSync({ ...span(at(7)), advice: MADV_GUARD_INSTALL });
    main.load8Sync(at(6));
    expect(statesOf(proc, at(4), 5)).toEqual(['PFX', 'Kp', 'PFX', 'Kg', 'PFX']);
  });

  test('a private copy stays', () => {
    const { main, at } = mapped('private');
    main.store8Sync(at(21), 77);
    main.load8Sync(at(20));
    expect(main.load8Sync(at(21))).toBe(77);
  });
});

describe('it does not happen', () => {
  test('on a write', () => {
    for (const kind of ['shared', 'private'] as const) {
      const { main, shown, at } = mapped(kind);
      main.store8Sync(at(20), 1);
      expect(shown()).toEqual([20]);
    }
  });

  test.each([
    ['WP', W, [20]],
    ['MISSING|WP', M | W, [20]],
    ['WP|MINOR', W | N, []],
    ['MISSING', M, range(16, 32)],
  ])('in an area registered %s, except MISSING alone', (_name, mode, expected) => {
    const { main, proc, shown, at } = mapped();
    const uffd = proc.main.userfaultfdSync(0x800);
    uffd.apiSync();
    uffd.registerSync({ ...pagesAt(BASE, 64), mode });
    if ((mode & N) === 0) main.load8Sync(at(20));
    else expect(() => main.load8Sync(at(20))).toThrow('minor fault');
    expect(shown()).toEqual(expected);
  });

  test('in an area registered MINOR: the event is about one page, and one page is mapped', () => {
    const { main, proc, shown, at } = mapped();
    const uffd = proc.main.userfaultfdSync(0x800);
    uffd.apiSync();
    uffd.registerSync({ ...pagesAt(BASE, 64), mode: N });
    uffd.on('pagefault', (fault) => fault.continueSync());
    main.load8Sync(at(20));
    expect(shown()).toEqual([20]);
  });

  test('in anonymous memory', () => {
    const { main, proc, at } = machineWith({ pages: 16, modes: 0 });
    main.load8Sync(at(5));
    expect(statesOf(proc, at(4), 3)).toEqual(['-', 'P', '-']);
  });
});

test('a page that another write changed is read through the mapping that fault-around made', () => {
  const { main, fd, at } = mapped();
  main.load8Sync(at(20));
  main.pwriteSync({ fd, bytes: page(200), offset: 25 * PAGE });
  expect(main.load8Sync(at(25))).toBe(200);
});
