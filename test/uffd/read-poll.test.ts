/** read(2), poll(2) and fdinfo: sizes, order, blocking, and messages that vanish or are lost. */
import {
  MADV_DONTNEED,
  O_NONBLOCK,
  POLLERR,
  POLLIN,
  PROT_READ,
  UFFD_FEATURE_EVENT_REMOVE,
  uffd_msg,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { BASE, machineWith, mapAt, page, pagesAt, span } from '../support/guest.js';
import { drain, errno, pages } from '../support/observe.js';

describe('poll', () => {
  test('on a blocking descriptor is POLLERR always, after F_SETFL O_NONBLOCK 0 [9.10]', () => {
    const { uffd, t0, at } = machineWith({ flags: 0 });
    void t0.load8(at(0));
    expect(uffd.poll()).toBe(POLLERR);
    uffd.statusFlags = O_NONBLOCK;
    expect(uffd.poll()).toBe(POLLIN);
    uffd.readMsgSync();
    expect(uffd.poll()).toBe(0);
    uffd.statusFlags = 0;
    expect(uffd.poll()).toBe(POLLERR);
  });

  test('that waits ends when a message comes, and at once where poll has an answer', async () => {
    const { uffd, t0, at } = machineWith({ flags: O_NONBLOCK });
    let revents: number | undefined;
    const waiting = uffd.pollWait().then((answer) => {
      revents = answer;
    });
    await Promise.resolve();
    expect(revents).toBeUndefined();
    void t0.load8(at(0));
    await waiting;
    expect(revents).toBe(POLLIN);
    expect(await uffd.pollWait()).toBe(POLLIN); // nobody has read it
    uffd.statusFlags = 0;
    expect(await uffd.pollWait()).toBe(POLLERR);
  });

  test('that waits goes on waiting when another reader was faster', async () => {
    const { uffd, t0, t1, at } = machineWith({ flags: O_NONBLOCK });
    const reading = uffd.readMsg();
    const polling = uffd.pollWait();
    void t0.load8(at(0)); // the last sleeper wakes first: poll, then read
    expect([await polling, (await reading).event]).toEqual([POLLIN, 'pagefault']);
    const [again, faster] = [uffd.pollWait(), uffd.readMsg()];
    void t0.interrupt();
    expect((await faster).event).toBe('pagefault'); // the same fault with a new message
    void t1.load8(at(1));
    expect(await again).toBe(POLLIN);
  });

  test('that waits can be given up, and answers EBADF for a closed descriptor', async () => {
    const { uffd } = machineWith({ flags: O_NONBLOCK });
    const giveUp = new AbortController();
    const polling = uffd.pollWait({ signal: giveUp.signal });
    giveUp.abort(new Error('enough'));
    await expect(polling).rejects.toThrow('enough');
    uffd.close();
    await expect(uffd.pollWait()).rejects.toMatchObject({ code: 'EBADF', syscall: 'poll' });
  });

  test('is POLLIN for unread faults and events, not for faults that were read', () => {
    const { uffd, t0, t1, at } = machineWith({ features: UFFD_FEATURE_EVENT_REMOVE });
    expect(uffd.poll()).toBe(0);
    void t0.load8(at(0));
    expect(uffd.poll()).toBe(POLLIN);
    drain(uffd, BASE);
    expect(uffd.poll()).toBe(0);
    void t1.madvise({ ...span(at(0)), advice: MADV_DONTNEED });
    expect(uffd.poll()).toBe(POLLIN);
    drain(uffd, BASE);
    expect(uffd.poll()).toBe(0);
  });

  test('shares O_NONBLOCK between descriptors of one open file', () => {
    const { uffd } = machineWith({ flags: 0 });
    const copy = uffd.dup();
    copy.statusFlags = O_NONBLOCK;
    expect([uffd.poll(), uffd.statusFlags]).toEqual([0, O_NONBLOCK]);
  });
});

describe('a fault that is resolved before it is read', () => {
  test('leaves nothing: poll 0, read EAGAIN, the thread done [9.70]', async () => {
    const { uffd, t0, at } = machineWith();
    const load = t0.load8(at(0));
    expect(uffd.poll()).toBe(POLLIN);
    uffd.copySync({ dst: at(0), src: page(7) });
    expect(uffd.poll()).toBe(0);
    expect(errno(() => uffd.readSync(new Uint8Array(32)))).toBe('EAGAIN');
    expect(await load).toBe(7);
  });
});

describe('the size of the buffer', () => {
  test('100 bytes take three of three messages, first in, first out [9.71]', () => {
    const { uffd, t0, t1, t2, at } = machineWith();
    void t0.load8(at(2));
    void t1.store8(at(0), 1);
    void t2.load8(at(1));
    const buffer = new Uint8Array(100).fill(0x77);
    expect(uffd.readSync(buffer)).toBe(96);
    const messages = [0, 32, 64].map((offset) => uffd_msg.decode(buffer.subarray(offset)));
    expect(messages).toMatchObject([
      { flags: 0, address: at(2), ptid: 0 },
      { flags: 1, address: at(0) },
      { flags: 0, address: at(1) },
    ]);
    expect(buffer.subarray(96)).toEqual(Uint8Array.of(0x77, 0x77, 0x77, 0x77));
    expect(errno(() => uffd.readSync(buffer))).toBe('EAGAIN');
  });

  test('a message is 32 bytes, the unused ones zero', () => {
    const { uffd, t0, at } = machineWith();
    void t0.store8(at(1), 1);
    const buffer = new Uint8Array(32).fill(0x77);
    uffd.readSync(buffer);
    expect(buffer).toEqual(
      Uint8Array.of(
        ...[0x12, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
        ...[0, 0x10, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      ),
    );
  });

  test.each([0, 31])('%i bytes are EINVAL whether or not a message waits', (size) => {
    const { uffd, t0, at } = machineWith();
    expect(errno(() => uffd.readSync(new Uint8Array(size)))).toBe('EINVAL');
    void t0.load8(at(0));
    expect(errno(() => uffd.readSync(new Uint8Array(size)))).toBe('EINVAL');
    expect(uffd.fdinfo().pending).toBe(1);
  });

  test('too small is EINVAL on a blocking descriptor too, at once', () => {
    const { uffd } = machineWith({ flags: 0 });
    expect(errno(() => uffd.readSync(new Uint8Array(31)))).toBe('EINVAL');
  });

  test('two messages fit, the third stays', () => {
    const { uffd, t0, t1, t2, at } = machineWith();
    for (const thread of [t0, t1, t2]) void thread.load8(at(0));
    expect(uffd.readSync(new Uint8Array(64))).toBe(64);
    expect(uffd.fdinfo()).toMatchObject({ pending: 1, total: 3 });
  });
});

describe('order', () => {
  test('a fault that comes after a pending event is read before it [9.72]', () => {
    const { uffd, t0, t1, at } = machineWith({ features: UFFD_FEATURE_EVENT_REMOVE });
    void t0.madvise({ ...span(at(0), 2), advice: MADV_DONTNEED });
    void t1.load8(at(3));
    expect(drain(uffd, BASE)).toEqual(['fault 0 @3', 'remove 0-2']);
  });

  test('in one read too, faults stand before events', () => {
    const { uffd, t0, t1, t2, at } = machineWith({ features: UFFD_FEATURE_EVENT_REMOVE });
    void t0.madvise({ ...span(at(0)), advice: MADV_DONTNEED });
    void t1.load8(at(3));
    void t2.madvise({ ...span(at(1)), advice: MADV_DONTNEED });
    const buffer = new Uint8Array(96);
    expect(uffd.readSync(buffer)).toBe(96);
    expect([buffer[0], buffer[32], buffer[64]]).toEqual([0x12, 0x15, 0x15]);
    expect(uffd_msg.decode(buffer.subarray(32))).toMatchObject({ start: at(0) });
  });
});

describe('blocking', () => {
  test('a read waits for the first message and takes what is there with it', async () => {
    const { uffd, t0, t1, at } = machineWith({ flags: 0 });
    const buffer = new Uint8Array(96);
    const read = uffd.read(buffer);
    void t0.load8(at(0));
    void t1.load8(at(1));
    expect(await read).toBe(32);
    expect(await uffd.read(buffer)).toBe(32);
  });

  test('of several readers the last to fall asleep gets the message', async () => {
    const { uffd, t0, t1, at } = machineWith({ flags: 0 });
    const buffers = [new Uint8Array(32), new Uint8Array(32)] as const;
    const reads = buffers.map((buffer) => uffd.read(buffer));
    void t0.load8(at(1));
    expect([buffers[0][0], buffers[1][0]]).toEqual([0, 0x12]);
    void t1.load8(at(2));
    expect(await Promise.all(reads)).toEqual([32, 32]);
    expect(uffd_msg.decode(buffers[0])).toMatchObject({ address: at(2) });
  });

  test('O_NONBLOCK is looked at when the read begins', () => {
    const { uffd } = machineWith({ flags: 0 });
    uffd.statusFlags = O_NONBLOCK;
    expect(errno(() => uffd.readSync(new Uint8Array(32)))).toBe('EAGAIN');
  });
});

describe('a buffer that cannot be written', () => {
  test('is EFAULT; the fault is lost until WAKE queues it again [9.100]', async () => {
    const { uffd, t0, at } = machineWith();
    void t0.load8(at(0));
    const read = uffd.readToUser({ addr: at(99), count: 32 });
    await expect(read).rejects.toMatchObject({ code: 'EFAULT' });
    expect(uffd.fdinfo()).toMatchObject({ pending: 0, total: 1 });
    expect(t0.state).toBe('blocked');
    uffd.wakeSync(pagesAt(at(0)));
    expect(drain(uffd, BASE)).toEqual(['fault 0 @0']);
  });

  test('is EFAULT; the event is lost and its operation completes [9.100]', async () => {
    const { uffd, main, proc, t0, at } = machineWith({ features: UFFD_FEATURE_EVENT_REMOVE });
    uffd.zeropageSync(pagesAt(at(0)));
    mapAt(main, at(16), 1, { prot: PROT_READ });
    const advice = t0.madvise({ ...span(at(0)), advice: MADV_DONTNEED });
    const read = uffd.readToUser({ addr: at(16), count: 32 });
    await expect(read).rejects.toMatchObject({ code: 'EFAULT' });
    await advice;
    expect(pages(proc, BASE, 1)).toBe('-');
    expect(drain(uffd, BASE)).toEqual([]);
  });

  test('after a part that can: the bytes before it, the rest stays queued', async () => {
    const { uffd, main, t0, t1, t2, at } = machineWith();
    mapAt(main, at(16), 1);
    for (const thread of [t0, t1, t2]) void thread.load8(at(0));
    const addr = at(17) - 32;
    expect(await uffd.readToUser({ addr, count: 96 })).toBe(32);
    expect(uffd.fdinfo()).toMatchObject({ pending: 1, total: 3 });
    expect(uffd_msg.decode(main.readSync(addr, 32))).toMatchObject({ address: at(0) });
  });
});

describe('fdinfo', () => {
  test('counts unread and all faults, no events, and shows what was agreed', () => {
    const { uffd, t0, t1, t2, at } = machineWith({ features: UFFD_FEATURE_EVENT_REMOVE });
    void t0.load8(at(0));
    drain(uffd, BASE);
    void t1.load8(at(1));
    void t2.madvise({ ...span(at(0)), advice: MADV_DONTNEED });
    expect(uffd.fdinfo().text).toBe('pending:\t1\ntotal:\t2\nAPI:\taa:80000008:80000000000001ff\n');
  });

  test('before the handshake shows no features', () => {
    const { uffd } = machineWith({ features: null });
    expect(uffd.fdinfo().text).toBe('pending:\t0\ntotal:\t0\nAPI:\taa:0:80000000000001ff\n');
  });

  test.each([
    ['5.10', 'aa:0:800000000000005f'],
    ['6.18', 'aa:80000000:80000000000001ff'],
    ['7.3', 'aa:80000000:80000000000007ff'],
  ] as const)('of %s shows %s', (kernel, text) => {
    expect(machineWith({ kernel }).uffd.fdinfo().text).toContain(`API:\t${text}\n`);
  });

  test('is that of the open file: a duplicate and a receiver see the same', () => {
    const { uffd, machine, t0, at } = machineWith();
    void t0.load8(at(0));
    const seen = [uffd, uffd.dup(), machine.spawn().receive(uffd)].map((u) => u.fdinfo().pending);
    expect(seen).toEqual([1, 1, 1]);
  });
});
