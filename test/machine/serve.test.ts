/** serve: a region filled from a source of pages, and what closing and `using` do. */
import { type KernelError, MADV_DONTNEED, Machine, UFFD_FEATURE_EVENT_REMOVE } from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { BASE, machineWith, PAGE, page, pagesAt, span } from '../support/guest.js';
import { areas, drain, errno, pages, turn } from '../support/observe.js';

const region = (n: number) => ({ start: BASE, len: n * PAGE });

describe('serve', () => {
  test('fills pages from source(offset) when they are first touched', () => {
    const { uffd, proc, t0, at } = machineWith();
    const asked: number[] = [];
    const server = uffd.serve(region(4), (offset) => {
      asked.push(offset);
      return page(offset / PAGE + 1);
    });
    expect(t0.load8Sync(at(2))).toBe(3);
    t0.store8Sync(at(0), 9);
    expect(t0.readSync(at(0), 2)).toEqual(Uint8Array.of(9, 1));
    expect(asked).toEqual([2 * PAGE, 0]);
    expect(server.served).toBe(2);
    expect(pages(proc, BASE, 4)).toBe('P - P -');
  });

  test('takes a source that answers later', async () => {
    const { uffd, t0, t1, at } = machineWith();
    const server = uffd.serve(region(4), async (offset) => {
      await turn();
      return page(offset / PAGE + 1);
    });
    expect(await Promise.all([t0.load8(at(0)), t1.load8(at(1))])).toEqual([1, 2]);
    expect(server.served).toBe(2);
  });

  test('wakes a thread whose page came while the source was asked', async () => {
    const { uffd, t0, t1, at } = machineWith();
    const server = uffd.serve(region(4), async () => {
      await turn();
      return page(7);
    });
    const loads = [t0.load8(at(0)), t1.load8(at(0))];
    expect(await Promise.all(loads)).toEqual([7, 7]);
    expect([server.served, server.failure]).toEqual([1, undefined]);
  });

  test('answers zeros where memory was removed', () => {
    const { uffd, t0, at } = machineWith({ features: UFFD_FEATURE_EVENT_REMOVE });
    const server = uffd.serve(region(4), () => page(7));
    expect(t0.load8Sync(at(0))).toBe(7);
    t0.madviseSync({ ...span(at(0), 2), advice: MADV_DONTNEED });
    expect([t0.load8Sync(at(0)), t0.load8Sync(at(1)), t0.load8Sync(at(2))]).toEqual([0, 0, 7]);
    expect(server.served).toBe(2);
  });

  test('leaves faults outside its region to other listeners', () => {
    const { uffd, t0, at } = machineWith();
    uffd.serve(region(2), () => page(1));
    uffd.serve({ start: at(2), len: 2 * PAGE }, () => page(2));
    expect([t0.load8Sync(at(1)), t0.load8Sync(at(2))]).toEqual([1, 2]);
  });

  test('whose source throws: the error comes out of the access, and is the failure', () => {
    const { uffd, t0, at } = machineWith();
    const broken = new Error('no such page');
    const server = uffd.serve(region(4), () => {
      throw broken;
    });
    expect(() => t0.load8Sync(at(0))).toThrow(broken);
    expect(t0.state).toBe('idle');
    expect(server.failure).toBe(broken);
  });

  test('whose source rejects: failure tells, the thread waits on', async () => {
    const { uffd, t0, at } = machineWith();
    const broken = new Error('no such page');
    const server = uffd.serve(region(4), () => Promise.reject(broken));
    const load = t0.load8(at(0));
    await turn();
    expect(server.failure).toBe(broken);
    expect(t0.state).toBe('blocked');
    uffd.copySync({ dst: at(0), src: page(2) });
    expect(await load).toBe(2);
  });

  test('whose source gives too few bytes: the error says so, the thread is idle', () => {
    const { uffd, t0, at } = machineWith();
    uffd.serve(region(4), () => new Uint8Array(100));
    expect(() => t0.load8Sync(at(0))).toThrow(/100 bytes/);
    expect(t0.state).toBe('idle');
  });

  test('leaves write-protect and minor faults to others', async () => {
    const { uffd, main, t0, at } = machineWith({ modes: 3 });
    uffd.serve(region(4), () => page(7));
    main.load8Sync(at(0));
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: 1 });
    const store = Promise.allSettled([t0.store8(at(0), 8)]);
    expect([t0.state, uffd.fdinfo().total]).toEqual(['blocked', 1]);
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: 0 });
    expect(await store).toMatchObject([{ status: 'fulfilled' }]);
    const minor = machineWith({ kind: 'shared', modes: 4, cached: [5] });
    const server = minor.uffd.serve(region(4), () => page(7));
    const load = minor.t0.load8(at(0));
    expect(minor.t0.state).toBe('blocked');
    minor.uffd.continueSync(pagesAt(at(0)));
    expect([await load, server.served]).toEqual([5, 0]);
  });

  test('stops with close: faults stay queued', () => {
    const { uffd, t0, at } = machineWith();
    const server = uffd.serve(region(4), () => page(1));
    expect(t0.load8Sync(at(0))).toBe(1);
    server.close();
    server.close();
    void t0.load8(at(1));
    expect(drain(uffd, BASE)).toEqual(['fault 0 @1']);
  });

  test('stops at the end of a `using` block', () => {
    const { uffd, t0, at } = machineWith();
    {
      using server = uffd.serve(region(4), () => page(1));
      expect(t0.load8Sync(at(0))).toBe(1);
      expect(server.served).toBe(1);
    }
    void t0.load8(at(1));
    expect(drain(uffd, BASE)).toEqual(['fault 0 @1']);
  });

  test('refuses a region of NaN, negative or fractional numbers', () => {
    const { uffd } = machineWith();
    for (const start of [Number.NaN, -1, 0.5]) {
      expect(() => uffd.serve({ start, len: PAGE }, () => page(1))).toThrow(/^start: /);
      expect(() => uffd.serve({ start: BASE, len: start }, () => page(1))).toThrow(/^len: /);
    }
    expect(uffd.poll()).toBe(0);
  });
});

describe('`using`', () => {
  test('closes a userfaultfd: waiters go on, the range is free', async () => {
    const { main, proc, t0, at } = machineWith({ modes: 0 });
    let load: Promise<number> | undefined;
    {
      using uffd = main.userfaultfdSync(0x800);
      uffd.apiSync();
      uffd.registerSync({ ...pagesAt(at(0), 4), mode: 1 });
      load = t0.load8(at(0));
      expect(uffd.fdinfo().pending).toBe(1);
    }
    expect(await load).toBe(0);
    expect(areas(proc, BASE)).toEqual(['0-4:none']);
  });

  test('does not mind a userfaultfd that is closed already', () => {
    const { main } = machineWith({ modes: 0 });
    const block = () => {
      using uffd = main.userfaultfdSync();
      uffd.close();
      return uffd.fd;
    };
    expect(block()).toBeGreaterThan(0);
  });

  test('does not close a descriptor that another file took since', () => {
    const { main } = machineWith({ modes: 0 });
    let fd = -1;
    {
      using uffd = main.userfaultfdSync();
      uffd.close();
      fd = main.memfdCreateSync('ram');
      expect(fd).toBe(uffd.fd);
    }
    expect(errno(() => main.ftruncateSync({ fd, length: PAGE }))).toBe('ok');
  });

  test('does not close another userfaultfd that took the number since', () => {
    const { main, proc, at } = machineWith({ modes: 0 });
    const block = () => {
      using uffd = main.userfaultfdSync();
      uffd.close();
      const next = main.userfaultfdSync();
      next.apiSync();
      next.registerSync({ ...pagesAt(at(0), 4), mode: 1 });
      return next;
    };
    const next = block();
    expect(errno(() => next.poll())).toBe('ok');
    expect(areas(proc, BASE)).toEqual(['0-4:um']);
  });

  test('of a machine settles reads that wait', async () => {
    let read: Promise<unknown> | undefined;
    {
      using machine = new Machine({ memory: 2 ** 20 });
      const uffd = machine.spawn().main.userfaultfdSync();
      uffd.apiSync();
      read = uffd.readMsg();
    }
    const late = turn().then(() => 'still waiting');
    await expect(Promise.race([read, late])).rejects.toMatchObject({ name: 'ProcessEndedError' });
  });

  test('ends every process of a machine and gives its memory back', async () => {
    let ended: Promise<number> | undefined;
    let machine: Machine | undefined;
    {
      using inner = new Machine({ memory: 2 ** 20 });
      machine = inner;
      const { main } = inner.spawn();
      const worker = inner.spawn().main;
      const addr = main.mmapSync({ length: PAGE, prot: 3, flags: 0x22 });
      const uffd = main.userfaultfdSync();
      uffd.apiSync();
      uffd.registerSync({ start: addr, len: PAGE, mode: 1 });
      ended = main.load8(addr);
      expect(worker.state).toBe('idle');
    }
    await expect(ended).rejects.toMatchObject({ name: 'ProcessEndedError' });
    expect(machine.processes.map((proc) => proc.ended)).toEqual([true, true]);
    expect(machine.freePages).toBe(machine.totalPages);
  });
});

describe('errors', () => {
  test('carry code, errno, syscall, detail and progress', () => {
    const { uffd, at } = machineWith();
    uffd.zeropageSync(pagesAt(at(1)));
    let error: KernelError | undefined;
    try {
      uffd.copySync({ dst: at(0), src: page(1, 2) });
    } catch (caught) {
      error = caught as KernelError;
    }
    expect(error).toMatchObject({
      name: 'KernelError',
      code: 'EAGAIN',
      errno: 11,
      syscall: 'UFFDIO_COPY',
      progress: PAGE,
    });
    expect(error?.message).toBe(`UFFDIO_COPY: EAGAIN, ${error?.detail}`);
    expect(error?.detail).toMatch(/^only 4096 of 8192 bytes were done: [a-z]/);
  });
});
