/** The ways to consume messages: read, readMsg, for await, on. They are readers of one queue. */
import {
  MADV_DONTNEED,
  type PageFault,
  UFFD_FEATURE_EVENT_FORK,
  UFFD_FEATURE_EVENT_REMAP,
  UFFD_FEATURE_EVENT_REMOVE,
  UFFD_FEATURE_EVENT_UNMAP,
  type UffdMessage,
  uffd_msg,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { BASE, machineWith, PAGE, page, pagesAt, span, W } from '../support/guest.js';
import { drain, errno, turn } from '../support/observe.js';

const ALL_EVENTS =
  UFFD_FEATURE_EVENT_FORK |
  UFFD_FEATURE_EVENT_REMAP |
  UFFD_FEATURE_EVENT_REMOVE |
  UFFD_FEATURE_EVENT_UNMAP;

describe('readMsg', () => {
  test('waits for a message whatever O_NONBLOCK says; readMsgSync answers undefined', async () => {
    const { uffd, t0, at } = machineWith();
    expect(uffd.readMsgSync()).toBeUndefined();
    const next = uffd.readMsg();
    void t0.load8(at(1));
    expect(await next).toMatchObject({ event: 'pagefault', address: at(1), page: at(1) });
  });

  test('gives messages in the order of calls that wait for nothing', async () => {
    const { uffd, t0, t1, at } = machineWith();
    void t0.load8(at(0));
    void t1.load8(at(1));
    const both = await Promise.all([uffd.readMsg(), uffd.readMsg()]);
    expect(both).toMatchObject([{ address: at(0) }, { address: at(1) }]);
  });

  test('is EBADF when the descriptor was closed before', async () => {
    const { uffd } = machineWith();
    uffd.close();
    await expect(uffd.readMsg()).rejects.toMatchObject({ code: 'EBADF', syscall: 'read' });
  });

  test('while it waits holds the open file: close releases when it ends', async () => {
    const { uffd, t0, at } = machineWith();
    const next = uffd.readMsg();
    uffd.close();
    const load = t0.load8(at(0));
    expect(await next).toMatchObject({ address: at(0) });
    expect(await load).toBe(0);
  });

  test('shares the queue with read and listeners: a message is delivered once', async () => {
    const { uffd, t0, t1, at } = machineWith();
    const heard: number[] = [];
    void t0.load8(at(0));
    const buffer = new Uint8Array(32);
    expect(uffd.readSync(buffer)).toBe(32);
    expect(uffd_msg.decode(buffer)).toMatchObject({ address: at(0) });
    uffd.on('pagefault', ({ address }) => heard.push(address));
    void t1.load8(at(1));
    await turn();
    expect([heard, uffd.readMsgSync()]).toEqual([[at(1)], undefined]);
  });
});

describe('for await', () => {
  test('yields faults as they come and resolves them in the loop', async () => {
    const { uffd, t0, t1, at } = machineWith();
    const loads = Promise.all([t0.load8(at(0)), t1.load8(at(3))]);
    let served = 0;
    for await (const msg of uffd) {
      if (msg.event !== 'pagefault') throw new Error(msg.event);
      await msg.copy(page(40 + served));
      if (++served === 2) break;
    }
    expect(await loads).toEqual([40, 41]);
  });

  test('stops reading when the loop is left: later messages stay queued', async () => {
    const { uffd, t0, t1, at } = machineWith();
    void t0.load8(at(0));
    for await (const msg of uffd) {
      expect(msg.event).toBe('pagefault');
      break;
    }
    void t1.load8(at(1));
    await turn();
    expect(uffd.fdinfo()).toMatchObject({ pending: 1, total: 2 });
    expect(drain(uffd, BASE)).toEqual(['fault 0 @1']);
  });

  test('throws EINVAL before the handshake', async () => {
    const { uffd } = machineWith({ features: null });
    const loop = async () => {
      for await (const msg of uffd) return msg;
      return undefined;
    };
    await expect(loop()).rejects.toMatchObject({ code: 'EINVAL' });
  });

  test('yields events with their operations going on', async () => {
    const { uffd, t0, at } = machineWith({ features: ALL_EVENTS });
    uffd.zeropageSync(pagesAt(at(0)));
    const advice = t0.madvise({ ...span(at(0)), advice: MADV_DONTNEED });
    for await (const msg of uffd) {
      expect(msg).toEqual({ event: 'remove', start: at(0), end: at(1) });
      break;
    }
    await advice;
    expect(t0.state).toBe('idle');
  });
});

describe('on', () => {
  test('resolves faults at once: even …Sync accesses go through', () => {
    const { uffd, t0, at } = machineWith();
    const faults: PageFault[] = [];
    uffd.on('pagefault', (fault) => {
      faults.push(fault);
      fault.copySync(page(7));
    });
    expect(t0.load8Sync(at(1) + 3)).toBe(7);
    t0.store8Sync(at(2), 1);
    expect(t0.readSync(at(0), 4 * PAGE)).toHaveLength(4 * PAGE);
    expect(faults.map(({ page: p, write }) => [(p - BASE) / PAGE, write])).toEqual([
      [1, false],
      [2, true],
      [0, false],
      [3, false],
    ]);
  });

  test('takes messages that waited before it was called', () => {
    const { uffd, t0, at } = machineWith();
    void t0.load8(at(0));
    uffd.on('pagefault', (fault) => fault.zeropageSync());
    expect(t0.state).toBe('idle');
  });

  test('hears every kind of message by name', async () => {
    const { uffd, machine, main, t0, at } = machineWith({ features: ALL_EVENTS });
    const heard: string[] = [];
    const hear = (msg: UffdMessage) => heard.push(msg.event);
    uffd.on('pagefault', (fault) => {
      hear(fault);
      fault.zeropageSync();
    });
    uffd.on('remove', hear).on('remap', hear).on('unmap', hear);
    uffd.on('fork', (msg) => {
      hear(msg);
      msg.uffd.on('pagefault', (fault) => fault.copySync(page(9)));
    });
    t0.load8Sync(at(0));
    t0.madviseSync({ ...span(at(0)), advice: MADV_DONTNEED });
    t0.mremapSync({
      oldAddress: at(0),
      oldSize: PAGE,
      newSize: PAGE,
      flags: 3,
      newAddress: at(16),
    });
    t0.munmapSync(span(at(16)));
    const child = machine.process(main.forkSync());
    expect(child.main.load8Sync(at(1))).toBe(9);
    expect(heard).toEqual(['pagefault', 'remove', 'remap', 'unmap', 'unmap', 'fork']);
  });

  test('calls all listeners of a message', () => {
    const { uffd, t0, at } = machineWith();
    const order: string[] = [];
    uffd.on('pagefault', () => order.push('first'));
    uffd.on('pagefault', (fault) => {
      order.push('second');
      fault.zeropageSync();
    });
    t0.load8Sync(at(0));
    expect(order).toEqual(['first', 'second']);
  });

  test('off with the last listener gone consumes nothing any more', () => {
    const { uffd, t0, at } = machineWith();
    const listener = (fault: PageFault) => void fault.zeropageSync();
    uffd.on('pagefault', listener);
    t0.load8Sync(at(0));
    uffd.off('pagefault', listener);
    void t0.load8(at(1));
    expect(uffd.fdinfo()).toMatchObject({ pending: 1 });
    uffd.on('pagefault', listener);
    expect(t0.state).toBe('idle');
  });

  test('may close the userfaultfd from a listener', () => {
    const { uffd, t0, at } = machineWith();
    uffd.on('pagefault', () => uffd.close());
    expect(t0.load8Sync(at(0))).toBe(0);
    expect(errno(() => uffd.poll())).toBe('EBADF');
  });

  test('may be taken back from its own listener', () => {
    const { uffd, t0, at } = machineWith();
    const once = (fault: PageFault) => {
      uffd.off('pagefault', once);
      fault.copySync(page(7));
    };
    uffd.on('pagefault', once);
    expect(t0.load8Sync(at(0))).toBe(7);
    void t0.load8(at(1));
    expect(drain(uffd, BASE)).toEqual(['fault 0 @1']);
  });

  test('may resolve later: the thread waits until then', async () => {
    const { uffd, t0, at } = machineWith();
    uffd.on('pagefault', async (fault) => {
      await turn();
      await fault.copy(page(3));
    });
    const load = t0.load8(at(0));
    expect(t0.state).toBe('blocked');
    expect(await load).toBe(3);
  });

  test('before the handshake is EINVAL, as read is', () => {
    const { uffd } = machineWith({ features: null });
    expect(errno(() => uffd.on('pagefault', () => {}))).toBe('EINVAL');
  });

  test('that cannot take a FORK message for want of a descriptor says so', () => {
    const { uffd, main, t0 } = machineWith({
      features: UFFD_FEATURE_EVENT_FORK,
      spawn: { maxFiles: 1 },
    });
    uffd.on('fork', () => {});
    expect(errno(() => t0.forkSync())).toBe('EMFILE');
    expect(main.state).toBe('idle');
  });
});

describe('the methods of a fault', () => {
  test('copy, zeropage, poison and wake act on its page alone', () => {
    const { uffd, t0, t1, t2, at } = machineWith();
    void t0.load8(at(0) + 9);
    void t1.load8(at(1) + 9);
    void t2.load8(at(2) + 9);
    const faults = [uffd.readMsgSync(), uffd.readMsgSync(), uffd.readMsgSync()] as PageFault[];
    expect(faults[0]?.copySync(page(1))).toBe(PAGE);
    expect(faults[1]?.zeropageSync()).toBe(PAGE);
    expect([t0.state, t1.state, t2.state]).toEqual(['idle', 'idle', 'blocked']);
    faults[2]?.wakeSync();
    expect(drain(uffd, BASE)).toEqual(['fault 0 @2']);
    expect(faults[2]?.zeropageSync(1)).toBe(PAGE);
    expect(t2.state).toBe('blocked');
    expect(errno(() => faults[2]?.poisonSync())).toBe('EEXIST');
  });

  test('unprotect lets a writer go on, as does the promise form', async () => {
    const { uffd, main, t0, t1, at } = machineWith({ modes: W });
    main.writeSync(at(0), page(1, 2));
    uffd.writeprotectSync({ ...pagesAt(at(0), 2), mode: 1 });
    const stores = [t0.store8(at(0), 2), t1.store8(at(1), 2)];
    const [first, second] = [uffd.readMsgSync(), uffd.readMsgSync()] as [PageFault, PageFault];
    first.unprotectSync();
    await second.unprotect();
    await Promise.all(stores);
    expect([main.load8Sync(at(0)), main.load8Sync(at(1))]).toEqual([2, 2]);
  });
});
