/**
 * Copy on write: who copies, who keeps the page, when the last owner writes in place.
 * Frames are compared by the number that pagemap shows.
 */
import { PROT_READ, type Process, type Thread } from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { pageState, statesOf } from '../mm/page-state.js';
import {
  BASE,
  machineWith,
  mapAt,
  memfd,
  newMachine,
  PAGE,
  pagesAt,
  span,
  W,
} from '../support/guest.js';

const frameOf = (proc: Process, addr = BASE): bigint =>
  (proc.pagemap(span(addr))[0] ?? 0n) & ((1n << 55n) - 1n);

/** A parent that wrote 1 to one page, and its child. */
function forked() {
  const machine = newMachine();
  const parent = machine.spawn();
  mapAt(parent.main, BASE, 1);
  parent.main.store8Sync(BASE, 1);
  const fork = (from = parent): Process => machine.process(from.main.forkSync());
  return { machine, parent, fork };
}

const read = ({ main }: Process): number => main.load8Sync(BASE);
const write = ({ main }: Process, value: number): void => main.store8Sync(BASE, value);

describe('after fork', () => {
  test('both sides map one frame, read-only, until one of them writes', () => {
    const { machine, parent, fork } = forked();
    const before = machine.freePages;
    const child = fork();
    expect(frameOf(child)).toBe(frameOf(parent));
    expect([pageState(parent, BASE), pageState(child, BASE)]).toEqual(['P', 'P']);
    expect(before - machine.freePages).toBe(4); // page tables of the child, no data
  });

  test.each(['parent', 'child'])('the %s that writes first gets a copy', (who) => {
    const { parent, fork } = forked();
    const child = fork();
    const frame = frameOf(parent);
    const [writer, other] = who === 'parent' ? [parent, child] : [child, parent];
    write(writer, 2);
    expect([read(writer), read(other)]).toEqual([2, 1]);
    expect([frameOf(writer) === frame, frameOf(other) === frame]).toEqual([false, true]);
  });

  test('who is left alone writes in place', () => {
    const { parent, fork } = forked();
    const child = fork();
    const frame = frameOf(parent);
    write(child, 2);
    write(parent, 3);
    expect([frameOf(parent), read(parent), read(child)]).toEqual([frame, 3, 2]);
  });

  test('a parent whose child ended writes in place, without a copy', () => {
    const { machine, parent, fork } = forked();
    const before = machine.freePages;
    const frame = frameOf(parent);
    fork().exit();
    write(parent, 5);
    expect([frameOf(parent), machine.freePages]).toEqual([frame, before]);
  });

  test('three generations keep apart what they write', () => {
    const { parent, fork } = forked();
    const child = fork();
    const grandchild = fork(child);
    write(grandchild, 3);
    write(child, 2);
    expect([parent, child, grandchild].map(read)).toEqual([1, 2, 3]);
    parent.exit();
    expect([child, grandchild].map(read)).toEqual([2, 3]);
  });

  test('pages that were written after the fork are the own ones of each side', () => {
    const { parent, fork } = forked();
    mapAt(parent.main, BASE + PAGE, 1);
    const child = fork();
    parent.main.store8Sync(BASE + PAGE, 7);
    expect(child.main.load8Sync(BASE + PAGE)).toBe(0);
  });
});

describe('the zero page', () => {
  test('costs no frame to read and one to write', () => {
    const { machine, main, at } = machineWith({ modes: 0 });
    main.load8Sync(at(0));
    const before = machine.freePages;
    for (const n of [1, 2, 3]) expect(main.load8Sync(at(n))).toBe(0);
    expect(machine.freePages).toBe(before);
    main.store8Sync(at(1), 9);
    expect(machine.freePages).toBe(before - 1);
    expect([0, 1, 2, 3].map((n) => main.load8Sync(at(n)))).toEqual([0, 9, 0, 0]);
  });
});

describe('a private mapping of a file', () => {
  /** One process with a shared and a private mapping of a page that holds 5. */
  function both(): { main: Thread; proc: Process; shared: number } {
    const proc = newMachine().spawn();
    const fd = memfd(proc.main, 1, [5]);
    mapAt(proc.main, BASE, 1, { kind: 'private', fd });
    return {
      proc,
      main: proc.main,
      shared: mapAt(proc.main, BASE + PAGE, 1, { kind: 'shared', fd }),
    };
  }

  test('sees what is written to the file until it writes itself', () => {
    const { main, shared, proc } = both();
    expect(main.load8Sync(BASE)).toBe(5);
    main.store8Sync(shared, 6);
    expect(main.load8Sync(BASE)).toBe(6);
    expect(pageState(proc, BASE)).toBe('PF');
    main.store8Sync(BASE, 7);
    main.store8Sync(shared, 8);
    expect([main.load8Sync(BASE), main.load8Sync(shared)]).toEqual([7, 8]);
    expect(statesOf(proc, BASE, 2)).toEqual(['PX', 'PFX']);
  });

  test('that writes at once copies the page of the file', () => {
    const { main, shared } = both();
    main.store8Sync(BASE + 1, 9);
    expect([main.load8Sync(BASE), main.load8Sync(BASE + 1)]).toEqual([5, 9]);
    expect([main.load8Sync(shared), main.load8Sync(shared + 1)]).toEqual([5, 5]);
  });
});

describe('together with write protection', () => {
  test('one fault is raised; the copy after it is silent, the child keeps the old page', () => {
    const { main, machine, uffd, proc, at } = machineWith({ modes: W });
    main.store8Sync(at(0), 1);
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: 1 });
    const child = machine.process(main.forkSync());
    const frame = frameOf(proc);
    const faults: boolean[] = [];
    uffd.on('pagefault', (fault) => {
      faults.push(fault.wp && fault.write);
      fault.unprotectSync();
    });
    main.store8Sync(at(0), 2);
    expect(faults).toEqual([true]);
    expect([frameOf(proc) === frame, read(child), read(proc)]).toEqual([false, 1, 2]);
  });

  test('a child that is not registered writes silently and does not disturb the parent', () => {
    const { main, machine, uffd, proc, at } = machineWith({ modes: W });
    main.store8Sync(at(0), 1);
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: 1 });
    const child = machine.process(main.forkSync());
    write(child, 2);
    expect(uffd.readMsgSync()).toBeUndefined();
    expect([pageState(proc, BASE), pageState(child, BASE)]).toEqual(['PWX', 'PX']);
    expect(read(proc)).toBe(1);
  });
});

describe('pinning for reading', () => {
  test('gives a page that is shared since fork an own read-only copy', () => {
    const { parent, fork } = forked();
    const child = fork();
    const frame = frameOf(parent);
    const length = 1;
    parent.main.processVmReadvSync({ pid: child.pid, addr: BASE, length });
    expect([frameOf(parent), frameOf(child) === frame]).toEqual([frame, false]);
    write(parent, 9);
    expect(read(child)).toBe(1);
  });

  test('leaves pages of a file and the zero page shared', () => {
    const { main, proc, at } = machineWith({ modes: 0 });
    main.load8Sync(at(0));
    main.processVmReadvSync({ pid: proc.pid, addr: at(0), length: 1 });
    expect(pageState(proc, at(0))).toBe('P');
  });
});

describe('/proc/PID/mem', () => {
  test('writes a copy where a mapping is read-only and private, nothing where it is shared', () => {
    const { main, proc, fd, at } = machineWith({ kind: 'private', cached: [5], modes: 0, prot: 1 });
    main.pokeSync({ pid: proc.pid, addr: at(0), bytes: Uint8Array.of(6) });
    expect(main.load8Sync(at(0))).toBe(6);
    expect(main.preadSync({ fd, count: 1, offset: 0 })).toEqual(Uint8Array.of(5));
    expect(() => main.store8Sync(at(0), 1)).toThrow('SEGV_ACCERR');
    mapAt(main, at(16), 1, { kind: 'shared', fd, prot: PROT_READ });
    const bytes = Uint8Array.of(9);
    expect(() => main.pokeSync({ pid: proc.pid, addr: at(16), bytes })).toThrow('EIO');
  });
});
