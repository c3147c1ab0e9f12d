/**
 * When something runs out or breaks: swap space, memory, a swap device. Who gets an errno, who a
 * signal, who is killed; and that everybody else's memory is as it was.
 */
import {
  KernelHangError,
  MADV_GUARD_INSTALL,
  MADV_PAGEOUT,
  MADV_POPULATE_WRITE,
  type Machine,
  type Process,
  UFFD_FEATURE_EVENT_FORK,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { facts } from '../mm/page-facts.js';
import { statesOf } from '../mm/page-state.js';
import {
  anotherUffd,
  BASE,
  M,
  mapAt,
  memfd,
  N,
  newMachine,
  PAGE,
  page,
  pagesAt,
  span,
  W,
} from '../support/guest.js';
import { drain, ending, endingOfPromise, errno } from '../support/observe.js';

const at = (n: number): number => BASE + n * PAGE;

/** A small machine, with a process that holds all of its memory but some pages. */
function full(left = 0, options: { swap?: number } = {}): { machine: Machine; hog: Process } {
  const machine = newMachine({ memory: 64 * PAGE });
  if (options.swap !== undefined) machine.swapOn({ size: options.swap * PAGE });
  const hog = machine.spawn({ name: 'hog' });
  mapAt(hog.main, BASE, 64);
  for (let n = 0; machine.freePages > left; n++) hog.main.store8Sync(at(n), n);
  return { machine, hog };
}

describe('swap space that is full', () => {
  test('leaves the pages that do not fit where they are; MADV_PAGEOUT succeeds', () => {
    const machine = newMachine();
    machine.swapOn({ size: 2 * PAGE });
    const { main } = machine.spawn();
    mapAt(main, BASE, 4);
    main.writeSync(BASE, page(7, 4));
    expect(errno(() => main.madviseSync({ ...span(BASE, 4), advice: MADV_PAGEOUT }))).toBe('ok');
    expect(statesOf(machine.processes[0] as Process, BASE, 4)).toEqual(['S', 'S', 'PX', 'PX']);
    expect(machine.reclaim(10)).toBe(0);
    expect(main.readSync(BASE, 4 * PAGE)).toEqual(page(7, 4));
  });

  test('is no reason to lose shmem: its page stays in the cache', () => {
    const machine = newMachine();
    machine.swapOn({ size: PAGE });
    const { main } = machine.spawn();
    mapAt(main, BASE, 2, { kind: 'shared', fd: memfd(main, 2, [1, 2]) });
    main.writeSync(BASE, page(7, 2));
    main.madviseSync({ ...span(BASE, 2), advice: MADV_PAGEOUT });
    expect(main.mincoreSync(span(BASE, 2))).toEqual(Uint8Array.of(0, 1));
    expect(main.readSync(BASE, 2 * PAGE)).toEqual(page(7, 2));
  });
});

describe('memory that is full', () => {
  test('is emptied to swap first: nobody is killed, no content is lost', () => {
    const { machine, hog } = full(2, { swap: 256 });
    const other = machine.spawn({ name: 'other' });
    mapAt(other.main, BASE, 32);
    other.main.writeSync(BASE, page(9, 32));
    expect(machine.processes.map(({ ended }) => ended)).toEqual([false, false]);
    expect([0, 1, 2].map((n) => hog.main.load8Sync(at(n)))).toEqual([0, 1, 2]);
    expect(other.main.readSync(BASE, 32 * PAGE)).toEqual(page(9, 32));
  });

  test('without swap kills the process with the most pages, for an access of another', () => {
    const { machine, hog } = full(12);
    const other = machine.spawn({ name: 'other' });
    mapAt(other.main, BASE, 32);
    other.main.writeSync(BASE, page(9, 32));
    expect([hog.ended, other.ended]).toEqual([true, false]);
    expect(other.main.readSync(BASE, 32 * PAGE)).toEqual(page(9, 32));
  });

  test('kills the process that asks when it is the largest: its access is SIGKILL', () => {
    const { hog } = full(0);
    const addr = at(63);
    expect(ending(() => hog.main.store8Sync(addr, 1))).toMatchObject({ signal: 'SIGKILL' });
    expect(hog.ended).toBe(true);
  });

  test('is ENOMEM to fills, with what was filled before; the pages are as they were', () => {
    const machine = newMachine({ memory: 64 * PAGE });
    const { main } = machine.spawn();
    mapAt(main, BASE, 64);
    const uffd = anotherUffd(main);
    uffd.registerSync({ ...pagesAt(BASE, 64), mode: M });
    const end = ending(() => uffd.copySync({ dst: BASE, src: page(7, 64) }));
    expect(end).toMatchObject({ code: 'EAGAIN' });
    const filled = 'progress' in end ? (end.progress ?? 0) / PAGE : 0;
    expect(machine.freePages).toBe(0);
    const next = () => uffd.copySync({ dst: at(filled), src: page(7) });
    expect(ending(next)).toEqual({ code: 'ENOMEM', progress: -12 });
    expect(main.readSync(BASE, filled * PAGE)).toEqual(page(7, filled));
  });

  test('is ENOMEM to fork, which leaves no half of a child behind', () => {
    const { machine, hog } = full(3);
    const count = machine.processes.length;
    expect(errno(() => hog.main.forkSync())).toBe('ENOMEM');
    expect(machine.processes.length).toBe(count);
    expect(hog.main.load8Sync(at(5))).toBe(5);
  });

  test('is ENOSPC to pwrite and fallocate of shmem', () => {
    const { hog } = full(2);
    const fd = hog.main.memfdCreateSync('ram');
    const write = () => hog.main.pwriteSync({ fd, bytes: page(1, 8), offset: 0 });
    expect(ending(write)).toEqual({ value: 2 * PAGE });
    expect(errno(write)).toBe('ok');
    const more = () => hog.main.pwriteSync({ fd, bytes: page(1), offset: 9 * PAGE });
    expect(errno(more)).toBe('ENOSPC');
    const reserve = () =>
      hog.main.fallocateSync({ fd, mode: 0, offset: 16 * PAGE, length: 4 * PAGE });
    expect(errno(reserve)).toBe('ENOMEM');
  });

  test('is no reason to fail mmap: memory is taken at the first touch', () => {
    const { hog } = full(0);
    expect(errno(() => mapAt(hog.main, at(1000), 16))).toBe('ok');
  });
});

describe('a swap device that cannot read', () => {
  /** Four pages in swap, the second of which cannot be read. */
  function broken(modes: number = W, features = 0) {
    const it = facts({ modes: 0, features });
    it.guest.main.writeSync(at(0), page(7, 4));
    for (let n = 0; n < 4; n++) it.swapOut(n);
    const { entry } = it.guest.machine.explain(it.guest.main, at(1));
    if (entry.kind !== 'swap') throw new Error(`a ${entry.kind} is there`);
    it.swap.failReads(entry.slot);
    it.guest.uffd.registerSync({ ...pagesAt(at(0), 4), mode: modes });
    return it;
  }

  test('is SIGBUS to user code, EFAULT to the kernel, and the entry stays', () => {
    const it = broken();
    const { main } = it.guest;
    expect(it.loads(1)).toEqual({ signal: 'SIGBUS', code: 'BUS_ADRERR', addr: at(1) });
    const { writeFd } = main.pipeSync();
    const out = () => main.sysWriteSync({ fd: writeFd, addr: at(1), count: 8 });
    expect(errno(out)).toBe('EFAULT');
    expect(errno(() => it.advise(MADV_POPULATE_WRITE, 0, 4))).toBe('EFAULT');
    expect(it.states()).toBe('PX S S S');
  });

  test('while a fork waits for its event: parent and child have the entry, both get SIGBUS', async () => {
    const it = broken(W, UFFD_FEATURE_EVENT_FORK);
    const fork = it.guest.t0.fork();
    expect(it.guest.t0.state).toBe('blocked');
    expect(it.loads(1)).toMatchObject({ signal: 'SIGBUS' });
    expect(it.messages()).toEqual(['fork']);
    const child = it.guest.machine.process(await fork);
    const loads = (n: number) => errno(() => child.main.load8Sync(at(n)));
    expect([it.state(1), it.state(1, child)]).toEqual(['S', 'S']);
    expect([loads(0), loads(1)]).toEqual(['ok', 'SIGBUS']);
  });

  test('while a fork waits and swapoff comes: parent and child get the error', async () => {
    const it = broken(W, UFFD_FEATURE_EVENT_FORK);
    const fork = it.guest.t0.fork();
    it.swap.off();
    expect(it.messages()).toEqual(['fork']);
    const child = it.guest.machine.process(await fork);
    expect([it.state(1), it.state(1, child)]).toEqual(['Kp', 'Kp']);
    expect(child.main.load8Sync(at(0))).toBe(7);
  });

  test('under the source of a fill: EFAULT, partial where pages came before', () => {
    const it = broken();
    const { main, uffd } = it.guest;
    mapAt(main, at(16), 4);
    uffd.registerSync({ ...pagesAt(at(16), 4), mode: M });
    const whole = () => uffd.copySync({ dst: at(16), src: at(0), len: 4 * PAGE });
    expect(ending(whole)).toEqual({ code: 'EAGAIN', progress: PAGE });
    const rest = () => uffd.copySync({ dst: at(17), src: at(1), len: PAGE });
    expect(ending(rest)).toEqual({ code: 'EFAULT', progress: -14 });
    expect(statesOf(it.guest.proc, at(16), 4)).toEqual(['PX', '-', '-', '-']);
  });

  test('under the destination of a fill: EEXIST, for the page is not missing', () => {
    const it = broken(M | W);
    expect(errno(() => it.copy(1, 7))).toBe('EEXIST');
    expect(it.state(1)).toBe('S');
  });

  test('with a page of shmem: SIGBUS, EIO of read(2), write(2) and CONTINUE, for good', () => {
    const it = facts({ kind: 'shared', modes: 0 });
    const { main, uffd, fd } = it.guest;
    main.writeSync(at(0), page(7, 2));
    it.swapOut(0);
    it.swap.failReads(1); // the first slot of the device
    uffd.registerSync({ ...pagesAt(at(0), 4), mode: N });
    const errors = () => [
      errno(() => main.preadSync({ fd, count: 8, offset: 0 })),
      errno(() => main.pwriteSync({ fd, bytes: page(1), offset: 0 })),
      errno(() => uffd.continueSync(pagesAt(at(0)))),
    ];
    expect(errors()).toEqual(['EIO', 'EIO', 'EIO']);
    it.swap.off();
    expect(errors()).toEqual(['EIO', 'EIO', 'EIO']);
    uffd.unregisterSync(pagesAt(at(0), 4));
    expect(it.loads(0)).toMatchObject({ signal: 'SIGBUS', code: 'BUS_ADRERR' });
    expect(it.loads(1)).toEqual({ value: 7 });
    expect(main.preadSync({ fd, count: PAGE, offset: PAGE })).toEqual(page(7));
  });

  test('with a page of shmem is forgotten with the page: a hole reads zeros', () => {
    const it = facts({ kind: 'shared', modes: 0 });
    it.guest.main.writeSync(at(0), page(7));
    it.swapOut(0);
    it.swap.failReads(1);
    it.swap.off();
    it.punch(0);
    expect(it.loads(0)).toEqual({ value: 0 });
  });
});

describe('a call that never returns on Linux', () => {
  const protectedFile = (kind: 'shared' | 'private') => {
    const it = facts({ kind, modes: W });
    it.guest.main.store8Sync(at(1), 1);
    it.protect(1);
    return it;
  };

  test.each(['shared', 'private'] as const)(
    'ends with an error that names the kernel behaviour: guards over %s pages of a file',
    async (kind) => {
      const it = protectedFile(kind);
      const request = { ...span(at(0), 4), advice: MADV_GUARD_INSTALL };
      const before = it.states();
      const maps = it.guest.proc.maps();
      expect(() => it.guest.main.madviseSync(request)).toThrow(KernelHangError);
      await expect(it.guest.t0.madvise(request)).rejects.toThrow(
        /MADV_GUARD_INSTALL over write-protected file pages never returns on Linux: .* marker/,
      );
      expect([it.states(), it.guest.proc.maps()]).toEqual([before, maps]);
      expect(it.guest.t0.state).toBe('idle');
    },
  );

  test('is no reason to refuse what returns: anonymous pages, pages without protection', () => {
    const plain = facts({ kind: 'shared', modes: W });
    plain.guest.main.store8Sync(at(1), 1);
    plain.guard(1);
    const anon = facts({ modes: W });
    anon.dirtyAndProtect(1);
    anon.guard(1);
    expect([plain.state(1), anon.state(1)]).toEqual(['Kg', 'Kg']);
    expect(drain(plain.guest.uffd, BASE)).toEqual([]);
  });
});

test('a promise of an access that the killer ended is rejected, not left waiting', async () => {
  const { hog } = full(0);
  const end = await endingOfPromise(hog.main.store8(at(63), 1));
  expect(end).toMatchObject({ signal: 'SIGKILL' });
});
