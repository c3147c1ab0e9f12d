/** Listeners that throw, messages nobody listens to: the error comes out, nothing hangs. */
import {
  FaultLivelockError,
  FaultPendingError,
  MADV_DONTNEED,
  type PageFault,
  UFFD_FEATURE_EVENT_FORK,
  UFFD_FEATURE_EVENT_REMOVE,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { BASE, machineWith, PAGE, page, pagesAt, span } from '../support/guest.js';
import { drain, errno, pages } from '../support/observe.js';

const broken = new Error('the listener is broken');

function throwing(): never {
  throw broken;
}

describe('a listener that throws', () => {
  test('on a …Sync access: the access throws its error; thread and queue are free', () => {
    const { uffd, t0, at } = machineWith();
    uffd.on('pagefault', throwing);
    expect(() => t0.load8Sync(at(0))).toThrow(broken);
    expect(t0.state).toBe('idle');
    expect(uffd.fdinfo()).toMatchObject({ pending: 0, total: 0 });
    uffd.off('pagefault', throwing);
    uffd.on('pagefault', (fault) => fault.copySync(page(4)));
    expect(t0.load8Sync(at(0))).toBe(4);
  });

  test('on an access with a promise: the promise rejects, the thread is idle', async () => {
    const { uffd, t0, at } = machineWith();
    uffd.on('pagefault', throwing);
    await expect(t0.load8(at(0))).rejects.toBe(broken);
    expect([t0.state, uffd.fdinfo().total]).toEqual(['idle', 0]);
  });

  test('keeps listening: the next fault reaches it again', () => {
    const { uffd, t0, at } = machineWith();
    let calls = 0;
    uffd.on('pagefault', (fault) => {
      if (calls++ === 0) throw broken;
      fault.copySync(page(6));
    });
    expect(() => t0.load8Sync(at(0))).toThrow(broken);
    expect(t0.load8Sync(at(0))).toBe(6);
    expect(calls).toBe(2);
  });

  test('after it resolved the fault: the access has its page, the error comes out once', () => {
    const { uffd, proc, t0, at } = machineWith();
    uffd.on('pagefault', (fault) => {
      fault.copySync(page(6));
      throw broken;
    });
    expect(() => t0.load8Sync(at(0))).toThrow(broken);
    expect(pages(proc, BASE, 1)).toBe('P');
    expect(t0.load8Sync(at(0))).toBe(6);
    expect(t0.state).toBe('idle');
  });

  test('comes out of the call that made the machine run, not of the one that slept', async () => {
    const { uffd, t0, t1, at } = machineWith();
    const load = t0.load8(at(0));
    expect(drain(uffd, BASE)).toEqual(['fault 0 @0']);
    uffd.on('pagefault', throwing);
    expect(() => uffd.wakeSync(pagesAt(at(0)))).toThrow(broken);
    expect(t0.state).toBe('blocked');
    expect(t1.state).toBe('idle');
    uffd.copySync({ dst: at(0), src: page(3) });
    expect(await load).toBe(3);
  });

  test('of a REMOVE event: madvise throws, the window is closed, the thread is idle', () => {
    const { uffd, t0, at } = machineWith({ features: UFFD_FEATURE_EVENT_REMOVE });
    uffd.on('remove', throwing);
    const advise = () => t0.madviseSync({ ...span(at(0)), advice: MADV_DONTNEED });
    expect(advise).toThrow(broken);
    expect(t0.state).toBe('idle');
    expect(errno(() => uffd.zeropageSync(pagesAt(at(0))))).toBe('ok');
  });

  test('of a FORK event: fork throws; parent and machine go on', () => {
    const { uffd, machine, t0, at } = machineWith({ features: UFFD_FEATURE_EVENT_FORK });
    uffd.on('fork', throwing);
    expect(() => t0.forkSync()).toThrow(broken);
    expect(t0.state).toBe('idle');
    expect(errno(() => uffd.zeropageSync(pagesAt(at(0))))).toBe('ok');
    machine.checkInvariants();
  });

  test('does not keep other threads from their pages', async () => {
    const { uffd, t0, t1, at } = machineWith();
    uffd.on('pagefault', (fault) => {
      if (fault.page === at(0)) throw broken;
      fault.copySync(page(8));
    });
    const failing = t0.load8(at(0));
    const fine = t1.load8(at(1));
    await expect(failing).rejects.toBe(broken);
    expect(await fine).toBe(8);
  });

  test('with an errno of its own: the KernelError of the failed fill comes out', () => {
    const { uffd, t0, at } = machineWith();
    uffd.on('pagefault', (fault) => void uffd.copySync({ dst: fault.page + 1, src: page(1) }));
    expect(errno(() => t0.load8Sync(at(0)))).toBe('EINVAL');
    expect(t0.state).toBe('idle');
  });

  test('while copies of several pages run: pages before the error stay', () => {
    const { uffd, proc, t0, at } = machineWith();
    uffd.on('pagefault', (fault) => {
      if (fault.page === at(2)) throw broken;
      fault.zeropageSync();
    });
    expect(() => t0.writeSync(at(0), page(9, 4))).toThrow(broken);
    expect(pages(proc, BASE, 4)).toBe('P P - -');
    expect(t0.readSync(at(0), 2 * PAGE)).toEqual(page(9, 2));
  });
});

describe('a message that nobody listens to', () => {
  test('is an error that names the event, where the machine was made to run', () => {
    const { uffd, t0, at } = machineWith({ features: UFFD_FEATURE_EVENT_REMOVE });
    uffd.on('pagefault', (fault) => fault.zeropageSync());
    const advise = () => t0.madviseSync({ ...span(at(0)), advice: MADV_DONTNEED });
    expect(advise).toThrow(/nobody listens to the remove message of userfaultfd \d+ of guest/);
    expect(t0.state).toBe('idle');
    expect(errno(() => uffd.zeropageSync(pagesAt(at(1))))).toBe('ok');
  });

  test('leaves a fault waiting for who gets it next', () => {
    const { uffd, t0, at } = machineWith({ features: UFFD_FEATURE_EVENT_REMOVE });
    const ignore = () => {};
    uffd.on('remove', ignore);
    expect(() => t0.load8Sync(at(0))).toThrow(/nobody listens to the pagefault message/);
    expect([t0.state, uffd.fdinfo().total]).toEqual(['idle', 0]);
    uffd.off('remove', ignore);
    expect(() => t0.load8Sync(at(0))).toThrow(FaultPendingError);
  });
});

describe('a listener that does not resolve', () => {
  test('is FaultPendingError for …Sync, a wait for promises', async () => {
    const { uffd, t0, t1, at } = machineWith();
    const faults: number[] = [];
    uffd.on('pagefault', (fault) => faults.push(fault.page));
    expect(() => t0.load8Sync(at(0))).toThrow(FaultPendingError);
    const load = t1.load8(at(1));
    expect(t1.state).toBe('blocked');
    expect(faults).toEqual([at(0), at(1)]);
    uffd.copySync({ dst: at(1), src: page(5) });
    expect(await load).toBe(5);
  });

  test('may access memory itself: a page that is there is read, a missing one is refused', () => {
    const { uffd, main, t0, at } = machineWith();
    uffd.copySync({ dst: at(3), src: page(9) });
    const seen: unknown[] = [];
    uffd.on('pagefault', (fault) => {
      seen.push(main.load8Sync(at(3)));
      fault.copySync(page(main.load8Sync(at(3)) + 1));
    });
    expect(t0.load8Sync(at(0))).toBe(10);
    expect(seen).toEqual([9]);
  });

  test('but wakes is FaultLivelockError, which says what to look at', () => {
    const { uffd, t0, t1, at } = machineWith();
    const wake = (fault: PageFault) => fault.wakeSync();
    uffd.on('pagefault', wake);
    expect(() => t0.load8Sync(at(0))).toThrow(FaultLivelockError);
    expect(() => t0.load8Sync(at(0))).toThrow(/guest\/t0: read at 0x200000000000 was retried \d+/);
    expect([t0.state, uffd.fdinfo().total]).toEqual(['idle', 0]);
    uffd.off('pagefault', wake);
    uffd.on('pagefault', (fault) => fault.zeropageSync());
    expect(t1.load8Sync(at(0))).toBe(0);
  });

  test('cannot use the thread that faulted', () => {
    const { uffd, t0, at } = machineWith();
    uffd.on('pagefault', () => void t0.load8Sync(at(1)));
    expect(() => t0.load8Sync(at(0))).toThrow(/guest\/t0 is asleep/);
    expect(t0.state).toBe('idle');
  });
});
