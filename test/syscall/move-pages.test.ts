/** move_pages(2): the order of its checks, its answer for each page, by kernel. */
import { MPOL_MF_MOVE_ALL } from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { BASE, type Guest, machineWith, mapAt, PAGE, span } from '../support/guest.js';
import { errno } from '../support/observe.js';

const [EFAULT, ENOENT, EACCES] = [-14, -2, -13];

/** A page of each kind: written, PROT_NONE, the zero page, untouched, a hole, a hole of a file. */
function guestOfKinds(kernel: '6.1' | '6.12' = '6.12'): Guest {
  const guest = machineWith({ kernel, nodes: 2, pages: 4, modes: 0 });
  const { main, at } = guest;
  main.store8Sync(at(0), 1);
  main.store8Sync(at(1), 1);
  main.mprotectSync({ ...span(at(1)), prot: 0 });
  main.load8Sync(at(2));
  const fd = main.memfdCreateSync('file');
  main.ftruncateSync({ fd, length: PAGE });
  mapAt(main, at(5), 1, { kind: 'shared', fd });
  return guest;
}

const move = ({ main, at }: Guest, node: number, count = 6, flags = 0) =>
  main.movePagesSync({
    pages: Array.from({ length: count }, (_, n) => at(n)),
    nodes: Array.from({ length: count }, () => node),
    flags,
  }).status;

test('answers the node, or why there is no page to move', () => {
  expect(move(guestOfKinds(), 1)).toEqual([1, 1, EFAULT, ENOENT, EFAULT, ENOENT]);
});

test('went by access rights before 6.12 and called untouched anonymous memory EFAULT', () => {
  expect(move(guestOfKinds('6.1'), 1)).toEqual([1, ENOENT, EFAULT, EFAULT, EFAULT, ENOENT]);
});

test('without nodes only asks', () => {
  const guest = guestOfKinds();
  const pages = [0, 1, 2, 3, 4].map(guest.at);
  const ask = () => guest.main.movePagesSync({ pages }).status;
  expect(ask()).toEqual([0, 0, EFAULT, ENOENT, EFAULT]);
  move(guest, 1, 1);
  expect(ask()).toEqual([1, 0, EFAULT, ENOENT, EFAULT]);
});

test('leaves a page that others map too, unless MPOL_MF_MOVE_ALL, or unless it is there already', () => {
  const guest = guestOfKinds();
  guest.main.forkSync();
  expect(move(guest, 1, 1)).toEqual([EACCES]);
  expect(move(guest, 0, 1)).toEqual([0]);
  expect(move(guest, 1, 1, MPOL_MF_MOVE_ALL)).toEqual([1]);
});

describe('refuses', () => {
  test('unknown flags, then rights, then the process, then a node, in this order', () => {
    const guest = guestOfKinds();
    const { main, at, machine } = guest;
    const other = machine.spawn({ name: 'other', uid: 1000 });
    const call = (flags: number, pid: number, node: number, by = main) =>
      errno(() => by.movePagesSync({ pid, pages: [at(0)], nodes: [node], flags }));
    expect(call(8, 4711, 9)).toBe('EINVAL');
    expect(call(MPOL_MF_MOVE_ALL, 4711, 9, other.main)).toBe('EPERM');
    expect(call(0, 4711, 9)).toBe('ESRCH');
    expect(call(0, guest.proc.pid, 9, other.main)).toBe('EPERM');
    expect(call(0, guest.proc.pid, 2)).toBe('ENODEV');
    expect(call(0, guest.proc.pid, -1)).toBe('ENODEV');
    expect(call(0, other.pid, 1)).toBe('ok');
  });

  test('ENODEV after the pages before it have moved', () => {
    const { main, at } = guestOfKinds();
    expect(errno(() => main.movePagesSync({ pages: [at(0), at(1)], nodes: [1, 2] }))).toBe(
      'ENODEV',
    );
    expect(main.movePagesSync({ pages: [at(0), at(1)] }).status).toEqual([1, 0]);
  });

  test('lists of different lengths', () => {
    const { main } = guestOfKinds();
    expect(() => main.movePagesSync({ pages: [BASE], nodes: [] })).toThrow(RangeError);
  });
});

test('stops at a page that somebody uses and says how many did not move', async () => {
  const guest = machineWith({ nodes: 2, modes: 1 });
  guest.uffd.copySync({ dst: BASE, src: new Uint8Array(PAGE), len: PAGE });
  const read = guest.t0.processVmReadv({ pid: guest.proc.pid, ...span(BASE, 2) }); // pins page 0
  const { main, at } = guest;
  const result = main.movePagesSync({ pages: [at(0), at(3)], nodes: [1, 1] });
  expect(result).toEqual({ status: [undefined, undefined], notMoved: 2 });
  guest.uffd.zeropageSync({ start: at(1), len: PAGE });
  expect(await read).toHaveLength(2 * PAGE);
});
