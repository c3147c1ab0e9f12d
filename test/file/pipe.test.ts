/** Pipes: 16 pieces of at most a page, in order, and what each end is not. */
import { describe, expect, test } from 'vitest';
import { PAGE_SIZE } from '../../src/base/page.js';
import { PipeBuffer } from '../../src/file/pipe.js';
import { BASE, mapAt, newMachine, PAGE, page } from '../support/guest.js';
import { errno } from '../support/observe.js';

describe('PipeBuffer', () => {
  test('gives pieces back in order and cuts what is asked for', () => {
    const pipe = new PipeBuffer();
    pipe.push(Uint8Array.of(1, 2, 3));
    pipe.push(Uint8Array.of(4));
    expect([...(pipe.peek(2) ?? [])]).toEqual([1, 2]);
    expect([...(pipe.peek(9) ?? [])]).toEqual([1, 2, 3]);
    pipe.consume(2);
    expect([...(pipe.peek(9) ?? [])]).toEqual([3]);
    pipe.consume(1);
    expect([...(pipe.peek(9) ?? [])]).toEqual([4]);
    pipe.consume(1);
    expect(pipe.peek(9)).toBeUndefined();
  });

  test('has room for 16 pieces, however short', () => {
    const pipe = new PipeBuffer();
    for (let left = 16; left > 0; left--) {
      expect(pipe.room).toBe(left * PAGE_SIZE);
      pipe.push(Uint8Array.of(1));
    }
    expect(pipe.room).toBe(0);
  });
});

/** A process with a pipe and two pages that hold 1 and 2. */
function piped() {
  const { main } = newMachine().spawn();
  mapAt(main, BASE, 4);
  main.writeSync(BASE, page(1));
  main.writeSync(BASE + PAGE, page(2));
  return { main, ...main.pipeSync() };
}

describe('read and write', () => {
  test('carry bytes across page boundaries', () => {
    const { main, readFd, writeFd } = piped();
    const count = 200;
    expect(main.sysWriteSync({ fd: writeFd, addr: BASE + PAGE - 100, count })).toBe(count);
    expect(main.sysReadSync({ fd: readFd, addr: BASE + 3 * PAGE - 50, count })).toBe(count);
    const bytes = main.readSync(BASE + 3 * PAGE - 50, count);
    expect(bytes).toEqual(Uint8Array.of(...page(1).slice(0, 100), ...page(2).slice(0, 100)));
  });

  test('stop at 16 pages and go on when there is room', () => {
    const { main, readFd, writeFd } = piped();
    mapAt(main, BASE + 16 * PAGE, 20);
    const fill = { fd: writeFd, addr: BASE + 16 * PAGE, count: 20 * PAGE };
    expect(main.sysWriteSync(fill)).toBe(16 * PAGE);
    expect(errno(() => main.sysWriteSync(fill))).toBe('EAGAIN');
    expect(main.sysReadSync({ fd: readFd, addr: BASE, count: PAGE })).toBe(PAGE);
    expect(main.sysWriteSync(fill)).toBe(PAGE);
  });

  test('are EAGAIN when there is nothing, and 0 for a count of 0', () => {
    const { main, readFd, writeFd } = piped();
    expect(errno(() => main.sysReadSync({ fd: readFd, addr: BASE, count: 8 }))).toBe('EAGAIN');
    expect(main.sysReadSync({ fd: readFd, addr: BASE, count: 0 })).toBe(0);
    expect(main.sysWriteSync({ fd: writeFd, addr: BASE, count: 0 })).toBe(0);
  });

  test('are EBADF on the wrong end and on what is no pipe', () => {
    const { main, readFd, writeFd } = piped();
    const memfd = main.memfdCreateSync('ram');
    for (const fd of [writeFd, memfd, 99]) {
      expect(errno(() => main.sysReadSync({ fd, addr: BASE, count: 1 }))).toBe('EBADF');
    }
    for (const fd of [readFd, 99]) {
      expect(errno(() => main.sysWriteSync({ fd, addr: BASE, count: 1 }))).toBe('EBADF');
    }
  });

  test('of an unmapped buffer are EFAULT; what was copied before counts', () => {
    const { main, readFd, writeFd } = piped();
    const hole = BASE + 4 * PAGE;
    expect(errno(() => main.sysWriteSync({ fd: writeFd, addr: hole, count: 8 }))).toBe('EFAULT');
    const across = { fd: writeFd, addr: hole - PAGE, count: 2 * PAGE };
    expect(main.sysWriteSync(across)).toBe(PAGE);
    expect(errno(() => main.sysReadSync({ fd: readFd, addr: hole, count: 8 }))).toBe('EFAULT');
    expect(main.sysReadSync({ fd: readFd, addr: BASE, count: PAGE })).toBe(PAGE);
  });
});
