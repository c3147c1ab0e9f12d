/** mincore(2): its checks, and which pages of which memory count. */
import { describe, expect, test } from 'vitest';
import { TASK_SIZE } from '../../src/base/page.js';
import {
  BASE,
  M,
  machineWith,
  mapAt,
  memfd,
  newMachine,
  PAGE,
  page,
  pagesAt,
  span,
} from '../support/guest.js';
import { errno } from '../support/observe.js';

describe('the range', () => {
  test.each([
    ['an address within a page', { addr: BASE + 1, length: PAGE }, 'EINVAL'],
    ['no bytes', { addr: BASE, length: 0 }, 'ok'],
    ['no bytes at the end of user space', { addr: TASK_SIZE, length: 0 }, 'ok'],
    ['no bytes beyond user space', { addr: (1n << 64n) - 4096n, length: 0 }, 'ENOMEM'],
    ['a range that ends beyond user space', { addr: TASK_SIZE - PAGE, length: 2 * PAGE }, 'ENOMEM'],
    ['a length that wraps', { addr: BASE, length: (1n << 64n) - 1n }, 'ENOMEM'],
    ['64 TiB that begin with a page', { addr: BASE, length: 2 ** 46 }, 'ENOMEM'],
    ['nothing that is mapped', { addr: BASE + PAGE, length: PAGE }, 'ENOMEM'],
    ['a page and a hole', { addr: BASE, length: 2 * PAGE }, 'ENOMEM'],
  ])('of %s', (_name, range, code) => {
    const { main } = newMachine().spawn();
    mapAt(main, BASE, 1);
    expect(errno(() => main.mincoreSync(range))).toBe(code);
  });

  test('gives a byte for each page that it touches', () => {
    const { main, at } = machineWith({ modes: 0 });
    main.store8Sync(at(1), 1);
    expect([...main.mincoreSync({ addr: at(0), length: PAGE + 1 })]).toEqual([0, 1]);
  });
});

describe('anonymous memory', () => {
  test('counts pages that are mapped, the zero page too, and no markers', () => {
    const { main, uffd, at } = machineWith({ pages: 6, modes: M | 2, features: 1 << 13 });
    uffd.copySync({ dst: at(0), src: page(1) });
    uffd.zeropageSync(pagesAt(at(1)));
    uffd.poisonSync(pagesAt(at(2)));
    uffd.writeprotectSync({ ...pagesAt(at(3)), mode: 1 });
    main.madviseSync({ ...span(at(4)), advice: 102 });
    expect([...main.mincoreSync(span(at(0), 6))]).toEqual([1, 1, 0, 0, 0, 0]);
  });

  test('raises no fault and makes no page', () => {
    const { machine, main, uffd, at } = machineWith();
    const before = machine.freePages;
    main.mincoreSync(span(at(0), 4));
    expect([uffd.readMsgSync(), machine.freePages]).toEqual([undefined, before]);
  });
});

describe('memory of a file', () => {
  test('counts what the page cache has, mapped or not, beneath a marker too', () => {
    const { main, uffd, at } = machineWith({ kind: 'shared', cached: [1, 2], modes: 2 });
    uffd.writeprotectSync({ ...pagesAt(at(1), 2), mode: 1 });
    expect([...main.mincoreSync(span(at(0), 4))]).toEqual([1, 1, 0, 0]);
  });

  test('counts a private copy after the page of the file is gone', () => {
    const { main, fd, at } = machineWith({ kind: 'private', cached: [1], modes: 0 });
    main.store8Sync(at(0), 2);
    main.fallocateSync({ fd, mode: 3, offset: 0, length: PAGE });
    expect([...main.mincoreSync(span(at(0)))]).toEqual([1]);
  });

  test('does not count pages that were only allocated, also after pread', () => {
    const { main } = newMachine().spawn();
    const fd = memfd(main, 2);
    main.fallocateSync({ fd, mode: 0, offset: 0, length: 2 * PAGE });
    mapAt(main, BASE, 2, { kind: 'shared', fd });
    expect([...main.mincoreSync(span(BASE, 2))]).toEqual([0, 0]);
    main.preadSync({ fd, count: 16, offset: 0 });
    expect([...main.mincoreSync(span(BASE, 2))]).toEqual([0, 0]);
    main.store8Sync(BASE + PAGE, 1);
    expect([...main.mincoreSync(span(BASE, 2))]).toEqual([0, 1]);
  });

  test('counts them after another allocation of the range', () => {
    const { main } = newMachine().spawn();
    const fd = memfd(main, 4);
    main.fallocateSync({ fd, mode: 0, offset: PAGE, length: 2 * PAGE });
    main.fallocateSync({ fd, mode: 0, offset: 0, length: 2 * PAGE });
    mapAt(main, BASE, 4, { kind: 'shared', fd });
    expect([...main.mincoreSync(span(BASE, 4))]).toEqual([0, 1, 0, 0]);
  });
});
