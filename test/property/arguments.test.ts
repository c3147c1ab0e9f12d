/**
 * Calls with any numbers at all. What C could not pass is a RangeError or TypeError and changes
 * nothing; what it could is answered like any other: an errno, a signal, or success.
 */
import fc from 'fast-check';
import { Machine, type Process, type Thread, type U64 } from 'uffd-emulator';
import { expect, test } from 'vitest';
import { BASE, mapAt, memfd, PAGE } from '../support/guest.js';
import { snapshot } from '../support/observe.js';
import { attempt } from './world.js';

const aligned = (bytes: bigint): bigint => bytes - (bytes % 4096n);

/** Numbers that an unsigned 64-bit argument can be, the interesting ones more often. */
const unsigned64: fc.Arbitrary<U64> = fc.oneof(
  fc.integer({ min: 0, max: 12 }).map((n) => BASE + n * PAGE),
  fc.integer({ min: 0, max: 12 }).map((n) => n * PAGE),
  fc.nat({ max: 3 * PAGE }).map((n) => BASE + n),
  fc.nat({ max: 3 * PAGE }),
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map(aligned),
  fc.integer({ min: 0, max: 63 }).map((bit) => (1n << BigInt(bit)) + BigInt(BASE)),
  fc.nat({ max: 3 * PAGE }).map((n) => (1n << 64n) - 1n - BigInt(n)),
  fc.integer({ min: -3, max: 3 }).map((n) => 0x7fff_ffff_f000 + n * PAGE),
);

/** Numbers that it cannot be. */
const impossible: fc.Arbitrary<U64> = fc.constantFrom<U64[]>(
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  -1,
  -PAGE,
  0.5,
  BASE + 0.25,
  2 ** 53,
  2 ** 64,
  -1n,
  1n << 64n,
);

type Call = (it: { main: Thread; proc: Process; fd: number }, a: U64, b: U64, c: number) => unknown;

const CALLS: Readonly<Record<string, Call>> = {
  mmap: ({ main, fd }, addr, length, c) => {
    const flags = [0x22, 0x32, 0x21, 0x01, 0x4022, 0x100022][c % 6] ?? 0;
    return main.mmapSync({
      addr,
      length,
      prot: c % 8,
      flags,
      fd,
      offset: c % 3 === 0 ? length : 0,
    });
  },
  munmap: ({ main }, addr, length) => main.munmapSync({ addr, length }),
  mprotect: ({ main }, addr, length, c) => main.mprotectSync({ addr, length, prot: c % 8 }),
  mremap: ({ main }, a, b, c) =>
    main.mremapSync({ oldAddress: a, oldSize: c * 8, newSize: b, flags: c % 8, newAddress: b }),
  mremapBack: ({ main }, a, b, c) =>
    main.mremapSync({ oldAddress: BASE, oldSize: a, newSize: c * 8, flags: c % 4, newAddress: b }),
  madvise: ({ main }, addr, length, c) => main.madviseSync({ addr, length, advice: c % 14 }),
  mincore: ({ main }, addr, length) => main.mincoreSync({ addr, length }),
  munlock: ({ main }, addr, length) => main.munlockSync({ addr, length }),
  ftruncate: ({ main, fd }, length) => main.ftruncateSync({ fd, length }),
  punch: ({ main, fd }, offset, length) => main.fallocateSync({ fd, mode: 3, offset, length }),
  pread: ({ main, fd }, offset, _length, count) => main.preadSync({ fd, offset, count }),
  vmread: ({ main, proc }, addr, length) =>
    main.processVmReadvSync({ pid: proc.pid, addr, length }),
  peek: ({ main, proc }, addr, length) => main.peekSync({ pid: proc.pid, addr, length }),
  load: ({ main }, addr) => main.load64Sync(addr),
  store: ({ main }, addr, _length, c) => main.store64Sync(addr, BigInt(c)),
  rmw: ({ main }, addr) => main.rmw32Sync(addr, (old) => old + 1),
  write: ({ main }, addr, _length, c) => main.writeSync(addr, new Uint8Array(c % 9000)),
};

/** A process with some memory of each kind. */
function world() {
  const machine = new Machine({ memory: 2 ** 20 });
  const proc = machine.spawn();
  const fd = memfd(proc.main, 4, [1, 2]);
  mapAt(proc.main, BASE, 4);
  mapAt(proc.main, BASE + 4 * PAGE, 4, { kind: 'shared', fd });
  mapAt(proc.main, BASE + 9 * PAGE, 2, { prot: 1 });
  proc.main.store8Sync(BASE + PAGE, 1);
  return { machine, proc, main: proc.main, fd };
}

const names = fc.constantFrom(...Object.keys(CALLS));
const small = fc.nat({ max: 9000 });

test('what C can pass gets an answer, and everything holds afterwards', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(names, unsigned64, unsigned64, small)), (calls) => {
      const it = world();
      for (const [name, a, b, c] of calls) {
        attempt(() => CALLS[name]?.(it, a, b, c));
        it.machine.checkInvariants();
      }
      it.machine.close();
      expect(it.machine.freePages).toBe(it.machine.totalPages);
    }),
  );
});

test('what C cannot pass is refused by name, and nothing changes', () => {
  const it = world();
  const before = snapshot(it.machine);
  fc.assert(
    fc.property(names, impossible, unsigned64, small, (name, bad, good, c) => {
      expect(() => CALLS[name]?.(it, bad, good, c)).toThrow(
        /^(addr|oldAddress|oldSize|length|offset)/,
      );
      expect(snapshot(it.machine)).toEqual(before);
    }),
  );
  it.machine.checkInvariants();
});
