/** Lengths and offsets far beyond what is mapped: the errno of Linux, at once. */
import {
  MADV_DONTNEED,
  MADV_FREE,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { BASE, M, machineWith, PAGE, page, RW, W } from '../support/guest.js';
import { areas, drain, errno, pages, snapshot } from '../support/observe.js';

describe('huge lengths', () => {
  test('end at the first page that is not there, as on Linux', () => {
    const { t0, proc, at } = machineWith({ modes: 0 });
    const [addr, length] = [at(0), 2 ** 40];
    const { pid } = proc;
    t0.writeSync(addr, page(7, 4));
    const { readFd, writeFd } = t0.pipeSync();
    expect(t0.processVmReadvSync({ pid, addr, length })).toHaveLength(4 * PAGE);
    expect(t0.peekSync({ pid, addr, length })).toHaveLength(4 * PAGE);
    expect(t0.sysWriteSync({ fd: writeFd, addr, count: length })).toBe(4 * PAGE);
    expect(t0.sysReadSync({ fd: readFd, addr, count: length })).toBe(4 * PAGE);
    expect(errno(() => t0.processVmReadvSync({ pid, addr: at(8), length }))).toBe('EFAULT');
    expect(errno(() => t0.peekSync({ pid, addr: at(8), length }))).toBe('EIO');
  });

  test('over holes and beyond user space are ENOMEM', () => {
    const { t0, at } = machineWith({ modes: 0 });
    const [addr, length] = [at(0), 2 ** 46];
    expect(errno(() => t0.mmapSync({ length: 2 ** 47, prot: RW, flags: 0x22 }))).toBe('ENOMEM');
    expect(errno(() => t0.mincoreSync({ addr, length }))).toBe('ENOMEM');
    expect(errno(() => t0.madviseSync({ addr, length, advice: 4 }))).toBe('ENOMEM');
    expect(errno(() => t0.mlockSync({ addr: at(8), length }))).toBe('ENOMEM');
    expect(errno(() => t0.mprotectSync({ addr, length, prot: RW }))).toBe('ENOMEM');
  });

  test('of 64 bits wrap around as in C: EINVAL or ENOMEM', () => {
    const { t0, machine, at } = machineWith({ modes: 0 });
    const before = snapshot(machine);
    const length = 0xffff_ffff_ffff_f001n;
    const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    const [addr, oldAddress] = [at(0), at(0)];
    const calls: [() => unknown, string][] = [
      [() => t0.mmapSync({ length, prot: RW, flags: 0x22 }), 'ENOMEM'],
      [() => t0.mmapSync({ length: 0xffff_ffff_ffff_0000n, prot: RW, flags: 0x22 }), 'ENOMEM'],
      [() => t0.mmapSync({ addr, length: 2 ** 47, prot: RW, flags }), 'ENOMEM'],
      [() => t0.munmapSync({ addr, length }), 'EINVAL'],
      [() => t0.madviseSync({ addr, length, advice: 4 }), 'EINVAL'],
      [() => t0.mprotectSync({ addr, length, prot: RW }), 'ENOMEM'],
      [() => t0.mremapSync({ oldAddress, oldSize: length, newSize: PAGE }), 'EINVAL'],
      [() => t0.mremapSync({ oldAddress, oldSize: 2 ** 52, newSize: PAGE }), 'EINVAL'],
      [() => t0.mremapSync({ oldAddress, oldSize: PAGE, newSize: length }), 'EINVAL'],
      [() => t0.mremapSync({ oldAddress, oldSize: PAGE, newSize: 2 ** 47 }), 'EINVAL'],
    ];
    expect(calls.map(([call]) => errno(call))).toEqual(calls.map(([, code]) => code));
    expect(snapshot(machine)).toEqual(before);
  });

  test('and offsets of files are EINVAL, EFBIG, EOVERFLOW, or find nothing', () => {
    const { t0, machine, fd } = machineWith({ kind: 'shared', cached: [1, 2, 3, 4] });
    const before = snapshot(machine);
    const top = (1n << 64n) - 1n;
    const [bytes, mode] = [page(1).subarray(0, 2), 0];
    const map = { length: 2 * PAGE, prot: RW, flags: MAP_SHARED, fd };
    const calls: [() => unknown, string][] = [
      [() => t0.preadSync({ fd, count: 4, offset: top }), 'EINVAL'],
      [() => t0.pwriteSync({ fd, bytes, offset: top }), 'EINVAL'],
      [() => t0.pwriteSync({ fd, bytes, offset: (1n << 63n) - 2n }), 'EINVAL'],
      [() => t0.ftruncateSync({ fd, length: top }), 'EINVAL'],
      [() => t0.fallocateSync({ fd, mode, offset: 0, length: top }), 'EINVAL'],
      [() => t0.fallocateSync({ fd, mode, offset: top, length: 1 }), 'EINVAL'],
      [() => t0.fallocateSync({ fd, mode, offset: (1n << 63n) - 4096n, length: 8192 }), 'EFBIG'],
      [() => t0.mmapSync({ ...map, offset: top - 8191n }), 'EOVERFLOW'],
      [() => t0.mmapSync({ ...map, offset: 1 }), 'EINVAL'],
      [() => t0.preadSync({ fd, count: 4, offset: 1n << 62n }), 'ok'],
    ];
    expect(calls.map(([call]) => errno(call))).toEqual(calls.map(([, code]) => code));
    expect(t0.preadSync({ fd, count: 4, offset: 1n << 62n })).toHaveLength(0);
    expect(snapshot(machine)).toEqual(before);
    t0.fallocateSync({ fd, mode: 3, offset: 0, length: 1n << 62n });
    expect(t0.preadSync({ fd, count: 1, offset: 0 })).toEqual(Uint8Array.of(0));
  });
});

describe('huge ranges that are fine', () => {
  /** Calls over 64 TiB that are done in time proportional to what is mapped. */
  test('are done at once: munmap, madvise, WAKE, REGISTER, WRITEPROTECT, UNREGISTER', () => {
    const { uffd, t0, proc, at } = machineWith({ modes: M | W });
    uffd.copySync({ dst: at(0), src: page(1, 4) });
    const start = BASE;
    const len = 2 ** 46;
    const begin = performance.now();
    uffd.wakeSync({ start, len });
    uffd.registerSync({ start, len, mode: M | W });
    uffd.writeprotectSync({ start, len, mode: 1 });
    expect(pages(proc, BASE, 4)).toBe('Pw Pw Pw Pw');
    expect(errno(() => t0.madviseSync({ addr: start, length: len, advice: MADV_FREE }))).toBe(
      'ENOMEM',
    );
    const dontneed = { addr: start, length: len, advice: MADV_DONTNEED };
    expect(errno(() => t0.madviseSync(dontneed))).toBe('ENOMEM');
    uffd.unregisterSync({ start, len });
    t0.munmapSync({ addr: start, length: len });
    expect(areas(proc, BASE)).toEqual([]);
    expect(drain(uffd, BASE)).toEqual([]);
    expect(performance.now() - begin).toBeLessThan(1000);
  });
});
