/** Fault counts: one for each fault that got its page, minor or major. */
import { MADV_PAGEOUT, type Thread } from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { FaultTally } from '../../src/fault/tally.js';
import { BASE, machineWith, mapAt, newMachine, PAGE, page, span, W } from '../support/guest.js';

/** Faults that a call of a thread takes. */
function taken({ faults }: Thread, call: () => unknown): [minor: number, major: number] {
  const { minor, major } = faults;
  call();
  return [faults.minor - minor, faults.major - major];
}

describe('a thread', () => {
  test('takes one minor fault for a page, none for a page that it has', () => {
    const { main } = newMachine().spawn();
    mapAt(main, BASE, 2);
    const load = taken(main, () => main.load8Sync(BASE));
    const store = taken(main, () => main.store8Sync(BASE, 1));
    const again = taken(main, () => main.store8Sync(BASE, 2));
    expect([load, store, again]).toEqual([
      [1, 0],
      [1, 0],
      [0, 0],
    ]);
  });

  test('takes a major fault for a page in swap', () => {
    const machine = newMachine();
    machine.swapOn({ size: 64 * PAGE });
    const { main } = machine.spawn();
    mapAt(main, BASE, 1);
    main.store8Sync(BASE, 1);
    main.madviseSync({ ...span(BASE, 1), advice: MADV_PAGEOUT });
    expect(taken(main, () => main.store8Sync(BASE, 2))).toEqual([0, 1]);
  });

  test('takes no fault that ends in a signal', () => {
    const { main } = newMachine().spawn();
    const failing = () => expect(() => main.load8Sync(BASE)).toThrow('SIGSEGV');
    expect(taken(main, failing)).toEqual([0, 0]);
  });

  test('takes one minor fault for a page that a userfaultfd filled while it slept', async () => {
    const { t0, uffd, at } = machineWith();
    const load = t0.load8(at(0));
    expect(t0.faults).toEqual({ minor: 0, major: 0 });
    uffd.copySync({ dst: at(0), src: page(7), len: PAGE });
    await load;
    expect(t0.faults).toEqual({ minor: 1, major: 0 });
  });

  test('takes two minor faults for a store to a marker that resolves itself', () => {
    const { t0, uffd, at } = machineWith({ modes: W, features: 1 << 15 });
    uffd.writeprotectSync({ start: at(0), len: PAGE, mode: 1 });
    expect(taken(t0, () => t0.store8Sync(at(0), 1))).toEqual([2, 0]);
  });

  test('is charged for what its own mlock brings in', () => {
    const { main } = newMachine().spawn();
    mapAt(main, BASE, 3);
    expect(taken(main, () => main.mlockSync(span(BASE, 3)))).toEqual([3, 0]);
  });
});

describe('a tally', () => {
  const tallied = (
    lock: 'area' | 'address space',
    ...outcomes: ('missing' | 'wp' | 'read' | 'loaded')[]
  ) => {
    const counts = { minor: 0, major: 0 };
    const tally = new FaultTally(counts, lock);
    for (const outcome of outcomes) tally.note(outcome);
    tally.settled();
    return [counts.minor, counts.major];
  };

  test('counts a fault that waited twice as major', () => {
    expect(tallied('area', 'missing')).toEqual([1, 0]);
    expect(tallied('area', 'missing', 'wp')).toEqual([0, 1]);
  });

  test('counts every wait as major under the lock of the address space', () => {
    expect(tallied('address space', 'missing')).toEqual([0, 1]);
  });

  test('counts what was read as major, once even if the store waits then', () => {
    expect(tallied('area', 'read')).toEqual([0, 1]);
    expect(tallied('area', 'loaded')).toEqual([0, 1]);
    expect(tallied('area', 'loaded', 'wp')).toEqual([0, 1]);
  });

  test('counts nothing when no fault was begun', () => {
    expect(tallied('area')).toEqual([0, 0]);
  });
});
