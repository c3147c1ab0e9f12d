/** fork(2) of registered memory, with EVENT_FORK and without, and inherited descriptors. */
import {
  MADV_DONTFORK,
  MADV_WIPEONFORK,
  UFFD_FEATURE_EVENT_FORK,
  UFFD_FEATURE_WP_UNPOPULATED,
  UFFDIO_API,
  uffd_msg,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import {
  anotherUffd,
  BASE,
  type GuestOptions,
  M,
  machineWith,
  mapAt,
  page,
  pagesAt,
  span,
  W,
} from '../support/guest.js';
import { areas, drain, errno, pages } from '../support/observe.js';

const FORK = UFFD_FEATURE_EVENT_FORK;

/** Forks and reads the event; the child and its userfaultfd. */
async function forked(options: GuestOptions = {}) {
  const guest = machineWith({ features: FORK, ...options });
  const fork = guest.t0.fork('child');
  const msg = guest.uffd.readMsgSync();
  if (msg?.event !== 'fork') throw new Error('no FORK event');
  const child = guest.machine.process(await fork);
  return { ...guest, child, childUffd: msg.uffd, ufd: msg.ufd };
}

describe('with EVENT_FORK', () => {
  test('fork waits until the event is read, which makes a descriptor [9.90]', async () => {
    const { uffd, machine, t0, main } = machineWith({ features: FORK });
    const before = machine.processes.length;
    const fork = t0.fork();
    expect([t0.state, machine.processes.length]).toEqual(['blocked', before]);
    const msg = uffd.readMsgSync();
    expect(msg).toMatchObject({ event: 'fork', ufd: uffd.fd + 1 });
    const child = machine.process(await fork);
    expect(child.main.state).toBe('idle');
    expect(main.userfaultfdOf(uffd.fd + 1).poll()).toBe(0);
  });

  test('the descriptor is initialised, with features and flags of the parent [9.90]', async () => {
    const { childUffd, uffd } = await forked({ features: FORK | 0x100 });
    expect(errno(() => childUffd.ioctlSync(UFFDIO_API, new Uint8Array(24)))).toBe('EINVAL');
    expect(errno(() => childUffd.apiSync())).toBe('EINVAL');
    expect(childUffd.fdinfo().features).toBe(uffd.fdinfo().features);
    expect(childUffd.statusFlags).toBe(uffd.statusFlags);
  });

  test("the child's faults come to it; COPY through it fills the child only [9.90]", async () => {
    const { child, childUffd, uffd, proc, at } = await forked();
    const load = child.main.load8(at(1));
    expect(drain(childUffd, BASE)).toEqual(['fault 0 @1']);
    childUffd.copySync({ dst: at(1), src: page(7) });
    expect(await load).toBe(7);
    expect([pages(child, BASE, 2), pages(proc, BASE, 2)]).toEqual(['- P', '- -']);
    expect(drain(uffd, BASE)).toEqual([]);
  });

  test('modes, uffd-wp bits and markers are inherited; empty pages stay empty', async () => {
    const guest = machineWith({ features: FORK | UFFD_FEATURE_WP_UNPOPULATED, modes: M | W });
    const { uffd, machine, proc, t0, at } = guest;
    uffd.copySync({ dst: at(0), src: page(1), mode: 2 });
    uffd.writeprotectSync({ ...pagesAt(at(1)), mode: 1 });
    uffd.poisonSync(pagesAt(at(2)));
    const fork = t0.fork();
    const msg = uffd.readMsgSync();
    const child = machine.process(await fork);
    expect(areas(child, BASE)).toEqual(['0-4:um+uw']);
    expect(pages(child, BASE, 4)).toBe('Pw mw m -');
    expect(pages(proc, BASE, 4)).toBe('Pw mw m -');
    void child.main.store8(at(0), 2);
    const childUffd = msg?.event === 'fork' ? msg.uffd : uffd;
    expect(drain(childUffd, BASE)).toEqual(['fault 3 @0']);
  });

  test('fills of the parent are EAGAIN until the event is read', () => {
    const { uffd, t0, at } = machineWith({ features: FORK });
    void t0.fork();
    expect(errno(() => uffd.zeropageSync(pagesAt(at(0))))).toBe('EAGAIN');
    drain(uffd, BASE);
    expect(errno(() => uffd.zeropageSync(pagesAt(at(0))))).toBe('ok');
  });

  test('two userfaultfds send one after the other, by address of their first area', async () => {
    const { uffd, main, t0, at } = machineWith({ features: FORK, modes: 0 });
    const other = anotherUffd(main, FORK);
    other.registerSync({ ...pagesAt(at(0)), mode: M });
    uffd.registerSync({ ...pagesAt(at(1)), mode: M });
    other.registerSync({ ...pagesAt(at(2)), mode: M });
    const fork = t0.fork();
    expect(drain(uffd, BASE)).toEqual([]);
    expect(drain(other, BASE)).toEqual(['fork']);
    expect(t0.state).toBe('blocked');
    expect(drain(uffd, BASE)).toEqual(['fork']);
    expect(await fork).toBeGreaterThan(t0.tid);
  });

  test('a child of a child works the same', async () => {
    const { machine, child, childUffd, at } = await forked();
    const fork = child.main.fork();
    const msg = childUffd.readMsgSync();
    const grandchild = machine.process(await fork);
    const uffd = msg?.event === 'fork' ? msg.uffd : childUffd;
    const load = grandchild.main.load8(at(0));
    uffd.copySync({ dst: at(0), src: page(3) });
    expect(await load).toBe(3);
    expect(pages(child, BASE, 1)).toBe('-');
  });

  test('a read without a free descriptor is EMFILE; the next one succeeds [9.91]', async () => {
    const { uffd, machine, main, t0 } = machineWith({ features: FORK, spawn: { maxFiles: 2 } });
    const fd = main.memfdCreateSync('last');
    const fork = t0.fork();
    expect(errno(() => uffd.readMsgSync())).toBe('EMFILE');
    expect(errno(() => uffd.readSync(new Uint8Array(32)))).toBe('EMFILE');
    expect([t0.state, uffd.poll()]).toEqual(['blocked', 1]);
    main.closeSync(fd);
    expect(uffd.readMsgSync()).toMatchObject({ event: 'fork', ufd: fd });
    expect(machine.process(await fork).ended).toBe(false);
  });

  test('read(2) of bytes gives the descriptor at offset 8', async () => {
    const { uffd, t0 } = machineWith({ features: FORK });
    const fork = t0.fork();
    const buffer = new Uint8Array(32);
    expect(uffd.readSync(buffer)).toBe(32);
    expect(uffd_msg.decode(buffer)).toEqual({ event: 'fork', ufd: uffd.fd + 1 });
    await fork;
  });

  test('a reader in another process gets the descriptor there', async () => {
    const { uffd, machine, t0, at } = machineWith({ features: FORK });
    const manager = machine.spawn({ name: 'manager' });
    const remote = manager.receive(uffd);
    const fork = t0.fork();
    const msg = remote.readMsgSync();
    const child = machine.process(await fork);
    expect(msg).toMatchObject({ ufd: remote.fd + 1 });
    const load = child.main.load8(at(0));
    manager.main.userfaultfdOf(remote.fd + 1).copySync({ dst: at(0), src: page(4) });
    expect(await load).toBe(4);
  });

  test('closing while fork waits: the child is unregistered and fork goes on', async () => {
    const { uffd, machine, main, t0, at } = machineWith({ features: FORK });
    const manager = machine.spawn();
    const remote = manager.receive(uffd);
    main.closeSync(uffd.fd);
    const fork = t0.fork();
    remote.close();
    const child = machine.process(await fork);
    expect(areas(child, BASE)).toEqual(['0-4:none']);
    expect(child.main.load8Sync(at(0))).toBe(0);
  });

  test("the child's table holds the descriptor: closing does not end the wait", async () => {
    const { uffd, main, proc, t0, machine } = machineWith({ features: FORK });
    const remote = machine.spawn().receive(uffd);
    const fork = t0.fork();
    main.closeSync(uffd.fd);
    remote.close();
    expect(t0.state).toBe('blocked');
    proc.kill();
    await expect(fork).rejects.toMatchObject({ name: 'ProcessEndedError' });
  });

  test("closing the child's descriptor lets the child go on with default behaviour", async () => {
    const { child, childUffd, at } = await forked();
    const load = child.main.load8(at(0));
    childUffd.close();
    expect(await load).toBe(0);
    expect(areas(child, BASE)).toEqual(['0-4:none']);
  });
});

describe('what does not send FORK', () => {
  test('a userfaultfd without registrations, and one whose areas are MADV_DONTFORK [9.93]', () => {
    const { uffd, machine, main, at } = machineWith({ features: FORK, modes: 0 });
    const child = machine.process(main.forkSync());
    expect(child.ended).toBe(false);
    uffd.registerSync({ ...pagesAt(at(0), 4), mode: M });
    main.madviseSync({ ...span(at(0), 4), advice: MADV_DONTFORK });
    const second = machine.process(main.forkSync());
    expect(areas(second, BASE)).toEqual([]);
    expect(drain(uffd, BASE)).toEqual([]);
  });

  test('MADV_WIPEONFORK does: the area is registered and empty in the child', async () => {
    const guest = machineWith({ features: FORK });
    guest.uffd.copySync({ dst: guest.at(0), src: page(7) });
    guest.main.madviseSync({ ...span(guest.at(0), 4), advice: MADV_WIPEONFORK });
    const fork = guest.t0.fork();
    expect(drain(guest.uffd, BASE)).toEqual(['fork']);
    const child = guest.machine.process(await fork);
    expect([areas(child, BASE), pages(child, BASE, 1)]).toEqual([['0-4:um'], '-']);
  });
});

describe('without EVENT_FORK', () => {
  test("the child is unregistered and unprotected, the parent's protection stays [9.92]", () => {
    const { uffd, machine, main, proc, t0, at } = machineWith({ modes: M | W });
    uffd.copySync({ dst: at(0), src: page(1), mode: 2 });
    const child = machine.process(main.forkSync());
    expect(areas(child, BASE)).toEqual(['0-4:none']);
    expect([pages(child, BASE, 2), pages(proc, BASE, 2)]).toEqual(['P -', 'Pw -']);
    child.main.store8Sync(at(0), 2);
    expect(child.main.load8Sync(at(1))).toBe(0);
    void t0.store8(at(0), 3);
    expect(drain(uffd, BASE)).toEqual(['fault 3 @0']);
  });

  test('pages of shmem are empty in the child and fault in from the file', () => {
    const { uffd, machine, main, at } = machineWith({ kind: 'shared', modes: W, cached: [7] });
    main.load8Sync(at(0));
    uffd.writeprotectSync({ ...pagesAt(at(0), 2), mode: 1 });
    const child = machine.process(main.forkSync());
    expect(pages(child, BASE, 2)).toBe('- -');
    child.main.store8Sync(at(0), 8);
    expect(main.load8Sync(at(0))).toBe(8);
    expect(drain(uffd, BASE)).toEqual([]);
  });
});

describe('an inherited descriptor', () => {
  test("acts on the parent's memory: COPY, REGISTER, read [9.98]", async () => {
    const { uffd, machine, main, proc, t0, at } = machineWith({ pages: 4 });
    mapAt(main, at(8), 2);
    const child = machine.process(main.forkSync());
    const inherited = child.main.userfaultfdOf(uffd.fd);
    const load = t0.load8(at(0));
    expect(inherited.readMsgSync()).toMatchObject({ address: at(0) });
    child.main.writeSync(at(8), page(5));
    inherited.copySync({ dst: at(0), src: at(8), len: 4096 });
    expect(await load).toBe(5);
    inherited.registerSync({ ...pagesAt(at(8), 2), mode: W });
    expect(areas(proc, BASE)).toEqual(['0-4:um', '8-10:uw']);
    expect(areas(child, BASE)).toEqual(['0-4:none', '8-10:none']);
    expect(pages(child, BASE, 1)).toBe('-');
  });

  test("cannot move pages: the child's memory is not the owner's", () => {
    const { uffd, machine, main, at } = machineWith();
    const child = machine.process(main.forkSync());
    const inherited = child.main.userfaultfdOf(uffd.fd);
    const move = () => inherited.moveSync({ dst: at(0), src: at(1), len: 4096 });
    expect(errno(move)).toBe('EINVAL');
  });
});
