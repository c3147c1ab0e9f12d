/** Descriptors: lowest free number, bounded, one reference each, and what dup and fork share. */
import { describe, expect, test } from 'vitest';
import { FdTable } from '../../src/file/fd-table.js';
import { OpenFile } from '../../src/file/open-file.js';
import { newMachine, PAGE, page } from '../support/guest.js';
import { errno } from '../support/observe.js';

class Counted extends OpenFile {
  readonly link = 'counted';
  released = 0;

  protected release(): void {
    this.released++;
  }
}

describe('FdTable', () => {
  test('gives the lowest free number', () => {
    const fds = new FdTable(8);
    expect([0, 1, 2].map(() => fds.install(new Counted(0)))).toEqual([0, 1, 2]);
    fds.close(1);
    expect(fds.install(new Counted(0))).toBe(1);
    expect(fds.install(new Counted(0))).toBe(3);
  });

  test('is EMFILE when it is full and leaves the file to the caller', () => {
    const fds = new FdTable(1);
    fds.install(new Counted(0));
    const file = new Counted(0);
    expect(fds.install(file)).toMatchObject({ code: 'EMFILE', errno: 24 });
    expect(file.released).toBe(0);
  });

  test('is EBADF for numbers that are not open, whatever they are', () => {
    const fds = new FdTable(4);
    for (const fd of [-1, 0, 4, 1.5, Number.NaN, 2 ** 40]) {
      expect(fds.lookup(fd)).toMatchObject({ code: 'EBADF', errno: 9 });
      expect(fds.close(fd)).toMatchObject({ code: 'EBADF' });
    }
  });

  test('releases a file with its last descriptor', () => {
    const [fds, file] = [new FdTable(4), new Counted(0)];
    fds.install(file);
    fds.install(file.get());
    fds.close(0);
    expect(file.released).toBe(0);
    fds.close(1);
    expect(file.released).toBe(1);
  });

  test('as a copy for a child holds references of its own', () => {
    const [fds, file] = [new FdTable(4), new Counted(0)];
    fds.install(file);
    const copy = fds.clone();
    fds.closeAll();
    expect([file.released, copy.lookup(0)]).toEqual([0, file]);
    copy.closeAll();
    expect(file.released).toBe(1);
  });

  test('lists descriptors in order of number', () => {
    const fds = new FdTable(4);
    for (let i = 0; i < 3; i++) fds.install(new Counted(i));
    fds.close(0);
    fds.install(new Counted(9));
    expect(fds.entries().map(([fd, file]) => [fd, file.statusFlags])).toEqual([
      [0, 9],
      [1, 1],
      [2, 2],
    ]);
  });
});

describe('a full table', () => {
  test('refuses every call that makes a descriptor with EMFILE', () => {
    const { main } = newMachine().spawn({ maxFiles: 1 });
    const fd = main.memfdCreateSync('ram');
    expect(errno(() => main.memfdCreateSync('more'))).toBe('EMFILE');
    expect(errno(() => main.dupSync(fd))).toBe('EMFILE');
    expect(errno(() => main.pipeSync())).toBe('EMFILE');
    expect(errno(() => main.reopenReadOnlySync(fd))).toBe('EMFILE');
    expect(errno(() => main.userfaultfdSync())).toBe('EMFILE');
  });

  test('of which half a pipe would fit keeps that number free', () => {
    const { main } = newMachine().spawn({ maxFiles: 2 });
    main.memfdCreateSync('ram');
    expect(errno(() => main.pipeSync())).toBe('EMFILE');
    expect(main.memfdCreateSync('fits')).toBe(1);
  });

  test.each(['dupSync', 'reopenReadOnlySync'] as const)('%s keeps nothing alive', (call) => {
    const machine = newMachine();
    const proc = machine.spawn({ maxFiles: 1 });
    const fd = proc.main.memfdCreateSync('ram');
    proc.main.pwriteSync({ fd, bytes: page(1), offset: 0 });
    expect(errno(() => proc.main[call](fd))).toBe('EMFILE');
    proc.exit();
    expect(machine.freePages).toBe(machine.totalPages);
  });

  test('that refused a dup does not keep a closed userfaultfd alive', () => {
    const { main } = newMachine().spawn({ maxFiles: 1 });
    const addr = main.mmapSync({ length: PAGE, prot: 1, flags: 0x22 });
    const uffd = main.userfaultfdSync();
    uffd.apiSync();
    uffd.registerSync({ start: addr, len: PAGE, mode: 1 });
    expect(errno(() => uffd.dup())).toBe('EMFILE');
    uffd.close();
    expect(main.load8Sync(addr)).toBe(0);
  });

  test('that cannot receive a userfaultfd does not keep it alive', () => {
    const machine = newMachine();
    const { main } = machine.spawn();
    const other = machine.spawn({ maxFiles: 0 });
    const addr = main.mmapSync({ length: PAGE, prot: 1, flags: 0x22 });
    const uffd = main.userfaultfdSync();
    uffd.apiSync();
    uffd.registerSync({ start: addr, len: PAGE, mode: 1 });
    expect(errno(() => other.receive(uffd))).toBe('EMFILE');
    uffd.close();
    expect(main.load8Sync(addr)).toBe(0);
  });
});

test('a duplicate shares the file and outlives the original', () => {
  const { main } = newMachine().spawn();
  const fd = main.memfdCreateSync('ram');
  const copy = main.dupSync(fd);
  main.pwriteSync({ fd, bytes: Uint8Array.of(1, 2, 3), offset: 0 });
  main.closeSync(fd);
  expect([...main.preadSync({ fd: copy, count: 9, offset: 0 })]).toEqual([1, 2, 3]);
  expect(errno(() => main.preadSync({ fd, count: 9, offset: 0 }))).toBe('EBADF');
});
