/** UFFDIO_COPY that reads user memory: its source may itself be missing; then the call waits. */
import {
  FaultPendingError,
  type KernelVersion,
  MADV_DONTNEED,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_NONE,
  UFFD_FEATURE_EVENT_REMOVE,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import {
  anotherUffd,
  BASE,
  M,
  machineWith,
  mapAt,
  memfd,
  PAGE,
  page,
  pagesAt,
  RW,
  span,
} from '../support/guest.js';
import { drain, ending, endingOfPromise, pages, snapshot } from '../support/observe.js';

/** A registered area at page 0 and another, with a userfaultfd of its own, at page 16. */
function missingSource(features = 0, kernel: KernelVersion = '6.18') {
  const guest = machineWith({ features, kernel });
  const { main, at } = guest;
  mapAt(main, at(16), 4);
  const sources = anotherUffd(main);
  sources.registerSync({ ...pagesAt(at(16), 4), mode: M });
  return { ...guest, sources };
}

describe('a missing source page', () => {
  test('raises a fault message; the ioctl waits until it is resolved [9.44]', async () => {
    const { uffd, sources, main, at } = missingSource();
    const copy = uffd.copy({ dst: at(0), src: at(16), len: PAGE });
    expect(drain(sources, at(16))).toEqual(['fault 0 @0']);
    sources.copySync({ dst: at(16), src: page(7) });
    expect(await copy).toBe(PAGE);
    expect(main.readSync(at(0), PAGE)).toEqual(page(7));
  });

  test('of the same userfaultfd is served by another reader [9.44]', async () => {
    const { uffd, main, at } = machineWith();
    const copy = uffd.copy({ dst: at(0), src: at(2) + 100, len: PAGE });
    expect(drain(uffd, BASE)).toEqual(['fault 0 @2']);
    uffd.copySync({ dst: at(2), src: page(2) });
    expect(drain(uffd, BASE)).toEqual(['fault 0 @3']);
    uffd.copySync({ dst: at(3), src: page(3) });
    expect(await copy).toBe(PAGE);
    expect(main.load8Sync(at(0))).toBe(2);
    expect(main.load8Sync(at(0) + PAGE - 1)).toBe(3);
  });

  test('whose destination was unmapped meanwhile ends with ENOENT and -2 [9.45]', async () => {
    const { uffd, sources, main, at } = missingSource();
    const copy = uffd.copy({ dst: at(0), src: at(16), len: PAGE });
    main.munmapSync(span(at(0), 4));
    sources.zeropageSync(pagesAt(at(16)));
    expect(await endingOfPromise(copy)).toEqual({ code: 'ENOENT', progress: -2 });
  });

  test('whose destination was filled meanwhile ends with EEXIST and -17', async () => {
    const { uffd, sources, main, at } = missingSource();
    const copy = uffd.copy({ dst: at(0), src: at(16), len: PAGE });
    uffd.copySync({ dst: at(0), src: page(9) });
    sources.zeropageSync(pagesAt(at(16)));
    expect(await endingOfPromise(copy)).toEqual({ code: 'EEXIST', progress: -17 });
    expect(main.load8Sync(at(0))).toBe(9);
  });

  test('whose destination was unregistered meanwhile ends with ENOENT', async () => {
    const { uffd, sources, proc, at } = missingSource();
    const copy = uffd.copy({ dst: at(0), src: at(16), len: PAGE });
    uffd.unregisterSync(pagesAt(at(0), 4));
    sources.zeropageSync(pagesAt(at(16)));
    expect(await endingOfPromise(copy)).toEqual({ code: 'ENOENT', progress: -2 });
    expect(pages(proc, BASE, 1)).toBe('-');
  });

  test('while an event became unread ends with EAGAIN and -11', async () => {
    const { uffd, sources, t0, at } = missingSource(UFFD_FEATURE_EVENT_REMOVE);
    const copy = uffd.copy({ dst: at(0), src: at(16), len: PAGE });
    const advice = t0.madvise({ ...span(at(3)), advice: MADV_DONTNEED });
    sources.zeropageSync(pagesAt(at(16)));
    expect(await endingOfPromise(copy)).toEqual({ code: 'EAGAIN', progress: -11 });
    drain(uffd, BASE);
    await advice;
  });

  test('whose destination became another kind of memory is EAGAIN in 7.3', async () => {
    const { uffd, sources, main, at } = missingSource(0, '7.3');
    const copy = uffd.copy({ dst: at(0), src: at(16), len: PAGE });
    mapAt(main, at(0), 4, { kind: 'shared', fd: memfd(main, 4) });
    uffd.registerSync({ ...pagesAt(at(0), 4), mode: M });
    sources.zeropageSync(pagesAt(at(16)));
    expect(await endingOfPromise(copy)).toEqual({ code: 'EAGAIN', progress: -11 });
  });

  test('that is unmapped while the ioctl waits is EFAULT after a WAKE', async () => {
    const { uffd, sources, main, at } = missingSource();
    const copy = uffd.copy({ dst: at(0), src: at(16), len: PAGE });
    main.munmapSync(span(at(16), 4));
    sources.wakeSync(pagesAt(at(16)));
    expect(await endingOfPromise(copy)).toEqual({ code: 'EFAULT', progress: -14 });
  });

  test('that is the second one ends a partial copy: the first page is there before', async () => {
    const { uffd, sources, t0, main, at } = missingSource();
    sources.copySync({ dst: at(16), src: page(5) });
    const load = t0.load8(at(0));
    const copy = uffd.copy({ dst: at(0), src: at(16), len: 2 * PAGE });
    expect(main.load8Sync(at(0))).toBe(5);
    expect(t0.state).toBe('blocked');
    sources.poisonSync(pagesAt(at(17)));
    expect(await endingOfPromise(copy)).toEqual({ code: 'EAGAIN', progress: PAGE });
    expect(await load).toBe(5);
  });

  test('that the …Sync form would wait for is FaultPendingError; nothing changes', () => {
    const { uffd, sources, machine, at } = missingSource();
    uffd.zeropageSync(pagesAt(at(3)));
    const before = snapshot(machine);
    const copy = () => uffd.copySync({ dst: at(0), src: at(16), len: PAGE });
    expect(copy).toThrow(FaultPendingError);
    expect(snapshot(machine)).toEqual(before);
    expect(sources.fdinfo()).toMatchObject({ pending: 0, total: 0 });
    expect(drain(sources, at(16))).toEqual([]);
  });

  test('keeps its bytes when the memory of the machine grows while the ioctl waits', async () => {
    const { uffd, sources, main, at } = missingSource();
    const copy = uffd.copy({ dst: at(0), src: at(16), len: PAGE });
    mapAt(main, at(64), 1024);
    for (let n = 64; n < 64 + 1024; n++) main.store8Sync(at(n), 1);
    sources.copySync({ dst: at(16), src: page(7) });
    expect(await copy).toBe(PAGE);
    expect([main.load8Sync(at(0)), main.load8Sync(at(0) + PAGE - 1)]).toEqual([7, 7]);
  });
});

describe('an unreadable source', () => {
  test('is EFAULT: unmapped, PROT_NONE, poisoned, beyond the end of a file', () => {
    const { uffd, main, sources, at } = missingSource();
    mapAt(main, at(32), 1, { prot: PROT_NONE });
    sources.poisonSync(pagesAt(at(18)));
    mapAt(main, at(48), 1, { kind: 'shared', fd: main.memfdCreateSync('empty') });
    for (const n of [33, 32, 18, 48]) {
      const copy = () => uffd.copySync({ dst: at(0), src: at(n), len: PAGE });
      expect(ending(copy)).toEqual({ code: 'EFAULT', progress: -14 });
    }
  });

  test('is not looked at when the destination cannot be had', () => {
    const { uffd, sources, at } = missingSource();
    const copy = () => uffd.copySync({ dst: at(64), src: at(16), len: PAGE });
    expect(ending(copy)).toEqual({ code: 'ENOENT', progress: -2 });
    expect(sources.fdinfo().total).toBe(0);
  });

  test('wins over EEXIST, as it is read first', () => {
    const { uffd, at } = machineWith();
    uffd.zeropageSync(pagesAt(at(0)));
    const copy = () => uffd.copySync({ dst: at(0), src: at(64), len: PAGE });
    expect(ending(copy)).toEqual({ code: 'EFAULT', progress: -14 });
  });
});

describe("the caller's address space", () => {
  test('is where the source is read, the owner is where the pages go', () => {
    const { uffd, machine, main, at } = machineWith();
    const manager = machine.spawn({ name: 'manager' });
    mapAt(manager.main, at(16), 1, { prot: RW });
    manager.main.writeSync(at(16), page(7));
    const remote = manager.receive(uffd);
    expect(remote.copySync({ dst: at(0), src: at(16), len: PAGE })).toBe(PAGE);
    expect(main.load8Sync(at(0))).toBe(7);
    expect(pages(manager, at(0), 1)).toBe('-');
  });

  test('waits for the manager itself, not for the guest', async () => {
    const { uffd, machine, t0, at } = machineWith();
    const manager = machine.spawn({ name: 'manager' });
    mapAt(manager.main, at(16), 1);
    const own = anotherUffd(manager.main);
    own.registerSync({ ...pagesAt(at(16)), mode: M });
    const load = t0.load8(at(0));
    const copy = manager.receive(uffd).copy({ dst: at(0), src: at(16), len: PAGE });
    expect(drain(own, at(16))).toEqual(['fault 0 @0']);
    own.copySync({ dst: at(16), src: page(3) });
    expect([await copy, await load]).toEqual([PAGE, 3]);
  });

  test('may lie where the destination was before it moved', () => {
    const { uffd, main, at } = machineWith();
    uffd.copySync({ dst: at(0), src: page(6) });
    const flags = MREMAP_MAYMOVE | MREMAP_FIXED;
    const moved = { oldAddress: at(0), oldSize: PAGE, newSize: PAGE, flags, newAddress: at(16) };
    main.mremapSync(moved);
    expect(uffd.copySync({ dst: at(1), src: at(16), len: PAGE })).toBe(PAGE);
    expect(main.load8Sync(at(1))).toBe(6);
  });
});
