/**
 * mmap(2): its checks in their order, what it maps, what MAP_FIXED, MAP_POPULATE and offsets do.
 */
import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_LOCKED,
  MAP_NONBLOCK,
  MAP_NORESERVE,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_SHARED_VALIDATE,
  type MmapRequest,
  PROT_EXEC,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
  UFFD_FEATURE_EVENT_UNMAP,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { TASK_SIZE } from '../../src/base/page.js';
import { statesOf } from '../mm/page-state.js';
import {
  ANON,
  BASE,
  machineWith,
  mapAt,
  memfd,
  newMachine,
  PAGE,
  page,
  RW,
  span,
} from '../support/guest.js';
import { areas, errno, snapshot } from '../support/observe.js';

type Request = Partial<MmapRequest>;

/** Descriptors that a request may name: a memfd, the same read-only, the ends of a pipe. */
function world() {
  const machine = newMachine();
  const proc = machine.spawn({ uid: 1000 });
  const { main } = proc;
  const fd = memfd(main, 4, [1, 2, 3, 4]);
  const readOnly = main.reopenReadOnlySync(fd);
  const { readFd, writeFd } = main.pipeSync();
  mapAt(main, BASE, 4);
  const mmap = (request: Request) =>
    main.mmapSync({ length: PAGE, prot: RW, flags: ANON, ...request });
  return { machine, proc, main, fd, readOnly, readFd, writeFd, mmap };
}

type World = ReturnType<typeof world>;

/** What is wrong, the errno, and the request; every check stands before those below it. */
const CHECKS: [name: string, code: string, request: (w: World) => Request][] = [
  ['an offset within a page', 'EINVAL', () => ({ offset: 1 })],
  ['a descriptor that is not open', 'EBADF', () => ({ fd: 99, flags: MAP_PRIVATE })],
  ['a length of zero', 'EINVAL', () => ({ length: 0 })],
  ['a length that rounds to zero', 'ENOMEM', () => ({ length: (1n << 64n) - 1n })],
  ['a length beyond user space', 'ENOMEM', () => ({ length: TASK_SIZE + PAGE })],
  ['MAP_FIXED beyond user space', 'ENOMEM', () => ({ addr: TASK_SIZE, flags: ANON | MAP_FIXED })],
  ['MAP_FIXED within a page', 'EINVAL', () => ({ addr: BASE + 1, flags: ANON | MAP_FIXED })],
  ['MAP_FIXED below vm.mmap_min_addr', 'EPERM', () => ({ addr: PAGE, flags: ANON | MAP_FIXED })],
  [
    'MAP_FIXED_NOREPLACE over an area',
    'EEXIST',
    () => ({ addr: BASE, flags: ANON | MAP_FIXED_NOREPLACE }),
  ],
  [
    'the write end of a pipe',
    'EACCES',
    ({ writeFd }) => ({ fd: writeFd, flags: MAP_PRIVATE, prot: PROT_READ }),
  ],
  [
    'shared and writable on a read-only descriptor',
    'EACCES',
    ({ readOnly }) => ({ fd: readOnly, flags: MAP_SHARED }),
  ],
  [
    'a descriptor that cannot be mapped',
    'ENODEV',
    ({ readFd }) => ({ fd: readFd, flags: MAP_PRIVATE, prot: PROT_READ }),
  ],
  ['no type of mapping', 'EINVAL', ({ fd }) => ({ fd, flags: 0 })],
  ['no type of mapping, anonymous', 'EINVAL', () => ({ flags: MAP_ANONYMOUS })],
  [
    'MAP_SHARED_VALIDATE without a file',
    'EINVAL',
    () => ({ flags: MAP_ANONYMOUS | MAP_SHARED_VALIDATE }),
  ],
  [
    'a shared area that grows down',
    'EINVAL',
    () => ({ flags: MAP_ANONYMOUS | MAP_SHARED | MAP_GROWSDOWN }),
  ],
  [
    'a private area of a file that grows down',
    'EINVAL',
    ({ fd }) => ({ fd, flags: MAP_PRIVATE | MAP_GROWSDOWN }),
  ],
  ['more than there is memory', 'ENOMEM', () => ({ length: 2 ** 30 })],
];

describe('a request that is refused', () => {
  test.each(CHECKS)('for %s is %s and changes nothing', (_name, code, request) => {
    const it = world();
    const before = snapshot(it.machine);
    expect(errno(() => it.mmap(request(it)))).toBe(code);
    expect(snapshot(it.machine)).toEqual(before);
  });

  test.each<[string, string, (w: World) => Request]>([
    ['offset, then descriptor', 'EINVAL', () => ({ offset: 1, fd: 99, flags: MAP_PRIVATE })],
    ['descriptor, then length', 'EBADF', () => ({ fd: 99, flags: MAP_PRIVATE, length: 0 })],
    [
      'length, then kind of descriptor',
      'EINVAL',
      ({ readFd }) => ({ fd: readFd, flags: MAP_PRIVATE, length: 0 }),
    ],
    ['address, then type', 'ENOMEM', () => ({ addr: TASK_SIZE, flags: 0x30 })],
    ['range, then alignment', 'ENOMEM', () => ({ addr: TASK_SIZE + 1, flags: ANON | MAP_FIXED })],
    [
      'alignment, then vm.mmap_min_addr',
      'EINVAL',
      () => ({ addr: PAGE + 1, flags: ANON | MAP_FIXED }),
    ],
    [
      'an occupied place, then rights of the descriptor',
      'EEXIST',
      ({ readOnly: fd }) => ({ addr: BASE, fd, flags: MAP_SHARED | MAP_FIXED_NOREPLACE }),
    ],
    [
      'rights of the descriptor, then its kind',
      'EACCES',
      ({ readFd: fd }) => ({ fd, flags: MAP_SHARED }),
    ],
  ])('in the order of the checks: %s', (_name, code, request) => {
    const it = world();
    expect(errno(() => it.mmap(request(it)))).toBe(code);
  });

  test('beyond what a file can have is EOVERFLOW', () => {
    const { mmap, fd } = world();
    const file = { fd, flags: MAP_SHARED };
    expect(errno(() => mmap({ ...file, offset: (1n << 64n) - 4096n }))).toBe('EOVERFLOW');
    expect(errno(() => mmap({ ...file, offset: (1n << 63n) - 4096n }))).toBe('EOVERFLOW');
  });

  test('may be larger than memory with MAP_NORESERVE, or read-only', () => {
    const { mmap } = world();
    expect(mmap({ length: 2 ** 40, flags: ANON | MAP_NORESERVE })).toBeGreaterThan(0);
    expect(mmap({ length: 2 ** 40, prot: PROT_READ })).toBeGreaterThan(0);
  });
});

describe('a mapping', () => {
  test('rounds its length up to pages and reads as zeros', () => {
    const { mmap, main, proc } = world();
    const addr = mmap({ length: PAGE + 1 });
    expect(proc.maps().at(-1)).toMatchObject({ start: addr, end: addr + 2 * PAGE });
    expect(main.readSync(addr, 2 * PAGE)).toEqual(page(0, 2));
  });

  test.each([
    [PROT_NONE, '---p'],
    [PROT_READ, 'r--p'],
    [PROT_WRITE, '-w-p'],
    [PROT_READ | PROT_EXEC, 'r-xp'],
    [RW | PROT_EXEC, 'rwxp'],
    [PROT_READ | 0x4000_0000, 'r--p'],
  ])('of rights %i is %s: unknown bits are ignored', (prot, perms) => {
    const { mmap, proc } = world();
    mmap({ prot });
    expect(proc.maps().at(-1)?.perms).toBe(perms);
  });

  test('with PROT_WRITE alone can be read', () => {
    const { mmap, main } = world();
    const addr = mmap({ prot: PROT_WRITE });
    main.store8Sync(addr, 3);
    expect(main.load8Sync(addr)).toBe(3);
  });

  test('ignores the offset without a file, shared or private', () => {
    const { mmap, main } = world();
    for (const flags of [ANON, MAP_SHARED | MAP_ANONYMOUS]) {
      for (const offset of [16 * PAGE, 1n << 63n]) {
        const addr = mmap({ flags, offset });
        main.store8Sync(addr, 1);
        expect(main.load8Sync(addr)).toBe(1);
      }
    }
  });

  test('of a file begins at its offset', () => {
    const { mmap, main, fd } = world();
    const addr = mmap({ fd, flags: MAP_SHARED, offset: 2 * PAGE, length: 2 * PAGE });
    expect([main.load8Sync(addr), main.load8Sync(addr + PAGE)]).toEqual([3, 4]);
  });

  test('outlives its descriptor', () => {
    const { mmap, main, fd } = world();
    const addr = mmap({ fd, flags: MAP_SHARED });
    main.closeSync(fd);
    expect(main.load8Sync(addr)).toBe(1);
  });

  test('shared by parent and child is one memory', () => {
    const { mmap, main, machine } = world();
    const addr = mmap({ flags: MAP_SHARED | MAP_ANONYMOUS });
    const child = machine.process(main.forkSync());
    child.main.store8Sync(addr, 9);
    expect(main.load8Sync(addr)).toBe(9);
  });
});

describe('MAP_FIXED', () => {
  test('replaces what is there: content, protection and registration', () => {
    const { main, uffd, proc, at } = machineWith({ modes: 3 });
    uffd.copySync({ dst: at(0), src: page(7, 4) });
    mapAt(main, at(1), 2);
    expect(areas(proc, BASE)).toEqual(['0-1:um+uw', '1-3:none', '3-4:um+uw']);
    expect([0, 1, 2, 3].map((n) => main.load8Sync(at(n)))).toEqual([7, 0, 0, 7]);
  });

  test('sends UNMAP of the whole range to whom it took memory from', () => {
    const { main, uffd, at } = machineWith({ features: UFFD_FEATURE_EVENT_UNMAP });
    const seen: unknown[] = [];
    uffd.on('unmap', (event) => seen.push(event));
    mapAt(main, at(2), 6);
    expect(seen).toEqual([{ event: 'unmap', start: at(2), end: at(8) }]);
  });

  test('at an address below vm.mmap_min_addr is for CAP_SYS_RAWIO', () => {
    const { main } = newMachine().spawn();
    const flags = ANON | MAP_FIXED;
    expect(main.mmapSync({ addr: PAGE, length: PAGE, prot: RW, flags })).toBe(PAGE);
  });
});

describe('MAP_POPULATE', () => {
  const populated = (flags: number, prot = RW): string[] => {
    const { mmap, proc } = world();
    return statesOf(proc, mmap({ flags: flags, prot, length: 2 * PAGE }), 2);
  };

  test('faults pages in as they would be used', () => {
    expect(populated(ANON | MAP_POPULATE)).toEqual(['PX', 'PX']);
    expect(populated(ANON | MAP_POPULATE, PROT_READ)).toEqual(['P', 'P']);
    expect(populated(MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE)).toEqual(['PFX', 'PFX']);
    expect(populated(ANON | MAP_POPULATE, PROT_NONE)).toEqual(['-', '-']);
  });

  test('does nothing together with MAP_NONBLOCK, unless the mapping is locked', () => {
    expect(populated(ANON | MAP_POPULATE | MAP_NONBLOCK)).toEqual(['-', '-']);
    expect(populated(ANON | MAP_LOCKED | MAP_NONBLOCK)).toEqual(['PX', 'PX']);
  });

  test('beyond the end of a file maps what there is and succeeds', () => {
    const { mmap, proc, fd } = world();
    const addr = mmap({ fd, flags: MAP_SHARED | MAP_POPULATE, length: 6 * PAGE });
    expect(statesOf(proc, addr, 6)).toEqual(['PFX', 'PFX', 'PFX', 'PFX', '-', '-']);
  });
});

test('the number of areas is bounded: ENOMEM', () => {
  const { main } = newMachine().spawn();
  const { mm } = main;
  while (mm.vmas.size < 65_530) {
    const prot = mm.vmas.size % 2 === 0 ? PROT_NONE : PROT_READ;
    mapAt(main, BASE + mm.vmas.size * PAGE, 1, { prot });
  }
  expect(errno(() => mapAt(main, BASE + 2 ** 40, 1))).toBe('ENOMEM');
  expect(errno(() => main.mprotectSync({ ...span(BASE, 2), prot: RW }))).toBe('ok');
});
