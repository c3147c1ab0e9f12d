/**
 * Which areas become one: everything that tells two neighbours apart, one thing at a time, and the
 * rules for areas that have pages of their own. `start-end` in pages; kernels that differ by name.
 */
import {
  type KernelVersion,
  MADV_DONTFORK,
  MADV_GUARD_INSTALL,
  MADV_NORMAL,
  MADV_RANDOM,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_LOCKED,
  MAP_NORESERVE,
  MAP_SHARED,
  PROT_NONE,
  PROT_READ,
  type Process,
  type Thread,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import {
  ANON,
  anotherUffd,
  BASE,
  M,
  mapAt,
  memfd,
  newMachine,
  PAGE,
  pagesAt,
  RW,
  span,
  W,
} from '../support/guest.js';

const at = (n: number): number => BASE + n * PAGE;

/** Areas as `start-end` in pages, joined with blanks. */
const areasOf = (proc: Process): string =>
  proc
    .maps()
    .map(({ start, end }) => `${(start - BASE) / PAGE}-${(end - BASE) / PAGE}`)
    .join(' ');

interface World {
  readonly proc: Process;
  readonly main: Thread;
  areas(): string;
}

function world(kernel: KernelVersion = '6.18'): World {
  const proc = newMachine({ kernel }).spawn();
  return { proc, main: proc.main, areas: () => areasOf(proc) };
}

const touch = (main: Thread, ...pages: number[]): void => {
  for (const n of pages) main.store8Sync(at(n), 1);
};

describe('two mappings next to each other', () => {
  const map = (main: Thread, n: number) => mapAt(main, at(n), 1);

  test('that are alike are one, in either order', () => {
    const { main, areas } = world();
    map(main, 0);
    map(main, 1);
    map(main, 4);
    map(main, 3);
    expect(areas()).toBe('0-2 3-5');
    map(main, 2);
    expect(areas()).toBe('0-5');
  });

  test.each([
    ['rights', PROT_READ, ANON],
    ['MAP_NORESERVE', RW, ANON | MAP_NORESERVE],
    ['MAP_LOCKED', RW, ANON | MAP_LOCKED],
    ['being shared', RW, MAP_ANONYMOUS | MAP_SHARED],
  ])('stay apart by %s', (_name, prot, flags) => {
    const { main, areas } = world();
    map(main, 0);
    main.mmapSync({ addr: at(1), length: PAGE, prot, flags: flags | MAP_FIXED });
    expect(areas()).toBe('0-1 1-2');
  });

  test('stay apart when each has pages of its own from before they met', () => {
    const { main, areas } = world();
    mapAt(main, at(0), 1);
    mapAt(main, at(2), 1);
    touch(main, 0, 2);
    mapAt(main, at(1), 1);
    expect(areas()).toBe('0-2 2-3');
  });

  test('are one when only one of them has pages', () => {
    const { main, areas } = world();
    mapAt(main, at(0), 1);
    touch(main, 0);
    mapAt(main, at(1), 1);
    touch(main, 1);
    expect(areas()).toBe('0-2');
  });

  test.each([
    ['5.10', '0-2 2-3'],
    ['5.19', '0-2 2-3'],
    ['6.1', '0-1 1-3'],
    ['6.6', '0-2 2-3'],
    ['6.18', '0-2 2-3'],
    ['7.3', '0-2 2-3'],
  ] as const)('on %s the mapping between two that cannot join goes so: %s', (kernel, expected) => {
    const { main, areas } = world(kernel);
    mapAt(main, at(0), 1);
    mapAt(main, at(2), 1);
    touch(main, 0, 2);
    mapAt(main, at(1), 1);
    expect(areas()).toBe(expected);
  });
});

describe('mappings of a file', () => {
  test.each([
    ['in a row are one', 0, 1, '0-2'],
    ['at the same offset are two', 0, 0, '0-1 1-2'],
    ['in reverse are two', 1, 0, '0-1 1-2'],
  ])('%s', (_name, first, second, expected) => {
    const { main, areas } = world();
    const fd = memfd(main, 4);
    mapAt(main, at(0), 1, { kind: 'shared', fd, offset: first * PAGE });
    mapAt(main, at(1), 1, { kind: 'shared', fd, offset: second * PAGE });
    expect(areas()).toBe(expected);
  });

  test('of two files are two', () => {
    const { main, areas } = world();
    const [one, other] = [memfd(main, 4), memfd(main, 4)];
    mapAt(main, at(0), 1, { kind: 'shared', fd: one });
    mapAt(main, at(1), 1, { kind: 'shared', fd: other, offset: PAGE });
    expect(areas()).toBe('0-1 1-2');
  });

  test('through a duplicate of the descriptor are one, through a reopened one two', () => {
    const { main, areas } = world();
    const fd = memfd(main, 4);
    mapAt(main, at(0), 1, { kind: 'private', fd });
    mapAt(main, at(1), 1, { kind: 'private', fd: main.dupSync(fd), offset: PAGE });
    const reopened = main.reopenReadOnlySync(fd);
    mapAt(main, at(2), 1, { kind: 'private', fd: reopened, offset: 2 * PAGE });
    expect(areas()).toBe('0-2 2-3');
  });
});

describe('mprotect', () => {
  test('splits and joins again, with and without pages', () => {
    for (const pages of [[], [0], [1], [0, 1, 2, 3]]) {
      const { main, areas } = world();
      mapAt(main, at(0), 4);
      touch(main, ...pages);
      main.mprotectSync({ ...span(at(1), 2), prot: PROT_NONE });
      expect(areas()).toBe('0-1 1-3 3-4');
      main.mprotectSync({ ...span(at(1), 2), prot: RW });
      // what was never written gives its charge back and differs in that until it is writable
      expect(areas()).toBe('0-4');
    }
  });

  test('of a range that has the rights changes nothing', () => {
    const { main, areas } = world();
    mapAt(main, at(0), 4);
    main.mprotectSync({ ...span(at(1), 2), prot: RW });
    expect(areas()).toBe('0-4');
  });

  test('leaves an area apart that stays charged: it had pages when it became read-only', () => {
    const { main, areas } = world();
    mapAt(main, at(0), 1);
    touch(main, 0);
    main.mprotectSync({ ...span(at(0)), prot: PROT_READ });
    mapAt(main, at(1), 1, { prot: PROT_READ });
    expect(areas()).toBe('0-1 1-2');
  });

  test('of an area that has the rights already does not take its charge away', () => {
    const { main, areas } = world();
    mapAt(main, at(0), 2);
    touch(main, 0);
    main.mprotectSync({ ...span(at(0)), prot: PROT_READ });
    const flags = 1 | 2 | 4; // MAYMOVE | FIXED | DONTUNMAP: the pages go, the area stays
    const move = { oldAddress: at(0), oldSize: PAGE, newSize: PAGE, newAddress: at(9) };
    main.mremapSync({ ...move, flags });
    mapAt(main, at(1), 1); // never used: gives its charge back with the right to write
    main.mprotectSync({ ...span(at(0), 2), prot: PROT_READ });
    expect(areas()).toBe('0-1 1-2 9-10');
  });
});

describe('madvise', () => {
  test('splits for advice that is kept in the area and joins when it is taken back', () => {
    const { main, areas } = world();
    mapAt(main, at(0), 3);
    main.madviseSync({ ...span(at(1)), advice: MADV_RANDOM });
    expect(areas()).toBe('0-1 1-2 2-3');
    main.madviseSync({ ...span(at(1)), advice: MADV_NORMAL });
    expect(areas()).toBe('0-3');
    main.madviseSync({ ...span(at(0)), advice: MADV_DONTFORK });
    expect(areas()).toBe('0-1 1-3');
  });

  test('of MERGEABLE on a shared mapping changes nothing', () => {
    const { main, proc, areas } = world();
    const fd = memfd(main, 4);
    mapAt(main, at(0), 4, { kind: 'shared', fd });
    main.madviseSync({ ...span(at(1)), advice: 12 });
    expect(areas()).toBe('0-4');
    expect(proc.maps()[0]?.vmFlags).not.toContain('mg');
  });

  test('of GUARD_INSTALL splits nothing and keeps nobody apart', () => {
    const { main, areas } = world();
    mapAt(main, at(0), 11);
    main.mprotectSync({ ...span(at(6), 3), prot: 7 });
    main.madviseSync({ ...span(at(8), 2), advice: MADV_GUARD_INSTALL });
    expect(areas()).toBe('0-6 6-9 9-11');
    main.mprotectSync({ ...span(at(5), 4), prot: RW });
    expect(areas()).toBe('0-11');
  });

  test('of GUARD_INSTALL gives an owner to anonymous areas, to those of a file none', () => {
    const joined = (kind: 'anon' | 'private') => {
      const { main, areas } = world();
      const fd = memfd(main, 4);
      mapAt(main, at(0), 4, { kind, fd });
      main.madviseSync({ ...span(at(2), 2), advice: MADV_RANDOM });
      touch(main, 3);
      main.madviseSync({ ...span(at(0)), advice: MADV_GUARD_INSTALL });
      main.madviseSync({ ...span(at(2), 2), advice: MADV_NORMAL });
      return areas();
    };
    expect([joined('anon'), joined('private')]).toEqual(['0-2 2-4', '0-4']);
  });
});

describe('an owner of anonymous pages', () => {
  test('is taken over from a neighbour that differs in rights alone', () => {
    const { main, areas } = world();
    mapAt(main, at(0), 2);
    touch(main, 0);
    main.mprotectSync({ ...span(at(1)), prot: 7 });
    touch(main, 1);
    main.mprotectSync({ ...span(at(1)), prot: RW });
    expect(areas()).toBe('0-2');
  });

  test('is not taken over from one that differs in advice', () => {
    const { main, areas } = world();
    mapAt(main, at(0), 2);
    main.madviseSync({ ...span(at(1)), advice: MADV_RANDOM });
    touch(main, 0, 1);
    main.madviseSync({ ...span(at(1)), advice: MADV_NORMAL });
    expect(areas()).toBe('0-1 1-2');
  });

  test('is taken over across a guard that only one of the two has', () => {
    const { main, areas } = world();
    mapAt(main, at(0), 9);
    mapAt(main, at(2), 5, { prot: 7 });
    main.madviseSync({ ...span(at(4), 2), advice: MADV_GUARD_INSTALL });
    mapAt(main, at(1), 2);
    touch(main, 1, 2);
    main.mprotectSync({ ...span(at(0), 3), prot: 7 });
    expect(areas()).toBe('0-7 7-9');
  });
});

describe('registrations', () => {
  test('keep areas apart by context and by mode, and let them join when they end', () => {
    const { main, areas } = world();
    const [one, other] = [anotherUffd(main), anotherUffd(main)];
    mapAt(main, at(0), 4);
    one.registerSync({ ...pagesAt(at(1), 2), mode: M });
    expect(areas()).toBe('0-1 1-3 3-4');
    one.registerSync({ ...pagesAt(at(3)), mode: M });
    expect(areas()).toBe('0-1 1-4');
    one.registerSync({ ...pagesAt(at(3)), mode: W });
    other.registerSync({ ...pagesAt(at(0)), mode: M });
    expect(areas()).toBe('0-1 1-3 3-4');
    one.unregisterSync(pagesAt(at(1), 3));
    other.unregisterSync(pagesAt(at(0)));
    expect(areas()).toBe('0-4');
  });

  test.each([
    ['5.10', '0-2 2-3 3-4 4-6'],
    ['6.1', '0-2 2-3 3-4 4-6'],
    ['6.6', '0-2 2-3 3-6'],
    ['6.18', '0-2 2-3 3-6'],
  ] as const)('on %s one that begins inside an area meets the next so: %s', (kernel, expected) => {
    const { main, areas } = world(kernel);
    const uffd = anotherUffd(main);
    mapAt(main, at(0), 6);
    uffd.registerSync({ ...pagesAt(at(2), 2), mode: M });
    uffd.registerSync({ ...pagesAt(at(4), 2), mode: W });
    uffd.registerSync({ ...pagesAt(at(3)), mode: W });
    expect(areas()).toBe(expected);
  });
});

describe('an area with pages and one without', () => {
  test.each([
    ['6.12', '0-2 2-4'],
    ['6.18', '0-4'],
  ] as const)('on %s after unregistering the one with pages: %s', (kernel, expected) => {
    const { main, areas } = world(kernel);
    const uffd = anotherUffd(main);
    mapAt(main, at(0), 4);
    uffd.registerSync({ ...pagesAt(at(2), 2), mode: M });
    uffd.copySync({ dst: at(2), src: new Uint8Array(PAGE) });
    uffd.unregisterSync(pagesAt(at(2), 2));
    expect(areas()).toBe(expected);
  });

  test('are one on every kernel when the one without changes', () => {
    for (const kernel of ['5.10', '6.1', '6.12', '6.18', '7.3'] as const) {
      const { main, areas } = world(kernel);
      mapAt(main, at(0), 4);
      main.mprotectSync({ ...span(at(2), 2), prot: 7 });
      touch(main, 0);
      main.mprotectSync({ ...span(at(2), 2), prot: RW });
      expect(areas()).toBe('0-4');
    }
  });
});
