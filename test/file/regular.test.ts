/** A regular file: the cache in front of the disk, what read-ahead brings, what writeback does. */
import {
  KernelError,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
  type Thread,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { BASE, mapAt, newMachine, PAGE, page, span } from '../support/guest.js';

function threadOf(readAhead?: number): Thread {
  return newMachine(readAhead === undefined ? {} : { readAhead }).spawn().main;
}

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof KernelError) return error.code;
    throw error;
  }
  return 'ok';
}

/** A file of some pages, all of them holes. */
function sparse(thread: Thread, pages: number): number {
  const fd = thread.openSync('/', O_TMPFILE | O_RDWR);
  thread.ftruncateSync({ fd, length: pages * PAGE });
  return fd;
}

/** Which pages of a file its cache has, one digit each. */
function cached(thread: Thread, fd: number, pages: number): string {
  const addr = BASE + 2 ** 30;
  mapAt(thread, addr, pages, { kind: 'shared', fd });
  const resident = thread.mincoreSync(span(addr, pages));
  thread.munmapSync(span(addr, pages));
  return resident.join('');
}

describe('names', () => {
  test('a file that was written is there for whoever opens its path, until it is unlinked', () => {
    const machine = newMachine();
    const [writer, reader] = [machine.spawn().main, machine.spawn().main];
    const fd = writer.openSync('/data', O_CREAT | O_RDWR);
    writer.pwriteSync({ fd, bytes: page(7), offset: 0 });
    writer.closeSync(fd);
    const again = reader.openSync('/data');
    expect(reader.preadSync({ fd: again, count: 8192, offset: 0 })).toEqual(page(7));
    reader.unlinkSync('/data');
    expect(codeOf(() => writer.openSync('/data'))).toBe('ENOENT');
    mapAt(reader, BASE, 1, { kind: 'private', fd: again });
    expect(reader.load8Sync(BASE)).toBe(7);
    expect(machine.process(101).maps()[0]?.name).toBe('/data (deleted)');
  });

  test('open refuses in the order of open(2)', () => {
    const thread = threadOf();
    thread.openSync('/a', O_CREAT | O_RDWR);
    const codes = ['', 'a', '/b', `/${'x'.repeat(4096)}`].map((path) =>
      codeOf(() => thread.openSync(path)),
    );
    expect(codes).toEqual(['ENOENT', 'ENOENT', 'ENOENT', 'ENAMETOOLONG']);
    expect(codeOf(() => thread.openSync('/a', O_CREAT | O_EXCL))).toBe('EEXIST');
    expect(codeOf(() => thread.unlinkSync('/b'))).toBe('ENOENT');
  });

  test('O_TRUNC empties a file; a read-only or write-only descriptor keeps to it', () => {
    const thread = threadOf();
    const fd = thread.openSync('/a', O_CREAT | O_RDWR);
    thread.pwriteSync({ fd, bytes: page(1), offset: 0 });
    const writeOnly = thread.openSync('/a', O_WRONLY | O_TRUNC);
    expect(thread.preadSync({ fd, count: 10, offset: 0 })).toHaveLength(0);
    const readOnly = thread.openSync('/a', O_RDONLY);
    const write = { bytes: page(1), offset: 0 };
    expect(codeOf(() => thread.pwriteSync({ fd: readOnly, ...write }))).toBe('EBADF');
    expect(codeOf(() => mapAt(thread, BASE, 1, { kind: 'private', fd: writeOnly }))).toBe('EACCES');
  });

  test('memory that files hold by name goes back when it is short', () => {
    const machine = newMachine({ memory: 64 * PAGE });
    const { main } = machine.spawn();
    const fd = main.openSync('/big', O_CREAT | O_RDWR);
    for (let i = 0; i < 40; i++) main.pwriteSync({ fd, bytes: page(i), offset: i * PAGE });
    mapAt(main, BASE, 40);
    for (let i = 0; i < 40; i++) main.store8Sync(BASE + i * PAGE, 1);
    expect(main.preadSync({ fd, count: PAGE, offset: 39 * PAGE })).toEqual(page(39));
  });
});

describe('read-ahead', () => {
  test('a fault reads around its page', () => {
    const thread = threadOf(8 * PAGE);
    const fd = sparse(thread, 24);
    mapAt(thread, BASE, 24, { kind: 'shared', fd });
    thread.load8Sync(BASE + 12 * PAGE);
    expect(cached(thread, fd, 24)).toBe('000000001111111100000000');
  });

  test('after MADV_RANDOM a fault reads its page alone', () => {
    const thread = threadOf();
    const fd = sparse(thread, 8);
    mapAt(thread, BASE, 8, { kind: 'shared', fd });
    thread.madviseSync({ ...span(BASE, 8), advice: 1 });
    thread.load8Sync(BASE + 3 * PAGE);
    expect(cached(thread, fd, 8)).toBe('00010000');
  });

  test('read(2) from the start reads four pages, and the second page starts more', () => {
    const thread = threadOf();
    const fd = sparse(thread, 16);
    thread.preadSync({ fd, count: PAGE, offset: 0 });
    const first = cached(thread, fd, 16);
    thread.preadSync({ fd, count: PAGE, offset: PAGE });
    expect([first, cached(thread, fd, 16)]).toEqual(['1111000000000000', '1111111111110000']);
  });

  test('nothing is read ahead on a machine without read-ahead', () => {
    const thread = threadOf(0);
    const fd = sparse(thread, 8);
    thread.preadSync({ fd, count: PAGE, offset: 0 });
    expect(cached(thread, fd, 8)).toBe('10000000');
  });

  test('MADV_WILLNEED reads its range', () => {
    const thread = threadOf();
    const fd = sparse(thread, 8);
    mapAt(thread, BASE, 8, { kind: 'shared', fd });
    thread.madviseSync({ ...span(BASE + 2 * PAGE, 3), advice: 3 });
    expect(cached(thread, fd, 8)).toBe('00111000');
  });
});

describe('writeback', () => {
  /** Minor faults that a store takes, seen by whether the entry was writable before. */
  function dirtyMapping() {
    const thread = threadOf();
    const fd = sparse(thread, 4);
    mapAt(thread, BASE, 4, { kind: 'shared', fd });
    thread.store8Sync(BASE, 5);
    return { thread, fd };
  }

  const pageOut = (thread: Thread): void => thread.madviseSync({ ...span(BASE, 4), advice: 21 });

  test('a dirty page stays in the cache when reclaim unmaps it', () => {
    const { thread, fd } = dirtyMapping();
    pageOut(thread);
    expect(cached(thread, fd, 1)).toBe('1');
    expect(thread.load8Sync(BASE)).toBe(5);
  });

  test.each(['fsync', 'msync'] as const)('%s makes it clean: it goes and comes back', (how) => {
    const { thread, fd } = dirtyMapping();
    if (how === 'fsync') thread.fsyncSync(fd);
    else thread.msyncSync({ ...span(BASE, 4), flags: 4 });
    pageOut(thread);
    expect(cached(thread, fd, 1)).toBe('0');
    expect(thread.load8Sync(BASE)).toBe(5);
  });

  test('a store after it makes the page dirty again', () => {
    const { thread, fd } = dirtyMapping();
    thread.fsyncSync(fd);
    thread.store8Sync(BASE, 6);
    pageOut(thread);
    expect(cached(thread, fd, 1)).toBe('1');
  });

  test('msync refuses in the order of msync(2)', () => {
    const { thread } = dirtyMapping();
    const codes = [
      { addr: BASE, length: PAGE, flags: 8 },
      { addr: BASE + 1, length: PAGE, flags: 4 },
      { addr: BASE, length: PAGE, flags: 5 },
      { addr: BASE, length: 5 * PAGE, flags: 4 },
      { addr: BASE, length: 0, flags: 4 },
    ].map((request) => codeOf(() => thread.msyncSync(request)));
    expect(codes).toEqual(['EINVAL', 'EINVAL', 'EINVAL', 'ENOMEM', 'ok']);
    thread.mlockSync(span(BASE, 1));
    expect(codeOf(() => thread.msyncSync({ ...span(BASE, 1), flags: 6 }))).toBe('EBUSY');
  });

  test('fsync is for files', () => {
    const thread = threadOf();
    expect(codeOf(() => thread.fsyncSync(9))).toBe('EBADF');
    expect(codeOf(() => thread.fsyncSync(thread.pipeSync().readFd))).toBe('EINVAL');
    expect(codeOf(() => thread.fsyncSync(thread.memfdCreateSync('ram')))).toBe('ok');
  });
});

describe('ranges', () => {
  function numbered(pages: number): { thread: Thread; fd: number } {
    const thread = threadOf();
    const fd = sparse(thread, pages);
    for (let i = 0; i < pages; i++) thread.pwriteSync({ fd, bytes: page(i + 1), offset: i * PAGE });
    return { thread, fd };
  }

  const bytesOf = (thread: Thread, fd: number): number[] =>
    [...thread.preadSync({ fd, count: 100 * PAGE, offset: 0 })].filter((_, i) => i % PAGE === 0);

  const range = (first: number, pages: number) => ({
    offset: first * PAGE,
    length: pages * PAGE,
  });

  test('a hole and a zeroed range read as zeros', () => {
    const { thread, fd } = numbered(5);
    thread.fallocateSync({ fd, mode: 3, ...range(1, 1) });
    thread.fallocateSync({ fd, mode: 16, ...range(3, 1) });
    expect(bytesOf(thread, fd)).toEqual([1, 0, 3, 0, 5]);
  });

  test('a range that is cut out pulls the rest up, one that is pushed in makes room', () => {
    const { thread, fd } = numbered(5);
    thread.fallocateSync({ fd, mode: 8, ...range(1, 2) });
    expect(bytesOf(thread, fd)).toEqual([1, 4, 5]);
    thread.fallocateSync({ fd, mode: 32, ...range(1, 1) });
    expect(bytesOf(thread, fd)).toEqual([1, 0, 4, 5]);
  });

  test('what cannot be done is refused', () => {
    const { thread, fd } = numbered(5);
    const codes = [
      { mode: 2, ...range(0, 1) },
      { mode: 64, ...range(0, 1) },
      { mode: 9, ...range(0, 1) },
      { mode: 33, ...range(0, 1) },
      { mode: 24, ...range(0, 1) },
      { mode: 8, offset: 1, length: PAGE },
      { mode: 8, ...range(2, 3) },
      { mode: 32, offset: 0, length: 7 },
      { mode: 32, ...range(5, 1) },
      { mode: 32, ...range(0, 2 ** 32) },
    ].map((request) => codeOf(() => thread.fallocateSync({ fd, ...request })));
    expect(codes.slice(0, 5)).toEqual(new Array(5).fill('EOPNOTSUPP'));
    expect(codes.slice(5, 9)).toEqual(new Array(4).fill('EINVAL'));
    expect(codes[9]).toBe('EFBIG');
  });

  test('growing zeroes what a mapping stored behind the end', () => {
    const { thread, fd } = numbered(1);
    thread.ftruncateSync({ fd, length: 100 });
    mapAt(thread, BASE, 1, { kind: 'shared', fd });
    thread.store8Sync(BASE + 200, 9);
    thread.ftruncateSync({ fd, length: PAGE });
    expect(thread.load8Sync(BASE + 200)).toBe(0);
    expect(thread.load8Sync(BASE + 99)).toBe(1);
  });
});
