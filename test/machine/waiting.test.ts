/** Calls that wait: threads that are busy, …Sync calls that give up, AbortSignal. */
import {
  FaultPendingError,
  MADV_DONTNEED,
  PendingError,
  ThreadBusyError,
  UFFD_FEATURE_EVENT_FORK,
  UFFD_FEATURE_EVENT_REMOVE,
  UFFD_FEATURE_EVENT_UNMAP,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import {
  anotherUffd,
  BASE,
  M,
  machineWith,
  mapAt,
  N,
  PAGE,
  page,
  pagesAt,
  span,
  W,
} from '../support/guest.js';
import { areas, drain, errno, pages, snapshot } from '../support/observe.js';

function caught(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return error;
  }
}

describe('a thread that is asleep', () => {
  test('takes no other call: ThreadBusyError says what it waits for', async () => {
    const { t0, t1, at } = machineWith();
    void t0.load8(at(0) + 5);
    expect(t0.state).toBe('blocked');
    expect(() => t0.load8Sync(at(1))).toThrow(ThreadBusyError);
    expect(() => t0.mmapSync({ length: PAGE, prot: 3, flags: 0x22 })).toThrow(
      /guest\/t0 is asleep: .*missing fault on a read at 0x200000000005/,
    );
    expect(() => t0.setresuidSync(1)).toThrow(ThreadBusyError);
    await expect(t0.load8(at(1))).rejects.toBeInstanceOf(ThreadBusyError);
    expect([t0.state, t1.state]).toEqual(['blocked', 'idle']);
  });

  test('also for pages that are there, and goes on untouched by the refusal', async () => {
    const { uffd, t0, at } = machineWith();
    uffd.copySync({ dst: at(1), src: page(1) });
    expect(t0.load8Sync(at(1))).toBe(1);
    const load = t0.load8(at(0));
    expect(() => t0.load8Sync(at(1))).toThrow(ThreadBusyError);
    expect(() => t0.store8Sync(at(1), 2)).toThrow(ThreadBusyError);
    uffd.copySync({ dst: at(0), src: page(9) });
    expect([await load, t0.load8Sync(at(1))]).toEqual([9, 1]);
  });

  test('says in waitsFor what would end its sleep', () => {
    const { t0, t1, at } = machineWith({ features: UFFD_FEATURE_EVENT_REMOVE });
    void t0.store8(at(0), 1);
    void t1.madvise({ ...span(at(1)), advice: MADV_DONTNEED });
    expect(t0.waitsFor).toMatch(/UFFDIO_COPY, UFFDIO_ZEROPAGE or UFFDIO_MOVE of the page/);
    expect(t1.waitsFor).toMatch(/until its REMOVE event of userfaultfd \d+ of guest is read/);
  });

  test('of a process that ended is dead', () => {
    const { proc, t0, at } = machineWith();
    proc.exit();
    expect(t0.state).toBe('dead');
    expect(() => t0.load8Sync(at(0))).toThrow(ThreadBusyError);
    expect(() => t0.load8Sync(at(0))).toThrow(/ended by exit/);
    expect(t0.waitsFor).toBeUndefined();
  });
});

describe('FaultPendingError', () => {
  test.each([
    ['missing', M, 'load8Sync'],
    ['wp', W, 'store8Sync'],
    ['minor', N, 'load8Sync'],
  ] as const)(
    'of a %s fault names thread, address, userfaultfd and what would help',
    (reason, modes, call) => {
      const { uffd, t0, main, at } = machineWith({
        kind: 'shared',
        modes,
        cached: reason === 'missing' ? [] : [1],
      });
      if (reason === 'wp') {
        main.load8Sync(at(0));
        uffd.writeprotectSync({ ...pagesAt(at(0)), mode: 1 });
      }
      const error = caught(() =>
        call === 'load8Sync' ? t0.load8Sync(at(0) + 9) : t0.store8Sync(at(0) + 9, 1),
      );
      expect(error).toBeInstanceOf(FaultPendingError);
      expect(error).toBeInstanceOf(PendingError);
      expect(error).toMatchObject({
        name: 'FaultPendingError',
        thread: 'guest/t0',
        address: at(0) + 9,
        reason,
        userfaultfd: `userfaultfd ${uffd.fd} of guest`,
        message: expect.stringMatching(
          new RegExp(`^${call} would wait: guest/t0 waits in a ${reason} fault .*UFFDIO_.* would`),
        ),
      });
    },
  );

  test('leaves the thread idle, no message, nothing changed', () => {
    const { uffd, machine, t0, at } = machineWith();
    uffd.zeropageSync(pagesAt(at(3))); // so that the page tables are there
    const before = snapshot(machine);
    const calls = [
      () => t0.load8Sync(at(0)),
      () => t0.load64Sync(at(1) - 4),
      () => t0.store32Sync(at(0), 1),
      () => t0.readSync(at(0), 2 * PAGE),
      () => t0.writeSync(at(0), page(1)),
      () => t0.rmw32Sync(at(0), () => 1),
      () => t0.mlockSync(span(at(0))),
    ];
    for (const call of calls.slice(0, -1)) expect(call).toThrow(FaultPendingError);
    expect(snapshot(machine)).toEqual(before);
    expect(calls.at(-1)).toThrow(FaultPendingError);
    expect(uffd.fdinfo()).toMatchObject({ pending: 0, total: 0 });
    expect(uffd.poll()).toBe(0);
  });

  test('is not thrown where a reader resolves the fault', () => {
    const { uffd, t0, at } = machineWith();
    uffd.on('pagefault', (fault) => fault.copySync(page(2)));
    expect(t0.load8Sync(at(0))).toBe(2);
  });
});

describe('PendingError', () => {
  test('of an event takes the event back and leaves memory where the operation stood', () => {
    const features = UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP;
    const { uffd, proc, t0, at } = machineWith({ features });
    uffd.zeropageSync(pagesAt(at(0)));
    const error = caught(() => t0.madviseSync({ ...span(at(0)), advice: MADV_DONTNEED }));
    expect(error).toBeInstanceOf(PendingError);
    expect(error).not.toBeInstanceOf(FaultPendingError);
    expect(String(error)).toMatch(/^PendingError: madvise would wait: .*REMOVE/);
    expect(pages(proc, BASE, 1)).toBe('P');
    expect(() => t0.munmapSync(span(at(3)))).toThrow(PendingError);
    expect(areas(proc, BASE)).toEqual(['0-3:um']);
    expect([uffd.poll(), drain(uffd, BASE), t0.state]).toEqual([0, [], 'idle']);
    expect(errno(() => uffd.zeropageSync(pagesAt(at(1))))).toBe('ok');
  });

  test('of a fork leaves no child, no memory, no descriptor, no window', () => {
    const { uffd, machine, main, at } = machineWith({ features: UFFD_FEATURE_EVENT_FORK });
    uffd.copySync({ dst: at(0), src: page(1) });
    const before = snapshot(machine);
    expect(() => main.forkSync()).toThrow(PendingError);
    expect(snapshot(machine)).toEqual(before);
    expect(errno(() => uffd.zeropageSync(pagesAt(at(1))))).toBe('ok');
    uffd.close();
    expect(areas(machine.process(main.tid), BASE)).toEqual(['0-4:none']);
  });

  test('of a blocking read says that nothing is there', () => {
    const { uffd } = machineWith({ flags: 0 });
    const read = () => uffd.readSync(new Uint8Array(32));
    expect(read).toThrow(/^read would wait: a reader of userfaultfd \d+ of guest waits/);
  });
});

describe('AbortSignal', () => {
  const reason = new Error('enough');

  test('that is aborted already starts nothing', async () => {
    const { uffd, machine, t0, at } = machineWith({ features: UFFD_FEATURE_EVENT_UNMAP });
    const before = snapshot(machine);
    const signal = AbortSignal.abort(reason);
    await expect(t0.load8(at(0), { signal })).rejects.toBe(reason);
    await expect(t0.munmap(span(at(0)), { signal })).rejects.toBe(reason);
    await expect(uffd.readMsg({ signal })).rejects.toBe(reason);
    expect(snapshot(machine)).toEqual(before);
    expect(uffd.poll()).toBe(0);
  });

  test('ends an access: its message goes, the next access starts anew', async () => {
    const { uffd, t0, at } = machineWith();
    const abort = new AbortController();
    const load = t0.load8(at(0), { signal: abort.signal });
    uffd.readMsgSync();
    abort.abort(reason);
    await expect(load).rejects.toBe(reason);
    expect([t0.state, uffd.fdinfo().total]).toEqual(['idle', 0]);
    const again = t0.load8(at(0));
    uffd.copySync({ dst: at(0), src: page(5) });
    expect(await again).toBe(5);
  });

  test('ends every call that waits for a page or an event', async () => {
    const features = UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP | UFFD_FEATURE_EVENT_FORK;
    const { uffd, machine, proc, main, t0, at } = machineWith({ features });
    mapAt(main, at(32), 1);
    const { readFd, writeFd } = main.pipeSync();
    main.sysWriteSync({ fd: writeFd, addr: at(32), count: 8 });
    const processes = machine.processes.length;
    const { pid } = proc;
    const calls: ((options: { signal: AbortSignal }) => Promise<unknown>)[] = [
      (options) => t0.store64(at(0), 1n, options),
      (options) => t0.read(at(0), 8, options),
      (options) => t0.write(at(0), page(1), options),
      (options) => t0.rmw8(at(0), () => 1, options),
      (options) => t0.sysRead({ fd: readFd, addr: at(0), count: 8 }, options),
      (options) => t0.sysWrite({ fd: writeFd, addr: at(0), count: 8 }, options),
      (options) => t0.processVmReadv({ pid, addr: at(0), length: 8 }, options),
      (options) => t0.processVmWritev({ pid, addr: at(0), bytes: page(1) }, options),
      (options) => t0.madvise({ ...span(at(0)), advice: MADV_DONTNEED }, options),
      (options) => t0.fork('child', options),
      (options) => t0.munmap(span(at(3)), options),
    ];
    for (const call of calls) {
      const abort = new AbortController();
      const promise = call({ signal: abort.signal });
      expect(t0.state).toBe('blocked');
      abort.abort(reason);
      await expect(promise).rejects.toBe(reason);
      expect([t0.state, uffd.poll(), uffd.fdinfo().total]).toEqual(['idle', 0, 0]);
    }
    expect(machine.processes).toHaveLength(processes);
    expect(errno(() => uffd.zeropageSync(pagesAt(at(1))))).toBe('ok');
  });

  test('ends a read; a message that comes later stays queued', async () => {
    const { uffd, t0, at } = machineWith({ flags: 0 });
    const abort = new AbortController();
    const reads = [
      uffd.read(new Uint8Array(32), { signal: abort.signal }),
      uffd.readMsg({ signal: abort.signal }),
    ];
    abort.abort(reason);
    for (const read of reads) await expect(read).rejects.toBe(reason);
    void t0.load8(at(0));
    expect(uffd.fdinfo().pending).toBe(1);
  });

  test('ends a COPY that waits for its source', async () => {
    const { uffd, machine, main, at } = machineWith();
    mapAt(main, at(16), 1);
    const sources = anotherUffd(main);
    sources.registerSync({ ...pagesAt(at(16)), mode: M });
    uffd.zeropageSync(pagesAt(at(3)));
    const before = machine.freePages;
    const abort = new AbortController();
    const copy = uffd.copy({ dst: at(0), src: at(16), len: PAGE }, { signal: abort.signal });
    abort.abort(reason);
    await expect(copy).rejects.toBe(reason);
    expect([machine.freePages, sources.fdinfo().total]).toEqual([before, 0]);
  });

  test('does nothing to a call that has ended', async () => {
    const { uffd, t0, at } = machineWith();
    const abort = new AbortController();
    const load = t0.load8(at(0), { signal: abort.signal });
    uffd.copySync({ dst: at(0), src: page(5) });
    abort.abort(reason);
    expect(await load).toBe(5);
  });
});

describe('invariants hold while', () => {
  test('a fork waits for its event', async () => {
    const { uffd, machine, t0, at } = machineWith({ features: UFFD_FEATURE_EVENT_FORK });
    uffd.copySync({ dst: at(0), src: page(1) });
    const fork = t0.fork();
    const error = caught(() => machine.checkInvariants());
    drain(uffd, BASE);
    await fork;
    expect(error).toBeUndefined();
  });

  test('UFFDIO_COPY waits for its source', async () => {
    const { uffd, machine, main, at } = machineWith();
    mapAt(main, at(16), 1);
    const sources = anotherUffd(main);
    sources.registerSync({ ...pagesAt(at(16)), mode: M });
    const copy = uffd.copy({ dst: at(0), src: at(16), len: PAGE });
    const error = caught(() => machine.checkInvariants());
    sources.zeropageSync(pagesAt(at(16)));
    await copy;
    expect(error).toBeUndefined();
  });
});
