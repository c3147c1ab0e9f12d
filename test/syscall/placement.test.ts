/**
 * Where mmap(2) and mremap(2) put a mapping when they may choose: the top of the highest gap that
 * fits, whole 2 MiB of anonymous memory at 2 MiB boundaries, hints where they are free.
 */
import { MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, MAP_SHARED, MREMAP_MAYMOVE } from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { ANON, BASE, mapAt, memfd, newMachine, PAGE, RW } from '../support/guest.js';

const MIB2 = 2 * 2 ** 20;

function world() {
  const proc = newMachine().spawn({ uid: 1000 });
  const { main } = proc;
  const map = (length: number, more: { addr?: number; flags?: number; fd?: number } = {}) =>
    main.mmapSync({ length, prot: RW, flags: ANON, ...more });
  return { proc, main, map };
}

/** Makes the end of the gap that the next mapping goes to odd in units of 2 MiB. */
function unalign({ main, map }: ReturnType<typeof world>): void {
  const gap = map(3 * MIB2);
  main.munmapSync({ addr: gap, length: 3 * MIB2 });
  mapAt(main, gap + 3 * MIB2 - PAGE, 1, { prot: 1 });
}

describe('without a hint', () => {
  test('mappings descend and become one area', () => {
    const { map, proc } = world();
    const [first, second, third] = [map(PAGE), map(2 * PAGE), map(PAGE)] as const;
    expect([first - second, second - third]).toEqual([2 * PAGE, PAGE]);
    expect(proc.maps()).toHaveLength(1);
  });

  test('the highest gap that is large enough is taken, at its top', () => {
    const { map, main } = world();
    const top = map(8 * PAGE);
    map(PAGE, { flags: MAP_SHARED | MAP_ANONYMOUS });
    main.munmapSync({ addr: top + 2 * PAGE, length: 3 * PAGE });
    expect(map(4 * PAGE)).toBeLessThan(top);
    expect(map(2 * PAGE)).toBe(top + 3 * PAGE);
    expect(map(PAGE)).toBe(top + 2 * PAGE);
  });

  test('a gap that was left is found again', () => {
    const { map, main } = world();
    const addr = map(4 * PAGE);
    main.munmapSync({ addr, length: 4 * PAGE });
    expect(map(4 * PAGE)).toBe(addr);
  });

  test('user space may be filled up: then ENOMEM', () => {
    const { map } = world();
    const flags = ANON | 0x4000;
    for (const size of [2 ** 46, 2 ** 45]) map(size, { flags });
    expect(() => map(2 ** 46, { flags })).toThrow('ENOMEM');
  });
});

describe('whole multiples of 2 MiB', () => {
  test.each([
    ['2 MiB', MIB2, 0],
    ['4 MiB', 2 * MIB2, 0],
    ['4 MiB + 4 KiB', 2 * MIB2 + PAGE, undefined],
    ['1 MiB', MIB2 / 2, undefined],
  ])('of private anonymous memory are aligned: %s', (_name, length, expected) => {
    const it = world();
    unalign(it);
    const rest = it.map(length) % MIB2;
    expect(rest === 0 ? 0 : undefined).toBe(expected);
  });

  test('of other memory are not', () => {
    for (const flags of [MAP_SHARED | MAP_ANONYMOUS, MAP_PRIVATE]) {
      const it = world();
      const fd = memfd(it.main, 1);
      unalign(it);
      expect(it.map(MIB2, { flags, fd }) % MIB2).toBe(MIB2 - PAGE);
    }
  });

  test('with a hint that is occupied are not', () => {
    const it = world();
    mapAt(it.main, BASE, 512);
    unalign(it);
    expect(it.map(MIB2, { addr: BASE }) % MIB2).toBe(MIB2 - PAGE);
  });

  test('that mremap makes are aligned too', () => {
    const it = world();
    mapAt(it.main, BASE + PAGE, 1);
    mapAt(it.main, BASE + 2 * PAGE, 1, { prot: 0 });
    unalign(it);
    const request = { oldAddress: BASE + PAGE, oldSize: PAGE, newSize: MIB2 };
    expect(it.main.mremapSync({ ...request, flags: MREMAP_MAYMOVE }) % MIB2).toBe(0);
  });

  test('end below each other at boundaries', () => {
    const it = world();
    unalign(it);
    const [first, second] = [it.map(MIB2), it.map(MIB2)];
    expect(first - second).toBe(MIB2);
  });
});

describe('a hint', () => {
  test('is taken when it is free, rounded down to its page', () => {
    const { map } = world();
    expect(map(PAGE, { addr: BASE + 5 })).toBe(BASE);
  });

  test('is ignored when a part of it is occupied', () => {
    const { map, main } = world();
    mapAt(main, BASE + 3 * PAGE, 1);
    expect(map(4 * PAGE, { addr: BASE })).toBeGreaterThan(BASE + 2 ** 40);
    expect(map(3 * PAGE, { addr: BASE })).toBe(BASE);
  });

  test('below vm.mmap_min_addr is raised to it', () => {
    const { map } = world();
    expect(map(PAGE, { addr: PAGE })).toBe(65_536);
    expect(map(PAGE, { addr: PAGE - 1 })).toBeGreaterThan(BASE);
  });

  test('beyond user space is ignored', () => {
    const { map } = world();
    expect(map(PAGE, { addr: 2 ** 47 })).toBeLessThan(2 ** 47);
    expect(map(2 * PAGE, { addr: 2 ** 47 - 2 * PAGE })).toBeLessThan(2 ** 47 - 2 * PAGE);
  });

  test('of an unprivileged process at a fixed low address is refused, as a hint raised', () => {
    const { map } = world();
    expect(() => map(PAGE, { addr: PAGE, flags: ANON | MAP_FIXED })).toThrow('EPERM');
  });
});
