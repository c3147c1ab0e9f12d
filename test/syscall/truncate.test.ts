/**
 * ftruncate(2), fallocate(2), pread(2), pwrite(2), memfd_create(2): checks, sizes, holes, zeros.
 */
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE,
  MFD_CLOEXEC,
  MFD_EXEC,
  MFD_NOEXEC_SEAL,
  UFFD_FEATURE_EVENT_REMOVE,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { statesOf } from '../mm/page-state.js';
import {
  BASE,
  machineWith,
  mapAt,
  memfd,
  N,
  newMachine,
  PAGE,
  page,
  pagesAt,
  span,
} from '../support/guest.js';
import { errno } from '../support/observe.js';

const PUNCH = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
const TOP = 1n << 63n;

function world() {
  const machine = newMachine();
  const proc = machine.spawn();
  const { main } = proc;
  const fd = memfd(main, 4, [1, 2, 3, 4]);
  const readOnly = main.reopenReadOnlySync(fd);
  const { readFd, writeFd } = main.pipeSync();
  const size = () => main.preadSync({ fd, count: 2 ** 20, offset: 0 }).length;
  return { machine, proc, main, fd, readOnly, readFd, writeFd, size };
}

type World = ReturnType<typeof world>;

describe('ftruncate', () => {
  test.each<[string, string, (w: World) => { fd: number; length: number | bigint }]>([
    ['a negative length, before the descriptor', 'EINVAL', () => ({ fd: 99, length: TOP })],
    ['a descriptor that is not open', 'EBADF', () => ({ fd: 99, length: 0 })],
    ['a pipe', 'EINVAL', ({ writeFd }) => ({ fd: writeFd, length: 0 })],
    ['a read-only descriptor', 'EINVAL', ({ readOnly }) => ({ fd: readOnly, length: 0 })],
    ['the largest file', 'ok', ({ fd }) => ({ fd, length: TOP - 1n })],
  ])('of %s is %s', (_name, code, request) => {
    const it = world();
    expect(errno(() => it.main.ftruncateSync(request(it)))).toBe(code);
  });

  test('cuts content off: what comes back is zeros, in the last page too', () => {
    const { main, fd, size } = world();
    main.ftruncateSync({ fd, length: PAGE + 10 });
    expect(size()).toBe(PAGE + 10);
    main.ftruncateSync({ fd, length: 3 * PAGE });
    const bytes = main.preadSync({ fd, count: 3 * PAGE, offset: 0 });
    expect([bytes[PAGE + 9], bytes[PAGE + 10], bytes[2 * PAGE]]).toEqual([2, 0, 0]);
  });

  test('frees the pages that it cuts off', () => {
    const { machine, main, fd } = world();
    const before = machine.freePages;
    main.ftruncateSync({ fd, length: PAGE + 1 });
    expect(machine.freePages - before).toBe(2);
  });

  test('takes pages out of every mapping, private copies too: SIGBUS behind the end', () => {
    for (const kind of ['shared', 'private'] as const) {
      const { main, fd, proc } = world();
      mapAt(main, BASE, 4, { kind, fd });
      for (let n = 0; n < 4; n++) main.store8Sync(BASE + n * PAGE, 9);
      main.ftruncateSync({ fd, length: 2 * PAGE });
      expect(errno(() => main.load8Sync(BASE + 2 * PAGE))).toBe('SIGBUS');
      main.ftruncateSync({ fd, length: 4 * PAGE });
      expect([0, 1, 2, 3].map((n) => main.load8Sync(BASE + n * PAGE))).toEqual([9, 9, 0, 0]);
      expect(proc.maps()).toHaveLength(1);
    }
  });

  test('to the size that it has drops pages beyond the end; to a larger one keeps them', () => {
    const beyond = (length: number): number => {
      const { machine, main } = world();
      const fd = memfd(main, 1, [1]);
      const before = machine.freePages;
      main.fallocateSync({ fd, mode: FALLOC_FL_KEEP_SIZE, offset: 0, length: 4 * PAGE });
      expect(before - machine.freePages).toBe(3);
      main.ftruncateSync({ fd, length });
      return before - machine.freePages;
    };
    expect([beyond(2 * PAGE), beyond(PAGE)]).toEqual([3, 0]);
  });
});

describe('fallocate', () => {
  type Ask = { fd: number; mode: number; offset: number | bigint; length: number | bigint };

  test.each<[string, string, (w: World) => Partial<Ask>]>([
    ['a descriptor that is not open', 'EBADF', () => ({ fd: 99, length: 0 })],
    ['a length of zero', 'EINVAL', () => ({ length: 0, mode: 0x80 })],
    ['a negative offset', 'EINVAL', () => ({ offset: TOP })],
    ['a negative length', 'EINVAL', () => ({ length: TOP })],
    ['PUNCH_HOLE without KEEP_SIZE', 'EOPNOTSUPP', () => ({ mode: FALLOC_FL_PUNCH_HOLE })],
    ['a mode that shmem lacks', 'EOPNOTSUPP', () => ({ mode: FALLOC_FL_ZERO_RANGE })],
    [
      'a read-only descriptor, before such a mode',
      'EBADF',
      ({ readOnly }) => ({ fd: readOnly, mode: FALLOC_FL_ZERO_RANGE }),
    ],
    ['the read end of a pipe', 'EBADF', ({ readFd }) => ({ fd: readFd })],
    ['the write end of a pipe', 'ESPIPE', ({ writeFd }) => ({ fd: writeFd })],
    ['a file that would be too large', 'EFBIG', () => ({ offset: TOP - 4096n, length: PAGE })],
  ])('of %s is %s', (_name, code, request) => {
    const it = world();
    const ask = { fd: it.fd, mode: 0, offset: 0, length: PAGE, ...request(it) };
    expect(errno(() => it.main.fallocateSync(ask))).toBe(code);
    expect(it.size()).toBe(4 * PAGE);
  });

  test('extends the file, unless KEEP_SIZE', () => {
    const { main, fd, size } = world();
    const ask = { fd, offset: 5 * PAGE, length: PAGE };
    main.fallocateSync({ ...ask, mode: FALLOC_FL_KEEP_SIZE });
    expect(size()).toBe(4 * PAGE);
    main.fallocateSync({ ...ask, mode: 0 });
    expect(size()).toBe(6 * PAGE);
  });

  test('takes pages now; content that is there stays', () => {
    const { machine, main, fd } = world();
    const before = machine.freePages;
    main.fallocateSync({ fd, mode: 0, offset: 0, length: 6 * PAGE });
    expect(before - machine.freePages).toBe(2);
    expect(main.preadSync({ fd, count: 1, offset: PAGE })[0]).toBe(2);
  });

  test('without enough memory takes nothing: ENOMEM', () => {
    const machine = newMachine({ memory: 32 * PAGE });
    const { main } = machine.spawn();
    const fd = memfd(main, 2, [1]);
    const before = machine.freePages;
    const ask = { fd, mode: 0, offset: 0, length: 64 * PAGE };
    expect(errno(() => main.fallocateSync(ask))).toBe('ENOMEM');
    expect(machine.freePages).toBe(before);
    expect(main.preadSync({ fd, count: 9 * PAGE, offset: 0 })).toHaveLength(2 * PAGE);
  });

  test('a page that it took counts as there for MINOR faults', () => {
    const { main, t0, uffd, fd, at } = machineWith({ kind: 'shared', modes: N });
    main.fallocateSync({ fd, mode: 0, offset: 0, length: PAGE });
    uffd.on('pagefault', (fault) => fault.continueSync());
    expect([t0.load8Sync(at(0)), t0.load8Sync(at(1))]).toEqual([0, 0]);
  });
});

describe('a hole', () => {
  /** Which pages are still mapped, and the first byte of each page of the file. */
  function punched(offset: number, length: number) {
    const { main, fd, proc } = world();
    mapAt(main, BASE, 4, { kind: 'shared', fd });
    for (let n = 0; n < 4; n++) main.store8Sync(BASE + n * PAGE, n + 1);
    main.fallocateSync({ fd, mode: PUNCH, offset, length });
    const mapped = statesOf(proc, BASE, 4).map((state) => (state === '-' ? '-' : 'P'));
    const bytes = main.preadSync({ fd, count: 4 * PAGE, offset: 0 });
    return { mapped: mapped.join(''), bytes, main };
  }

  test('of whole pages takes them out of mappings and file', () => {
    const { mapped, bytes } = punched(PAGE, 2 * PAGE);
    expect(mapped).toBe('P--P');
    expect([0, 1, 2, 3].map((n) => bytes[n * PAGE])).toEqual([1, 0, 0, 4]);
  });

  test('of parts of pages zeroes those and leaves them mapped', () => {
    const { mapped, bytes } = punched(PAGE + 10, 2 * PAGE);
    expect(mapped).toBe('PP-P');
    expect(
      [PAGE + 9, PAGE + 10, 2 * PAGE, 3 * PAGE + 9, 3 * PAGE + 10].map((i) => bytes[i]),
    ).toEqual([2, 0, 0, 0, 4]);
  });

  test('within one page zeroes its bytes alone', () => {
    const { mapped, bytes } = punched(2 * PAGE + 5, 3);
    expect(mapped).toBe('PPPP');
    expect([...bytes.subarray(2 * PAGE + 4, 2 * PAGE + 9)]).toEqual([3, 0, 0, 0, 3]);
  });

  test.each([
    [0, 100, '----'],
    [0, 4095, '----'],
    [1, 4094, 'P---'],
    [0, 4096, '-PPP'],
    [1, 4095, 'PPPP'],
  ])('that begins at %i with %i bytes leaves %s mapped, a quirk of the first page', (...row) => {
    const [offset, length, expected] = row;
    const { mapped, bytes, main } = punched(offset, length);
    expect(mapped).toBe(expected);
    expect([bytes[0], bytes[4095], bytes[PAGE]]).toEqual([
      offset === 0 ? 0 : 1,
      offset + length > 4095 ? 0 : 1,
      2,
    ]);
    expect(main.load8Sync(BASE + 3 * PAGE)).toBe(4);
  });

  test('leaves private copies alone', () => {
    const { main, fd } = world();
    mapAt(main, BASE, 4, { kind: 'private', fd });
    main.store8Sync(BASE + PAGE, 9);
    main.load8Sync(BASE + 2 * PAGE);
    main.fallocateSync({ fd, mode: PUNCH, offset: 0, length: 4 * PAGE });
    expect([1, 2].map((n) => main.load8Sync(BASE + n * PAGE))).toEqual([9, 0]);
  });

  test('tells no userfaultfd, as truncation does not', () => {
    const { main, uffd, fd } = machineWith({
      kind: 'shared',
      cached: [1, 2, 3, 4],
      features: UFFD_FEATURE_EVENT_REMOVE,
    });
    main.fallocateSync({ fd, mode: PUNCH, offset: 0, length: PAGE });
    main.ftruncateSync({ fd, length: 2 * PAGE });
    expect(uffd.readMsgSync()).toBeUndefined();
  });

  test('keeps protection as a marker, for every mapping that has it', () => {
    const { main, proc, uffd, fd, at } = machineWith({ kind: 'shared', cached: [1, 2], modes: 2 });
    main.load8Sync(at(0));
    main.load8Sync(at(1));
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: 1 });
    main.fallocateSync({ fd, mode: PUNCH, offset: 0, length: 2 * PAGE });
    expect(statesOf(proc, at(0), 2)).toEqual(['Kw', '-']);
  });
});

describe('pread and pwrite', () => {
  test('read holes as zeros, and short at the end of the file', () => {
    const { main } = world();
    const fd = memfd(main, 2);
    main.pwriteSync({ fd, bytes: Uint8Array.of(5), offset: PAGE + 1 });
    const bytes = main.preadSync({ fd, count: 9 * PAGE, offset: PAGE - 1 });
    expect([bytes.length, bytes[0], bytes[2]]).toEqual([PAGE + 1, 0, 5]);
    expect(main.preadSync({ fd, count: 9, offset: 2 * PAGE })).toHaveLength(0);
  });

  test('extend the file by what was written', () => {
    const { main, fd, size } = world();
    expect(main.pwriteSync({ fd, bytes: page(9, 2), offset: 3 * PAGE + 10 })).toBe(2 * PAGE);
    expect(size()).toBe(5 * PAGE + 10);
  });

  test('are EBADF or EINVAL on the wrong descriptor', () => {
    const { main, readOnly, readFd } = world();
    const bytes = Uint8Array.of(1);
    expect(errno(() => main.pwriteSync({ fd: readOnly, bytes, offset: 0 }))).toBe('EBADF');
    expect(errno(() => main.pwriteSync({ fd: 99, bytes, offset: 0 }))).toBe('EBADF');
    expect(errno(() => main.preadSync({ fd: readFd, count: 1, offset: 0 }))).not.toBe('ok');
  });

  test('show what mappings wrote, and mappings what they wrote', () => {
    const { main, fd } = world();
    mapAt(main, BASE, 4, { kind: 'shared', fd });
    main.store8Sync(BASE + 7, 77);
    expect(main.preadSync({ fd, count: 1, offset: 7 })[0]).toBe(77);
    main.pwriteSync({ fd, bytes: Uint8Array.of(78), offset: 7 });
    expect(main.load8Sync(BASE + 7)).toBe(78);
  });
});

describe('memfd_create', () => {
  test.each([
    ['unknown flags', 'x', 0x4000, 'EINVAL'],
    ['two kinds of execution at once', 'x', MFD_EXEC | MFD_NOEXEC_SEAL, 'EINVAL'],
    ['249 bytes', 'x'.repeat(249), MFD_CLOEXEC, 'ok'],
    ['250 bytes', 'x'.repeat(250), 0, 'EINVAL'],
    ['200 letters of two bytes', 'é'.repeat(200), 0, 'EINVAL'],
    ['no name', '', 0, 'ok'],
  ])('of %s', (_name, name, flags, code) => {
    expect(errno(() => world().main.memfdCreateSync(name, flags))).toBe(code);
  });

  test('shows in maps by its name', () => {
    const { main, proc } = world();
    mapAt(main, BASE, 1, { kind: 'shared', fd: memfd(main, 1), offset: 0 });
    expect(proc.maps()[0]?.name).toBe('/memfd:ram (deleted)');
  });
});

test('content lives as long as a descriptor or a mapping, in any process', () => {
  const { machine, main, proc, fd, readOnly } = world();
  mapAt(main, BASE, 1, { kind: 'shared', fd });
  const child = machine.process(main.forkSync());
  main.closeSync(fd);
  main.closeSync(readOnly);
  main.munmapSync(span(BASE));
  proc.exit();
  expect(child.main.load8Sync(BASE)).toBe(1);
  child.exit();
  expect(machine.freePages).toBe(machine.totalPages);
});
