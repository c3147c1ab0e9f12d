import * as linux from 'uffd-emulator';
import { describe, expect, test } from 'vitest';

const HUGE = 2 ** 21;
const GIB = 2 ** 30;
const RW = linux.PROT_READ | linux.PROT_WRITE;
const PRIVATE = linux.MAP_PRIVATE | linux.MAP_ANONYMOUS | linux.MAP_HUGETLB;

const machineOf = (pages: number): linux.Machine =>
  new linux.Machine({ nrHugepages: { '2M': pages } });

const map = (main: linux.Thread, pages: number, flags = PRIVATE): number =>
  main.mmapSync({ length: pages * HUGE, prot: RW, flags });

describe('the pool of huge pages', () => {
  test('is empty unless the machine sets pages aside', () => {
    expect(new linux.Machine().hugepages()).toEqual({ total: 0, free: 0, reserved: 0 });
    expect(() => map(new linux.Machine().spawn().main, 1)).toThrow(/ENOMEM/);
  });

  test('names the bytes that it needs when memory is too small', () => {
    const make = () => new linux.Machine({ memory: GIB, nrHugepages: { '1G': 1, '2M': 1 } });
    expect(make).toThrow(/nrHugepages: 1 huge pages of 1G need 1073741824 bytes/);
    expect(() => machineOf(0.5)).toThrow(RangeError);
  });

  test('holds a page of 1 GiB that takes nothing until it is touched', () => {
    const machine = new linux.Machine({ memory: 2 * GIB, nrHugepages: { '1G': 1 } });
    const { main } = machine.spawn();
    const flags = PRIVATE | linux.MAP_HUGE_1GB;
    const addr = main.mmapSync({ length: GIB, prot: RW, flags });
    expect(addr % GIB).toBe(0);
    expect(machine.hugepages('1G')).toEqual({ total: 1, free: 1, reserved: 1 });
    machine.checkInvariants();
    machine.close();
    expect(machine.hugepages('1G')).toEqual({ total: 1, free: 1, reserved: 0 });
  });

  test('promises pages at mmap, hands them out at the first touch, and has them back at exit', () => {
    const machine = machineOf(4);
    const { main } = machine.spawn();
    const addr = map(main, 3);
    expect(machine.hugepages()).toEqual({ total: 4, free: 4, reserved: 3 });
    expect(() => map(main, 2)).toThrow(/ENOMEM/);
    main.store8Sync(addr + HUGE + 5, 7);
    expect(machine.hugepages()).toEqual({ total: 4, free: 3, reserved: 2 });
    main.madviseSync({ addr, length: 3 * HUGE, advice: linux.MADV_DONTNEED });
    expect(machine.hugepages()).toEqual({ total: 4, free: 4, reserved: 3 });
    machine.checkInvariants();
    machine.close();
    expect(machine.hugepages()).toEqual({ total: 4, free: 4, reserved: 0 });
  });

  test('that is empty makes SIGBUS of a fault that nothing was promised', () => {
    const machine = machineOf(1);
    const { main } = machine.spawn();
    const addr = map(main, 2, PRIVATE | linux.MAP_NORESERVE);
    main.store8Sync(addr, 1);
    expect(() => main.store8Sync(addr + HUGE, 1)).toThrow(linux.SignalError);
    machine.checkInvariants();
  });
});

describe('a private huge page after fork', () => {
  test('is copied for the first who writes, and is taken back for the parent', () => {
    const machine = machineOf(1);
    const { main } = machine.spawn();
    const addr = map(main, 1);
    main.store8Sync(addr, 1);
    const child = machine.process(main.forkSync('child'));
    expect(() => child.main.store8Sync(addr, 2)).toThrow(linux.SignalError);
    expect(child.main.load8Sync(addr)).toBe(1);
    main.store8Sync(addr, 3);
    expect(main.load8Sync(addr)).toBe(3);
    expect(() => child.main.load8Sync(addr)).toThrow(linux.SignalError);
    machine.checkInvariants();
  });
});

describe('a snapshot', () => {
  test('keeps what huge pages hold, and a fork of the machine has its own', () => {
    const machine = machineOf(2);
    const { main } = machine.spawn();
    const addr = map(main, 2);
    main.store8Sync(addr + 4096, 1);
    const snapshot = machine.snapshot();
    main.store8Sync(addr + 4096, 2);
    main.store8Sync(addr + HUGE, 3);
    machine.restore(snapshot);
    expect(main.load8Sync(addr + 4096)).toBe(1);
    expect(machine.hugepages()).toEqual({ total: 2, free: 1, reserved: 1 });
    machine.checkInvariants();
    const copy = machine.fork();
    const [process] = copy.processes;
    process?.main.store8Sync(addr + 4096, 9);
    expect(process?.main.load8Sync(addr + 4096)).toBe(9);
    expect(main.load8Sync(addr + 4096)).toBe(1);
    copy.checkInvariants();
  });
});
