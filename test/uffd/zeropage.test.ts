/** UFFDIO_ZEROPAGE: the zero page in private memory, new pages of the file in shared shmem. */
import { UFFD_FEATURE_WP_UNPOPULATED, UFFDIO_ZEROPAGE, uffdio_zeropage } from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { BASE, M, machineWith, PAGE, page, pagesAt, W } from '../support/guest.js';
import { drain, ending, errno, pages } from '../support/observe.js';

describe('anonymous memory', () => {
  test('reads as zeros, and a later write raises no event [9.46]', () => {
    const { uffd, proc, machine, t0, at } = machineWith();
    uffd.copySync({ dst: at(3), src: page(1) });
    const before = machine.freePages;
    expect(uffd.zeropageSync(pagesAt(at(0), 2))).toBe(2 * PAGE);
    expect(machine.freePages).toBe(before);
    expect(pages(proc, BASE, 3)).toBe('P P -');
    expect(t0.load8Sync(at(0))).toBe(0);
    t0.store8Sync(at(0), 5);
    expect(machine.freePages).toBe(before - 1);
    expect(t0.load8Sync(at(1))).toBe(0);
    expect(drain(uffd, BASE)).toEqual([]);
  });

  test('resolves a write fault: the thread copies and goes on', async () => {
    const { uffd, t0, at } = machineWith();
    const store = t0.store8(at(0) + 9, 5);
    expect(drain(uffd, BASE)).toEqual(['fault 1 @0']);
    uffd.zeropageSync(pagesAt(at(0)));
    await store;
    expect(t0.readSync(at(0) + 8, 3)).toEqual(Uint8Array.of(0, 5, 0));
    expect(drain(uffd, BASE)).toEqual([]);
  });

  test('uffd-wp and poison markers and pages are EEXIST [9.48]', () => {
    const { uffd, proc, at } = machineWith({
      modes: M | W,
      features: UFFD_FEATURE_WP_UNPOPULATED,
    });
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: 1 });
    uffd.poisonSync(pagesAt(at(1)));
    uffd.zeropageSync(pagesAt(at(2)));
    for (const n of [0, 1, 2]) {
      const zero = () => uffd.zeropageSync(pagesAt(at(n)));
      expect(ending(zero)).toEqual({ code: 'EEXIST', progress: -17 });
    }
    expect(pages(proc, BASE, 4)).toBe('mw m P -');
  });

  test('in an M+W area is not write-protected', () => {
    const { uffd, proc, t0, at } = machineWith({ modes: M | W });
    uffd.zeropageSync(pagesAt(at(0)));
    expect(pages(proc, BASE, 1)).toBe('P');
    t0.store8Sync(at(0), 1);
    expect(drain(uffd, BASE)).toEqual([]);
  });

  test('stops at a page that is there with EAGAIN; waiters before it wake [9.30]', async () => {
    const { uffd, t0, t1, at } = machineWith();
    uffd.copySync({ dst: at(2), src: page(1) });
    const load = t0.load8(at(1));
    void t1.load8(at(3));
    const zero = () => uffd.zeropageSync(pagesAt(at(0), 4));
    expect(ending(zero)).toEqual({ code: 'EAGAIN', progress: 2 * PAGE });
    expect(await load).toBe(0);
    expect(t1.state).toBe('blocked');
  });

  test('with DONTWAKE leaves the waiter', () => {
    const { uffd, t0, at } = machineWith();
    void t0.load8(at(0));
    uffd.zeropageSync({ ...pagesAt(at(0)), mode: 1 });
    expect(t0.state).toBe('blocked');
    uffd.wakeSync(pagesAt(at(0)));
    expect(t0.state).toBe('idle');
  });

  test('has no WP mode: bit 1 is EINVAL and the field stays as it was', () => {
    const { uffd, at } = machineWith({ modes: M | W });
    const bytes = uffdio_zeropage.encode({ range: pagesAt(at(0)), mode: 2, zeropage: 0x77n });
    expect(errno(() => uffd.ioctlSync(UFFDIO_ZEROPAGE, bytes))).toBe('EINVAL');
    expect(uffdio_zeropage.decode(bytes).zeropage).toBe(0x77n);
  });

  test('is inherited as the zero page and copied on write in each process', () => {
    const { uffd, machine, main, t0, at } = machineWith();
    uffd.zeropageSync(pagesAt(at(0)));
    const child = machine.process(main.forkSync());
    child.main.store8Sync(at(0), 4);
    expect([t0.load8Sync(at(0)), child.main.load8Sync(at(0))]).toEqual([0, 4]);
  });
});

describe('shmem', () => {
  test('a hole of a shared mapping gets a page of the file, which is written through', () => {
    const { uffd, proc, main, machine, t0, fd, at } = machineWith({ kind: 'shared' });
    uffd.zeropageSync(pagesAt(at(0)));
    const before = machine.freePages;
    expect(pages(proc, BASE, 2)).toBe('F -');
    t0.store8Sync(at(0), 6);
    expect(machine.freePages).toBe(before);
    expect(main.preadSync({ fd, count: 2, offset: 0 })).toEqual(Uint8Array.of(6, 0));
  });

  test('a cached page of a shared mapping is EEXIST', () => {
    const { uffd, at } = machineWith({ kind: 'shared', cached: [1] });
    const zero = () => uffd.zeropageSync(pagesAt(at(0)));
    expect(ending(zero)).toEqual({ code: 'EEXIST', progress: -17 });
  });

  test('a private mapping gets the zero page over a cached page, the file keeps its own', () => {
    const { uffd, main, proc, t0, fd, at } = machineWith({ kind: 'private', cached: [1] });
    uffd.zeropageSync(pagesAt(at(0)));
    expect(pages(proc, BASE, 1)).toBe('P');
    expect(t0.load8Sync(at(0))).toBe(0);
    expect(main.preadSync({ fd, count: 1, offset: 0 })).toEqual(Uint8Array.of(1));
  });

  test('replaces markers of a shared mapping, those of a private one are EEXIST', () => {
    const zero = (kind: 'shared' | 'private') => {
      const { uffd, proc, at } = machineWith({ kind, modes: M | W });
      uffd.writeprotectSync({ ...pagesAt(at(0)), mode: 1 });
      uffd.poisonSync(pagesAt(at(1)));
      const ends = [0, 1].map((n) => errno(() => uffd.zeropageSync(pagesAt(at(n)))));
      return [...ends, pages(proc, BASE, 2)];
    };
    expect(zero('shared')).toEqual(['ok', 'ok', 'F F']);
    expect(zero('private')).toEqual(['EEXIST', 'EEXIST', 'mw m']);
  });
});
