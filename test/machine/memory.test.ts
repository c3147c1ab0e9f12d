/** Memory that runs out: ENOMEM of fills, the out-of-memory killer, what is freed. */
import { MADV_DONTNEED, UFFDIO_COPY, uffdio_copy } from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import {
  BASE,
  type GuestOptions,
  M,
  machineWith,
  mapAt,
  PAGE,
  page,
  pagesAt,
  span,
} from '../support/guest.js';
import { ending, errno, pages } from '../support/observe.js';

const OOM = { code: 'ENOMEM', progress: -12 };

/** A guest of 64 pages of memory with `free` pages left once page tables exist. */
function nearlyFull(free: number, options: GuestOptions = {}) {
  const guest = machineWith({ memory: 64 * PAGE, pages: 16, ...options });
  const { machine, uffd, main, at } = guest;
  uffd.zeropageSync(pagesAt(at(15)));
  mapAt(main, at(64), 64);
  for (let n = 64; machine.freePages > free; n++) main.store8Sync(at(n), 1);
  return guest;
}

describe('a fill without memory', () => {
  test('is ENOMEM -12 in COPY, changes nothing, and works again when there is some', () => {
    const { uffd, proc, main, at } = nearlyFull(0);
    const copy = () => uffd.copySync({ dst: at(0), src: page(7) });
    expect(ending(copy)).toEqual(OOM);
    expect(pages(proc, BASE, 2)).toBe('- -');
    main.madviseSync({ ...span(at(64)), advice: MADV_DONTNEED });
    expect(ending(copy)).toEqual({ value: PAGE });
  });

  test('half-way is EAGAIN with the bytes done', () => {
    const { uffd, proc, at } = nearlyFull(2);
    const copy = () => uffd.copySync({ dst: at(0), src: page(7, 4) });
    expect(ending(copy)).toEqual({ code: 'EAGAIN', progress: 2 * PAGE });
    expect(pages(proc, BASE, 4)).toBe('P P - -');
  });

  test('is ENOMEM in COPY and ZEROPAGE of shared shmem; the file stays as it was', () => {
    const { uffd, main, fd, at } = nearlyFull(0, { kind: 'shared' });
    expect(ending(() => uffd.copySync({ dst: at(0), src: page(7) }))).toEqual(OOM);
    expect(ending(() => uffd.zeropageSync(pagesAt(at(0))))).toEqual(OOM);
    expect(main.preadSync({ fd, count: 1, offset: 0 })).toEqual(Uint8Array.of(0));
    expect(main.mincoreSync(span(at(0)))).toEqual(Uint8Array.of(0));
  });

  test('needs none for the zero page, poison, protection and moves', () => {
    const { uffd, main, proc, at } = nearlyFull(0, { modes: 3 });
    expect(ending(() => uffd.zeropageSync(pagesAt(at(0))))).toEqual({ value: PAGE });
    expect(ending(() => uffd.poisonSync(pagesAt(at(1))))).toEqual({ value: PAGE });
    expect(errno(() => uffd.writeprotectSync({ ...pagesAt(at(0)), mode: 1 }))).toBe('ok');
    const move = () => uffd.moveSync({ dst: at(2), src: at(64), len: PAGE });
    expect(ending(move)).toEqual({ value: PAGE });
    expect(pages(proc, BASE, 4)).toBe('Pw m P -');
    expect(main.load8Sync(at(2))).toBe(1);
  });

  test('writes the field through the raw path too', () => {
    const { uffd, at } = nearlyFull(0);
    const bytes = uffdio_copy.encode({ dst: at(0), src: at(64), len: PAGE, copy: 0x77n });
    expect(errno(() => uffd.ioctlSync(UFFDIO_COPY, bytes))).toBe('ENOMEM');
    expect(uffdio_copy.decode(bytes).copy).toBe(-12n);
  });
});

describe('an access without memory', () => {
  test('ends the largest process, and goes on with its pages', () => {
    const { machine, proc, at } = nearlyFull(8);
    const small = machine.spawn({ name: 'small' });
    mapAt(small.main, BASE, 8);
    for (let n = 0; n < 8; n++) small.main.store8Sync(at(n), n);
    expect(proc.ended).toBe(true);
    expect(small.main.load8Sync(at(7))).toBe(7);
  });

  test('of the largest process itself ends it with SIGKILL', () => {
    const { proc, t0, at } = nearlyFull(0);
    expect(errno(() => t0.store8Sync(at(127), 1))).toBe('SIGKILL');
    expect([proc.ended, t0.state]).toEqual([true, 'dead']);
  });

  test('of a waiting guest lets its manager see it die', async () => {
    const { uffd, machine, proc, t0, t1, at } = nearlyFull(1);
    const manager = machine.spawn({ name: 'manager' }).receive(uffd);
    const load = Promise.allSettled([t1.load8(at(0))]);
    expect(errno(() => t0.store64Sync(at(127), 1n))).toBe('SIGKILL');
    expect(await load).toMatchObject([{ reason: { name: 'ProcessEndedError' } }]);
    expect(proc.ended).toBe(true);
    expect(manager.fdinfo().total).toBe(0);
    expect(errno(() => manager.zeropageSync(pagesAt(at(0))))).toBe('ESRCH');
  });
});

test('a process without memory for its page table is RangeError and leaves nothing', () => {
  const { machine } = nearlyFull(0);
  const before = machine.processes.length;
  expect(() => machine.spawn()).toThrow(RangeError);
  expect([machine.freePages, machine.processes.length]).toEqual([0, before]);
});

describe('memory comes back', () => {
  test('with munmap, MADV_DONTNEED, close of a memfd, exit', () => {
    const { machine, main, at } = machineWith({ modes: 0, pages: 8 });
    main.store8Sync(at(7), 1); // so that the page tables are there
    const start = machine.freePages;
    main.writeSync(at(0), page(1, 4));
    main.madviseSync({ ...span(at(0), 2), advice: MADV_DONTNEED });
    const fd = main.memfdCreateSync('ram');
    main.pwriteSync({ fd, bytes: page(1, 8), offset: 0 });
    expect(start - machine.freePages).toBeGreaterThanOrEqual(10);
    main.closeSync(fd);
    main.munmapSync(span(at(0), 4));
    expect(machine.freePages).toBe(start);
    const child = machine.process(main.forkSync());
    child.exit();
    expect(machine.freePages).toBe(start);
  });

  test('when fills fail: no frame stays with a refused page', () => {
    const { uffd, machine, at } = machineWith({ kind: 'shared', cached: [1], filePages: 2 });
    uffd.zeropageSync(pagesAt(at(1)));
    const before = machine.freePages;
    for (const n of [0, 1, 2, 9]) {
      expect(errno(() => uffd.copySync({ dst: at(n), src: page(1) }))).not.toBe('ok');
      expect(errno(() => uffd.zeropageSync(pagesAt(at(n))))).not.toBe('ok');
    }
    expect(machine.freePages).toBe(before);
  });

  test('from a shared page only with its last mapping', () => {
    const { uffd, machine, main, at } = machineWith();
    uffd.copySync({ dst: at(0), src: page(1) });
    const child = machine.process(main.forkSync());
    const before = machine.freePages;
    main.munmapSync(span(at(0), 4));
    expect(child.main.load8Sync(at(0))).toBe(1);
    const tables = machine.freePages - before;
    child.main.munmapSync(span(at(0), 4));
    expect(machine.freePages - before - tables).toBe(tables + 1);
    expect(errno(() => uffd.registerSync({ ...pagesAt(at(0)), mode: M }))).toBe('EINVAL');
  });
});
