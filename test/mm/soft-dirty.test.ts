/** Soft-dirty: what sets the bit, what carries it, and that a reset makes the next store visible. */
import type { Machine, MachineOptions, Thread } from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import {
  anotherUffd,
  BASE,
  type Memory,
  machineWith,
  mapAt,
  memfd,
  newMachine,
  PAGE,
  page,
  pagesAt,
  span,
  W,
} from '../support/guest.js';

const SOFT_DIRTY = 1n << 55n;
const AWAY = BASE + 64 * PAGE;

interface Area {
  readonly machine: Machine;
  readonly main: Thread;
  /** Soft-dirty bits of the area, one digit for each page. */
  bits(addr?: number): string;
  /** Writes a number to clear_refs. */
  clear(what: number): void;
}

/** Four pages, of which the first was written, after a reset. */
function resetArea(kind: Memory = 'anon', options: MachineOptions = {}): Area {
  const machine = newMachine(options);
  const proc = machine.spawn();
  const { main } = proc;
  mapAt(main, BASE, 4, kind === 'anon' ? {} : { kind, fd: memfd(main, 4, [1, 2, 3, 4]) });
  main.store8Sync(BASE, 1);
  proc.clearRefs(4);
  const bits = (addr = BASE): string =>
    [...proc.pagemap(span(addr, 4))].map((word) => ((word & SOFT_DIRTY) === 0n ? 0 : 1)).join('');
  return { machine, main, bits, clear: (what) => proc.clearRefs(what) };
}

describe('soft-dirty', () => {
  test('is set on every page of a new area, and nowhere after a reset', () => {
    const { main, bits } = resetArea();
    mapAt(main, AWAY, 4);
    expect([bits(), bits(AWAY)]).toEqual(['0000', '1111']);
  });

  test.each(['anon', 'shared', 'private'] as const)(
    'is set by a store, not by a load: %s',
    (kind) => {
      const { main, bits } = resetArea(kind);
      main.load8Sync(BASE);
      main.load8Sync(BASE + PAGE);
      const loaded = bits();
      main.store8Sync(BASE, 2);
      main.store8Sync(BASE + 2 * PAGE, 2);
      expect([loaded, bits()]).toEqual(['0000', '1010']);
    },
  );

  test('is set by a store after mprotect gave the page back its rights', () => {
    const { main, bits } = resetArea();
    main.mprotectSync({ ...span(BASE, 4), prot: 1 });
    main.mprotectSync({ ...span(BASE, 4), prot: 3 });
    main.store8Sync(BASE, 2);
    expect(bits()).toBe('1000');
  });

  test('is set by a store to a page that a load brought back from swap', () => {
    const { machine, main, bits } = resetArea();
    machine.swapOn({ size: 64 * PAGE });
    main.madviseSync({ ...span(BASE, 4), advice: 21 });
    main.load8Sync(BASE);
    const loaded = bits();
    main.store8Sync(BASE, 3);
    expect([loaded, bits()]).toEqual(['0000', '1000']);
  });

  test('goes to swap and comes back, and is reset there', () => {
    const { machine, main, bits, clear } = resetArea();
    machine.swapOn({ size: 64 * PAGE });
    main.store8Sync(BASE, 2);
    main.madviseSync({ ...span(BASE, 4), advice: 21 });
    const swapped = bits();
    main.load8Sync(BASE);
    const back = bits();
    main.madviseSync({ ...span(BASE, 4), advice: 21 });
    clear(4);
    expect([swapped, back, bits()]).toEqual(['1000', '1000', '0000']);
  });

  test('is set on pages that mremap moves', () => {
    const { main, bits } = resetArea();
    const request = { oldAddress: BASE, oldSize: 4 * PAGE, newSize: 4 * PAGE };
    main.mremapSync({ ...request, newAddress: AWAY, flags: 3 });
    expect(bits(AWAY)).toBe('1000');
  });

  test('is set on pages that UFFDIO_COPY fills', () => {
    const { proc, uffd, at } = machineWith();
    proc.clearRefs(4);
    uffd.copySync({ dst: at(1), src: page(1), len: PAGE });
    const words = [...proc.pagemap(span(BASE, 4))];
    expect(words.map((word) => (word & SOFT_DIRTY) !== 0n)).toEqual([false, true, false, false]);
  });

  test('leaves protection by a userfaultfd as it is, which is asked first', () => {
    const { main, bits, clear } = resetArea();
    const uffd = anotherUffd(main);
    uffd.registerSync({ ...pagesAt(BASE, 4), mode: W });
    uffd.writeprotectSync({ ...pagesAt(BASE, 4), mode: 1 });
    clear(4);
    uffd.on('pagefault', (fault) => fault.unprotectSync());
    main.store8Sync(BASE, 5);
    expect(bits()).toBe('1000');
  });

  test('belongs to parent and child, each of which is reset alone', () => {
    const { machine, main, bits } = resetArea();
    main.store8Sync(BASE + PAGE, 1);
    const child = machine.process(main.forkSync());
    child.clearRefs(4);
    const words = [...child.pagemap(span(BASE, 4))];
    expect(words.every((word) => (word & SOFT_DIRTY) === 0n)).toBe(true);
    expect(bits()).toBe('0100');
  });

  test('shows in an area that merged with a new one', () => {
    const { main, bits } = resetArea();
    mapAt(main, BASE + 4 * PAGE, 1);
    expect(bits()).toBe('1111');
  });

  test('is nowhere on a kernel that was built without it', () => {
    const { main, bits } = resetArea('anon', { config: { softDirty: false } });
    main.store8Sync(BASE, 2);
    expect(bits()).toBe('0000');
  });

  test('shows as `sd` in VmFlags until it is reset', () => {
    const machine = newMachine();
    const proc = machine.spawn();
    mapAt(proc.main, BASE, 1);
    const tokens = () => proc.maps()[0]?.vmFlags.includes('sd');
    const before = tokens();
    proc.clearRefs(4);
    expect([before, tokens()]).toEqual([true, false]);
  });

  test('is a category of PAGEMAP_SCAN', () => {
    const machine = newMachine();
    const proc = machine.spawn();
    mapAt(proc.main, BASE, 4);
    proc.clearRefs(4);
    proc.main.store8Sync(BASE + PAGE, 1);
    const { regions } = proc.pagemapScan({
      start: BASE,
      end: BASE + 4 * PAGE,
      mask: 0x80,
      returned: 0x80,
    });
    expect(regions).toEqual([{ start: BASE + PAGE, end: BASE + 2 * PAGE, categories: 0x80 }]);
  });
});
