/**
 * Arguments that C cannot pass (NaN, negative, fractional, inexact numbers, wrong types) and those
 * that it can and the kernel refuses: each leaves everything as it was.
 */
import { MAP_PRIVATE, PROT_READ, type U64, UFFDIO_COPY } from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import {
  anotherUffd,
  type Guest,
  M,
  machineWith,
  mapAt,
  PAGE,
  page,
  pagesAt,
  RW,
  W,
} from '../support/guest.js';
import { errno, snapshot } from '../support/observe.js';

/** Numbers that are no unsigned 64-bit integers: RangeError or TypeError names the argument. */
const NOT_U64: [string, unknown][] = [
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-1', -1],
  ['-4096', -PAGE],
  ['0.5', 0.5],
  ['4096.5', PAGE + 0.5],
  ['2^53', 2 ** 53],
  ['2^64', 2 ** 64],
  ['-1n', -1n],
  ['2^64 as a bigint', 1n << 64n],
  ['a string', '4096'],
  ['true', true],
  ['an object', {}],
];

type Call = (guest: Guest, value: U64) => unknown;

/** Every address, length and mode of every ioctl. */
const ioctlArguments: [string, Call][] = [
  ['api features', ({ main }, features) => main.userfaultfdSync().apiSync({ features })],
  ['api api', ({ main }, api) => main.userfaultfdSync().apiSync({ api })],
  ['register start', ({ uffd }, start) => uffd.registerSync({ start, len: PAGE, mode: M })],
  ['register len', ({ uffd, at }, len) => uffd.registerSync({ start: at(0), len, mode: M })],
  ['register mode', ({ uffd, at }, mode) => uffd.registerSync({ ...pagesAt(at(0)), mode })],
  ['unregister start', ({ uffd }, start) => uffd.unregisterSync({ start, len: PAGE })],
  ['unregister len', ({ uffd, at }, len) => uffd.unregisterSync({ start: at(0), len })],
  ['wake start', ({ uffd }, start) => uffd.wakeSync({ start, len: PAGE })],
  ['wake len', ({ uffd, at }, len) => uffd.wakeSync({ start: at(0), len })],
  ['copy dst', ({ uffd }, dst) => uffd.copySync({ dst, src: page(1) })],
  ['copy src', ({ uffd, at }, src) => uffd.copySync({ dst: at(0), src, len: PAGE })],
  ['copy len', ({ uffd, at }, len) => uffd.copySync({ dst: at(0), src: at(1), len })],
  ['copy mode', ({ uffd, at }, mode) => uffd.copySync({ dst: at(0), src: page(1), mode })],
  ['zeropage start', ({ uffd }, start) => uffd.zeropageSync({ start, len: PAGE })],
  ['zeropage len', ({ uffd, at }, len) => uffd.zeropageSync({ start: at(0), len })],
  ['zeropage mode', ({ uffd, at }, mode) => uffd.zeropageSync({ ...pagesAt(at(0)), mode })],
  ['continue start', ({ uffd }, start) => uffd.continueSync({ start, len: PAGE })],
  ['poison len', ({ uffd, at }, len) => uffd.poisonSync({ start: at(0), len })],
  ['poison mode', ({ uffd, at }, mode) => uffd.poisonSync({ ...pagesAt(at(0)), mode })],
  ['move dst', ({ uffd, at }, dst) => uffd.moveSync({ dst, src: at(1), len: PAGE })],
  ['move src', ({ uffd, at }, src) => uffd.moveSync({ dst: at(0), src, len: PAGE })],
  ['move len', ({ uffd, at }, len) => uffd.moveSync({ dst: at(0), src: at(1), len })],
  ['move mode', ({ uffd, at }, mode) => uffd.moveSync({ dst: at(0), src: at(1), len: PAGE, mode })],
  ['writeprotect start', ({ uffd }, start) => uffd.writeprotectSync({ start, len: PAGE, mode: 1 })],
  ['writeprotect mode', ({ uffd, at }, mode) => uffd.writeprotectSync({ ...pagesAt(at(0)), mode })],
  ['ioctl arg', ({ uffd }, arg) => uffd.ioctlSync(UFFDIO_COPY, arg)],
];

/** Accesses that take plain numbers only. */
const hotAccesses: [string, Call][] = [
  ['load8Sync', ({ t0 }, addr) => t0.load8Sync(addr as number)],
  ['load16Sync', ({ t0 }, addr) => t0.load16Sync(addr as number)],
  ['load32Sync', ({ t0 }, addr) => t0.load32Sync(addr as number)],
  ['store8Sync', ({ t0 }, addr) => t0.store8Sync(addr as number, 1)],
  ['store16Sync', ({ t0 }, addr) => t0.store16Sync(addr as number, 1)],
  ['store32Sync', ({ t0 }, addr) => t0.store32Sync(addr as number, 1)],
];

/** Every address and length of the calls of a thread. */
const threadArguments: [string, Call][] = [
  ['load8', ({ t0 }, addr) => t0.load8(addr)],
  ['store8', ({ t0 }, addr) => t0.store8(addr, 1)],
  ['load64', ({ t0 }, addr) => t0.load64Sync(addr)],
  ['store64', ({ t0 }, addr) => t0.store64Sync(addr, 1n)],
  ['read addr', ({ t0 }, addr) => t0.readSync(addr, 1)],
  ['read length', ({ t0, at }, length) => t0.readSync(at(0), length as number)],
  ['write addr', ({ t0 }, addr) => t0.writeSync(addr, page(1))],
  ['rmw8', ({ t0 }, addr) => t0.rmw8Sync(addr, () => 1)],
  ['mmap addr', ({ t0 }, addr) => t0.mmapSync({ addr, length: PAGE, prot: RW, flags: 0x22 })],
  ['mmap length', ({ t0 }, length) => t0.mmapSync({ length, prot: RW, flags: 0x22 })],
  ['munmap addr', ({ t0 }, addr) => t0.munmapSync({ addr, length: PAGE })],
  ['munmap length', ({ t0, at }, length) => t0.munmapSync({ addr: at(0), length })],
  ['mprotect addr', ({ t0 }, addr) => t0.mprotectSync({ addr, length: PAGE, prot: PROT_READ })],
  ['mremap', ({ t0 }, oldAddress) => t0.mremapSync({ oldAddress, oldSize: PAGE, newSize: PAGE })],
  ['madvise addr', ({ t0 }, addr) => t0.madviseSync({ addr, length: PAGE, advice: 4 })],
  ['madvise length', ({ t0, at }, length) => t0.madviseSync({ addr: at(0), length, advice: 4 })],
  ['mlock', ({ t0 }, addr) => t0.mlockSync({ addr, length: PAGE })],
  ['mincore', ({ t0 }, addr) => t0.mincoreSync({ addr, length: PAGE })],
  ['pagemap', ({ proc }, addr) => proc.pagemap({ addr, length: PAGE })],
  [
    'process_vm_readv',
    ({ t0, proc }, addr) => t0.processVmReadvSync({ pid: proc.pid, addr, length: 1 }),
  ],
  ['readToUser', ({ uffd }, addr) => uffd.readToUser({ addr, count: 32 })],
];

async function refuses(call: Call, values: readonly [string, unknown][]): Promise<void> {
  const guest = machineWith({ modes: M | W });
  const before = snapshot(guest.machine);
  for (const [name, value] of values) {
    const made = async () => call(guest, value as U64);
    const error: unknown = await made().catch((reason: unknown) => reason);
    expect([name, error]).toEqual([name, expect.any(Error)]);
    expect([name, String(error)]).toEqual([
      name,
      expect.stringMatching(/^(Range|Type)Error: \w+: .*(integer|number|bigint)/),
    ]);
  }
  expect(snapshot(guest.machine)).toEqual(before);
}

describe('a number that is no unsigned 64-bit integer', () => {
  test.each([...ioctlArguments, ...threadArguments])('as %s is refused by name', (_name, call) =>
    refuses(call, NOT_U64),
  );

  test.each(hotAccesses)('as address of %s is refused by name', (_name, call) =>
    refuses(
      call,
      NOT_U64.filter(([, value]) => typeof value !== 'bigint'),
    ),
  );
});

describe('ranges that the kernel refuses', () => {
  /** Each is EINVAL for every range ioctl. */
  const ranges: [string, U64, U64][] = [
    ['start misaligned', 1, PAGE],
    ['len misaligned', 0, PAGE + 1],
    ['len zero', 0, 0],
    ['start at the end of user space', 0x7fff_ffff_f000n, PAGE],
    ['end beyond user space', 0x7fff_ffff_e000n, 2 * PAGE],
    ['start in the kernel half', 0xffff_8000_0000_0000n, PAGE],
    ['start is the last page of 64 bits', 0xffff_ffff_ffff_f000n, PAGE],
    ['wrap-around', 0xffff_ffff_ffff_f000n, 2 * PAGE],
    ['len is the largest', 0, 0xffff_ffff_ffff_f000n],
    ['start misaligned above 2^53', (1n << 53n) + 1n, PAGE],
  ];
  const calls: [string, (guest: Guest, start: U64, len: U64) => unknown][] = [
    ['REGISTER', ({ uffd }, start, len) => uffd.registerSync({ start, len, mode: M })],
    ['UNREGISTER', ({ uffd }, start, len) => uffd.unregisterSync({ start, len })],
    ['WAKE', ({ uffd }, start, len) => uffd.wakeSync({ start, len })],
    ['COPY', ({ uffd, at }, dst, len) => uffd.copySync({ dst, src: at(1), len })],
    ['ZEROPAGE', ({ uffd }, start, len) => uffd.zeropageSync({ start, len })],
    ['CONTINUE', ({ uffd }, start, len) => uffd.continueSync({ start, len })],
    ['POISON', ({ uffd }, start, len) => uffd.poisonSync({ start, len })],
    ['MOVE to', ({ uffd, at }, dst, len) => uffd.moveSync({ dst, src: at(1), len })],
    ['MOVE from', ({ uffd, at }, src, len) => uffd.moveSync({ dst: at(0), src, len })],
    ['WRITEPROTECT', ({ uffd }, start, len) => uffd.writeprotectSync({ start, len, mode: 1 })],
  ];

  test.each(calls)('%s is EINVAL, without progress, and changes nothing', (_name, call) => {
    const guest = machineWith({ modes: M | W });
    const before = snapshot(guest.machine);
    for (const [name, start, len] of ranges) {
      expect([name, errno(() => call(guest, start, len))]).toEqual([name, 'EINVAL']);
    }
    expect(snapshot(guest.machine)).toEqual(before);
  });
});

describe('what only JavaScript can pass wrong', () => {
  test('a src shorter than len, or without len where it is an address', () => {
    const { uffd, machine, at } = machineWith();
    const before = snapshot(machine);
    const short = () => uffd.copySync({ dst: at(0), src: page(1), len: 2 * PAGE });
    expect(short).toThrow(/^src: 4096 bytes, but len is 8192/);
    expect(() => uffd.copySync({ dst: at(0), src: at(1) })).toThrow(/^len: /);
    expect(snapshot(machine)).toEqual(before);
  });

  test('a src longer than len is cut', () => {
    const { uffd, main, at } = machineWith();
    expect(uffd.copySync({ dst: at(0), src: page(7, 3), len: PAGE })).toBe(PAGE);
    expect(errno(() => uffd.copySync({ dst: at(1), src: new Uint8Array(10) }))).toBe('EINVAL');
    expect(main.load8Sync(at(0))).toBe(7);
  });

  test('bytes that are none', () => {
    const { t0, at } = machineWith({ modes: 0 });
    expect(() => t0.writeSync(at(0), 'abc' as never)).toThrow(/^bytes: expected a Uint8Array/);
    expect(() => t0.writeSync(at(0), [1, 2] as never)).toThrow(/^bytes: expected a Uint8Array/);
  });

  test('a request number that is no unsigned 32-bit integer', () => {
    const { uffd } = machineWith();
    for (const request of [-1, 2 ** 32, 0.5, Number.NaN]) {
      expect(() => uffd.ioctlSync(request, 0)).toThrow(/^request: /);
    }
  });

  test('a promise form rejects where the …Sync form throws', async () => {
    const { uffd, t0, at } = machineWith();
    const nan = Number.NaN;
    const calls = [
      () => uffd.register({ start: nan, len: PAGE, mode: M }),
      () => uffd.copy({ dst: nan, src: page(1) }),
      () => uffd.zeropage({ start: nan, len: PAGE }),
      () => uffd.continue({ start: nan, len: PAGE }),
      () => uffd.poison({ start: nan, len: PAGE }),
      () => uffd.move({ dst: nan, src: at(1), len: PAGE }),
      () => uffd.writeprotect({ start: nan, len: PAGE, mode: 0 }),
      () => uffd.readToUser({ addr: nan, count: 32 }),
      () => t0.load8(nan),
      () => t0.write(nan, page(1)),
      () => t0.mmap({ length: nan, prot: 0, flags: 0 }),
      () => t0.processVmReadv({ pid: 1, addr: nan, length: 1 }),
    ];
    for (const call of calls) {
      let promise: Promise<unknown> | undefined;
      expect(() => {
        promise = call();
      }).not.toThrow();
      await expect(promise).rejects.toBeInstanceOf(Error);
    }
  });

  test('descriptors that no table has are EBADF', () => {
    const { t0, main, at } = machineWith();
    for (const fd of [-1, 99, 0.5, Number.NaN, 2 ** 31]) {
      const flags = MAP_PRIVATE;
      expect(errno(() => t0.closeSync(fd))).toBe('EBADF');
      expect(errno(() => t0.dupSync(fd))).toBe('EBADF');
      expect(errno(() => t0.mmapSync({ length: PAGE, prot: RW, flags, fd }))).toBe('EBADF');
      expect(errno(() => t0.preadSync({ fd, count: 1, offset: 0 }))).toBe('EBADF');
      expect(errno(() => t0.sysReadSync({ fd, addr: at(0), count: 1 }))).toBe('EBADF');
      expect(errno(() => main.userfaultfdOf(fd).apiSync())).toBe('EBADF');
    }
  });

  test('processes that do not exist are ESRCH for calls and RangeError for the machine', () => {
    const { t0, machine, at } = machineWith();
    for (const pid of [0, -1, 12345, Number.NaN]) {
      expect(errno(() => t0.processVmReadvSync({ pid, addr: at(0), length: 1 }))).toBe('ESRCH');
      expect(errno(() => t0.peekSync({ pid, addr: at(0), length: 1 }))).toBe('ESRCH');
      expect(() => machine.process(pid)).toThrow(RangeError);
    }
  });
});

test('a refused call between two good ones does not matter', async () => {
  const { uffd, main, t0, at } = machineWith();
  const load = t0.load8(at(0));
  const bad = () => uffd.copySync({ dst: Number.NaN, src: page(1) });
  expect(bad).toThrow(RangeError);
  expect(errno(() => uffd.copySync({ dst: at(0) + 1, src: page(1) }))).toBe('EINVAL');
  mapAt(main, at(16), 1);
  expect(errno(() => anotherUffd(main).registerSync({ ...pagesAt(at(0)), mode: M }))).toBe('EBUSY');
  uffd.copySync({ dst: at(0), src: page(9) });
  expect(await load).toBe(9);
});
