/** The order in which things go on: run to completion, last sleeper first, the same every time. */
import {
  MADV_DONTNEED,
  UFFD_FEATURE_EVENT_REMAP,
  UFFD_FEATURE_EVENT_REMOVE,
  UFFD_FEATURE_EVENT_UNMAP,
  UFFD_FEATURE_THREAD_ID,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { BASE, machineWith, PAGE, page, pagesAt, span, W } from '../support/guest.js';
import { drain } from '../support/observe.js';

describe('a woken thread', () => {
  test('goes on before the …Sync call returns to the program', () => {
    const { uffd, t0, at } = machineWith();
    const log: string[] = [];
    void t0.rmw8(at(0), () => {
      log.push('thread');
      return 1;
    });
    uffd.zeropageSync(pagesAt(at(0)));
    log.push('program');
    expect(log).toEqual(['thread', 'program']);
  });

  test('goes on after the operation that woke it, and after the listener it ran in', () => {
    const { uffd, t0, at } = machineWith();
    const log: string[] = [];
    uffd.on('pagefault', (fault) => {
      fault.zeropageSync();
      log.push('listener');
    });
    t0.rmw8Sync(at(0), () => {
      log.push('thread');
      return 1;
    });
    expect(log).toEqual(['listener', 'thread']);
  });

  test('of several goes on last sleeper first', () => {
    const { uffd, t0, t1, t2, at } = machineWith();
    const log: string[] = [];
    for (const [i, thread] of [t0, t1, t2].entries()) {
      void thread.rmw8(at(i), () => {
        log.push(thread.name);
        return 1;
      });
    }
    uffd.copySync({ dst: at(0), src: page(1, 3) });
    expect(log).toEqual(['guest/t2', 'guest/t1', 'guest/t0']);
  });

  test('runs to its next sleep before another one runs', () => {
    const { uffd, t0, t1, at } = machineWith({ features: UFFD_FEATURE_THREAD_ID });
    void t0.write(at(0), page(1, 2));
    void t1.write(at(0), page(2, 2));
    drain(uffd, BASE);
    uffd.copySync({ dst: at(0), src: page(9) });
    expect(uffd.readMsgSync()).toMatchObject({ ptid: t1.tid, address: at(1) });
    expect(uffd.readMsgSync()).toMatchObject({ ptid: t0.tid, address: at(1) });
  });

  test('sees what those before it wrote', async () => {
    const { uffd, t0, t1, at } = machineWith();
    const first = t0.rmw8(at(0), (old) => old + 1);
    const second = t1.rmw8(at(0), (old) => old + 10);
    uffd.copySync({ dst: at(0), src: page(100) });
    expect(await Promise.all([first, second])).toEqual([110, 100]);
    expect(t0.load8Sync(at(0))).toBe(111);
  });
});

describe('a call with a promise', () => {
  test('begins at once: what needs no wait is done when it returns', () => {
    const { t0, proc, at } = machineWith({ modes: 0 });
    void t0.store8(at(0), 7);
    expect(t0.load8Sync(at(0))).toBe(7);
    void t0.munmap(span(at(0), 4));
    expect(proc.maps()).toEqual([]);
  });

  test('ends in the order in which operations end', async () => {
    const { uffd, t0, t1, at } = machineWith();
    const log: string[] = [];
    const calls = [
      t0.load8(at(0)).then(() => log.push('t0')),
      t1.load8(at(1)).then(() => log.push('t1')),
    ];
    uffd.zeropageSync(pagesAt(at(1)));
    uffd.zeropageSync(pagesAt(at(0)));
    await Promise.all(calls);
    expect(log).toEqual(['t1', 't0']);
  });
});

describe('operations that wait for events', () => {
  test('of one userfaultfd all look again when one event is read, last sleeper first', () => {
    const features = UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_UNMAP;
    const { uffd, t0, t1, at } = machineWith({ features });
    const flags = 3;
    const [oldSize, newSize] = [PAGE, PAGE];
    void t0.mremap({ oldAddress: at(0), oldSize, newSize, flags, newAddress: at(16) });
    void t1.mremap({ oldAddress: at(2), oldSize, newSize, flags, newAddress: at(32) });
    const buffer = new Uint8Array(64);
    expect(uffd.readSync(buffer)).toBe(64);
    expect(drain(uffd, BASE)).toEqual(['unmap 2-3', 'unmap 0-1']);
    expect([t0.state, t1.state]).toEqual(['idle', 'idle']);
  });

  test('of two userfaultfds are independent', () => {
    const { uffd, main, t0, t1, at } = machineWith({
      features: UFFD_FEATURE_EVENT_REMOVE,
      modes: 0,
    });
    const other = main.userfaultfdSync(0x800);
    other.apiSync({ features: UFFD_FEATURE_EVENT_REMOVE });
    uffd.registerSync({ ...pagesAt(at(0), 2), mode: W });
    other.registerSync({ ...pagesAt(at(2), 2), mode: W });
    void t0.madvise({ ...span(at(0)), advice: MADV_DONTNEED });
    void t1.madvise({ ...span(at(2)), advice: MADV_DONTNEED });
    expect(drain(other, BASE)).toEqual(['remove 2-3']);
    expect([t0.state, t1.state]).toEqual(['blocked', 'idle']);
  });
});

describe('the same program', () => {
  function trace(): string[] {
    const { uffd, machine, proc, t0, t1, t2, at } = machineWith({ pages: 8 });
    const log: string[] = [];
    uffd.on('pagefault', (fault) => {
      log.push(`${fault.flags}@${(fault.page - BASE) / PAGE}`);
      if (fault.page !== at(7)) fault.copySync(page(fault.page / PAGE));
    });
    t0.writeSync(at(1) - 2, page(3));
    void t1.load8(at(7));
    const child = machine.process(t2.forkSync());
    child.main.store8Sync(at(0), 5);
    log.push(`${proc.pid} ${child.pid} ${machine.freePages} ${t1.waitsFor}`);
    log.push(JSON.stringify([...proc.pagemap(span(at(0), 8))].map(String)));
    return log;
  }

  test('gives the same trace: ids, frames, messages, words of pagemap', () => {
    expect(trace()).toEqual(trace());
  });
});
