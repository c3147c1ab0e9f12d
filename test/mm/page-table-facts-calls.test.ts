/** Facts about one page, part 5: madvise, guards, and the kernel's own accesses. */
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  KernelHangError,
  MADV_COLD,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_GUARD_INSTALL,
  MADV_GUARD_REMOVE,
  MADV_PAGEOUT,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  MADV_REMOVE,
  UFFD_FEATURE_EVENT_REMOVE,
  UFFD_FEATURE_SIGBUS,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { M, mapAt, PAGE, span, W } from '../support/guest.js';
import { endingOfPromise, errno } from '../support/observe.js';
import { facts, type PageFacts, SHARED } from './page-facts.js';

describe('MADV_GUARD_INSTALL', () => {
  test.each(['page', 'marker'])(
    'over a protected %s of shmem never returns: it says so [48]',
    (what) => {
      const it = facts(SHARED);
      if (what === 'page') it.dirtyAndProtect(1);
      else it.protect(1);
      const before = it.state(1);
      expect(() => it.guard(1)).toThrow(KernelHangError);
      expect(it.state(1)).toBe(before);
    },
  );

  test('over a protected anonymous page is a guard; removing it leaves nothing [49]', () => {
    const it = facts();
    it.dirtyAndProtect(0, 42);
    it.guard(0);
    expect(it.state(0)).toBe('Kg');
    it.advise(MADV_GUARD_REMOVE, 0);
    expect(it.state(0)).toBe('-');
    expect(it.loads(0)).toEqual({ value: 0 });
  });
});

describe('EVENT_REMOVE', () => {
  const features = UFFD_FEATURE_EVENT_REMOVE;
  const sends = async (kind: 'anon' | 'shared', call: (it: PageFacts) => Promise<unknown>) => {
    const it = facts({ kind, features, modes: M });
    const done = call(it);
    const messages = it.messages();
    const end = await endingOfPromise(done);
    return 'code' in end ? [...messages, end.code] : messages;
  };
  const advise = (advice: number) => (it: PageFacts) =>
    it.guest.t0.madvise({ ...span(it.guest.at(1)), advice });

  test('is sent by DONTNEED, FREE and REMOVE [50]', async () => {
    expect(await sends('anon', advise(MADV_DONTNEED))).toEqual(['remove 1-2']);
    expect(await sends('anon', advise(MADV_FREE))).toEqual(['remove 1-2']);
    expect(await sends('shared', advise(MADV_REMOVE))).toEqual(['remove 1-2']);
  });

  test('is not sent by fallocate, ftruncate, PAGEOUT, COLD, GUARD_INSTALL [50]', async () => {
    const mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    const quiet = [
      async ({ guest }: PageFacts) =>
        guest.t0.fallocateSync({ fd: guest.fd, mode, offset: PAGE, length: PAGE }),
      async ({ guest }: PageFacts) => guest.t0.ftruncateSync({ fd: guest.fd, length: 0 }),
      advise(MADV_PAGEOUT),
      advise(MADV_COLD),
      advise(MADV_GUARD_INSTALL),
    ];
    for (const call of quiet) expect(await sends('shared', call)).toEqual([]);
  });

  test('is sent by MADV_FREE of shmem, which then fails with EINVAL [51]', async () => {
    expect(await sends('shared', advise(MADV_FREE))).toEqual(['remove 1-2', 'EINVAL']);
  });
});

test('MADV_POPULATE_WRITE stops at a guard and keeps the pages before it [80]', () => {
  const it = facts({ modes: 0, pages: 8 });
  it.guard(3);
  expect(errno(() => it.advise(MADV_POPULATE_WRITE, 0, 8))).toBe('EFAULT');
  expect(it.states(8)).toBe('PX PX PX Kg - - - -');
});

describe('the kernel', () => {
  test('gets EIO from a missing or protected page through /proc/PID/mem [55]', () => {
    const it = facts({ modes: M | W });
    it.copy(1, 7, 2);
    const { main, proc, at } = it.guest;
    const peek = () => main.peekSync({ pid: proc.pid, addr: at(0), length: 1 });
    const poke = (n: number) =>
      main.pokeSync({ pid: proc.pid, addr: at(n), bytes: Uint8Array.of(1) });
    expect([errno(peek), errno(() => poke(0)), errno(() => poke(1))]).toEqual([
      'EIO',
      'EIO',
      'EIO',
    ]);
    expect(it.messages()).toEqual([]);
  });

  test('waits in read(2) and write(2) and then succeeds [55]', async () => {
    const it = facts({ modes: M });
    const { main, t0, t1, at } = it.guest;
    const { readFd, writeFd } = main.pipeSync();
    const out = t0.sysWrite({ fd: writeFd, addr: at(0), count: 8 });
    expect(it.messages()).toEqual(['fault 0 @0']);
    it.copy(0, 7);
    expect(await out).toBe(8);
    const into = t1.sysRead({ fd: readFd, addr: at(1), count: 8 });
    expect(it.messages()).toEqual(['fault 1 @1']);
    it.copy(1, 0);
    expect(await into).toBe(8);
  });

  test('meets poison and guards: EFAULT, EHWPOISON of POPULATE, ENOMEM of mlock [56]', () => {
    const it = facts({ modes: W });
    it.poison(0);
    it.guard(1);
    const { main, at } = it.guest;
    mapAt(main, at(16), 1);
    const { readFd, writeFd } = main.pipeSync();
    const ends = [0, 1].map((n) => {
      main.sysWriteSync({ fd: writeFd, addr: at(16), count: 8 });
      return [
        errno(() => main.sysReadSync({ fd: readFd, addr: at(n), count: 8 })),
        errno(() => it.advise(MADV_POPULATE_READ, n)),
        errno(() => main.mlockSync(span(at(n)))),
      ];
    });
    expect(ends).toEqual([
      ['EFAULT', 'EHWPOISON', 'ENOMEM'],
      ['EFAULT', 'EFAULT', 'ENOMEM'],
    ]);
  });

  test('and user code with UFFD_FEATURE_SIGBUS: EFAULT, and SIGBUS BUS_ADRERR [57]', () => {
    const it = facts({ modes: M | W, features: UFFD_FEATURE_SIGBUS });
    const { main, at } = it.guest;
    it.copy(1, 7, 2);
    const bus = { signal: 'SIGBUS', code: 'BUS_ADRERR', addr: at(0) };
    expect(it.loads(0)).toEqual(bus);
    expect(errno(() => main.store8Sync(at(1), 1))).toBe('SIGBUS');
    const { writeFd } = main.pipeSync();
    expect(errno(() => main.sysWriteSync({ fd: writeFd, addr: at(0), count: 8 }))).toBe('EFAULT');
    expect(it.guest.uffd.fdinfo().total).toBe(0);
  });
});
