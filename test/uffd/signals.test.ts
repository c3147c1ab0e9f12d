/** Signals: what a caught one does to each kind of wait, and what SIGKILL does. */
import { MADV_DONTNEED, UFFD_FEATURE_EVENT_REMOVE } from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { anotherUffd, BASE, machineWith, mapAt, page, pagesAt, span, W } from '../support/guest.js';
import { drain, errno, pages } from '../support/observe.js';

describe('a caught signal', () => {
  test('repeats a user-mode fault that was read: a second message [9.76]', async () => {
    const { uffd, t0, at } = machineWith();
    const load = t0.load8(at(0));
    expect(drain(uffd, BASE)).toEqual(['fault 0 @0']);
    t0.interrupt();
    expect(drain(uffd, BASE)).toEqual(['fault 0 @0']);
    expect(uffd.fdinfo().total).toBe(1);
    uffd.copySync({ dst: at(0), src: page(7) });
    expect(await load).toBe(7);
  });

  test('takes the unread message away: only the new one is there [9.76]', () => {
    const { uffd, t0, at } = machineWith();
    void t0.load8(at(0));
    t0.interrupt();
    t0.interrupt();
    expect(uffd.fdinfo()).toMatchObject({ pending: 1, total: 1 });
    expect(drain(uffd, BASE)).toEqual(['fault 0 @0']);
  });

  test('moves the new message behind those of other threads', () => {
    const { uffd, t0, t1, at } = machineWith();
    void t0.load8(at(0));
    void t1.load8(at(1));
    t0.interrupt();
    expect(drain(uffd, BASE)).toEqual(['fault 0 @1', 'fault 0 @0']);
  });

  test('lets an access go on whose page came with DONTWAKE', async () => {
    const { uffd, t0, at } = machineWith();
    const load = t0.load8(at(0));
    uffd.copySync({ dst: at(0), src: page(7), mode: 1 });
    expect(t0.state).toBe('blocked');
    t0.interrupt();
    expect(await load).toBe(7);
  });

  test('repeats a write-protect fault', () => {
    const { uffd, main, t0, at } = machineWith({ modes: W });
    main.store8Sync(at(0), 1);
    uffd.writeprotectSync({ ...pagesAt(at(0)), mode: 1 });
    void t0.store8(at(0), 2);
    drain(uffd, BASE);
    t0.interrupt();
    expect(drain(uffd, BASE)).toEqual(['fault 3 @0']);
  });

  test('leaves a remote access waiting: no second message', async () => {
    const { uffd, t0, proc, at } = machineWith();
    const read = t0.processVmReadv({ pid: proc.pid, addr: at(0), length: 1 });
    expect(drain(uffd, BASE)).toEqual(['fault 0 @0']);
    t0.interrupt();
    expect([drain(uffd, BASE), t0.state]).toEqual([[], 'blocked']);
    uffd.copySync({ dst: at(0), src: page(7) });
    expect(await read).toEqual(Uint8Array.of(7));
  });

  test('does not end a system call that copies: it waits for the page', async () => {
    const { uffd, main, t0, at } = machineWith();
    mapAt(main, at(8), 1);
    const { writeFd } = main.pipeSync();
    const write = t0.sysWrite({ fd: writeFd, addr: at(0), count: 4 });
    t0.interrupt();
    expect(t0.state).toBe('blocked');
    uffd.copySync({ dst: at(0), src: page(7) });
    expect(await write).toBe(4);
  });

  test('leaves an operation waiting for its event [9.94]', async () => {
    const { uffd, proc, t0, at } = machineWith({ features: UFFD_FEATURE_EVENT_REMOVE });
    uffd.zeropageSync(pagesAt(at(0)));
    const advice = t0.madvise({ ...span(at(0)), advice: MADV_DONTNEED });
    t0.interrupt();
    expect([t0.state, pages(proc, BASE, 1)]).toEqual(['blocked', 'P']);
    expect(drain(uffd, BASE)).toEqual(['remove 0-1']);
    await advice;
    expect(pages(proc, BASE, 1)).toBe('-');
  });

  test('does nothing to a thread that is idle', () => {
    const { uffd, t0 } = machineWith();
    t0.interrupt();
    expect([t0.state, drain(uffd, BASE)]).toEqual(['idle', []]);
  });
});

describe('SIGKILL', () => {
  const killed = { name: 'ProcessEndedError' };

  test('ends a thread that waits for its event; the event vanishes [9.94]', async () => {
    const { uffd, machine, proc, t0, at } = machineWith({ features: UFFD_FEATURE_EVENT_REMOVE });
    const manager = machine.spawn().receive(uffd);
    const advice = t0.madvise({ ...span(at(0)), advice: MADV_DONTNEED });
    proc.kill();
    await expect(advice).rejects.toMatchObject(killed);
    expect(drain(manager, BASE)).toEqual([]);
    expect(manager.poll()).toBe(0);
  });

  test('ends threads that wait for pages; their messages vanish', async () => {
    const { uffd, machine, proc, t0, t1, at } = machineWith();
    const manager = machine.spawn().receive(uffd);
    const loads = [t0.load8(at(0)), t1.load8(at(1))];
    manager.readMsgSync();
    expect(manager.fdinfo()).toMatchObject({ pending: 1, total: 2 });
    proc.kill();
    for (const load of loads) await expect(load).rejects.toMatchObject(killed);
    expect(manager.fdinfo()).toMatchObject({ pending: 0, total: 0 });
    expect([t0.state, proc.ended]).toEqual(['dead', true]);
  });

  test('of a parent that waits for its FORK event leaves no child', async () => {
    const { uffd, machine, proc, main } = machineWith({ features: 2 });
    const manager = machine.spawn().receive(uffd);
    const before = machine.processes.length;
    const fork = main.fork();
    proc.kill();
    await expect(fork).rejects.toMatchObject(killed);
    expect(drain(manager, BASE)).toEqual([]);
    expect(machine.processes).toHaveLength(before);
  });

  test('gives the memory of the process back', () => {
    const machine = machineWith().machine;
    const before = machine.freePages;
    const victim = machine.spawn();
    mapAt(victim.main, BASE, 8);
    victim.main.writeSync(BASE, page(1, 8));
    victim.kill();
    expect(machine.freePages).toBe(before);
    expect(errno(() => machine.spawn().main.load8Sync(BASE))).toBe('SIGSEGV');
  });

  test('of a process that reads releases the userfaultfd that it alone held', async () => {
    const { uffd, machine, main, t0, at } = machineWith({ flags: 0 });
    const manager = machine.spawn();
    const remote = manager.receive(uffd);
    main.closeSync(uffd.fd);
    const read = remote.read(new Uint8Array(32));
    manager.kill();
    await expect(read).rejects.toMatchObject(killed);
    expect(t0.load8Sync(at(0))).toBe(0);
  }, 1000);

  test('of a process that listens releases the userfaultfd that it alone held', () => {
    const { uffd, machine, main, t0, at } = machineWith();
    const manager = machine.spawn();
    manager.receive(uffd).on('pagefault', (fault) => fault.copySync(page(7)));
    main.closeSync(uffd.fd);
    expect(t0.load8Sync(at(0))).toBe(7);
    manager.kill();
    expect(t0.load8Sync(at(1))).toBe(0);
  });

  test('of a process that copies from missing memory ends the copy', async () => {
    const { uffd, machine, proc, main, at } = machineWith();
    uffd.zeropageSync(pagesAt(at(3)));
    const manager = machine.spawn();
    const before = machine.freePages;
    mapAt(manager.main, at(16), 1);
    const own = anotherUffd(manager.main);
    const held = proc.receive(own);
    own.registerSync({ ...pagesAt(at(16)), mode: 1 });
    const copy = manager.receive(uffd).copy({ dst: at(0), src: at(16), len: 4096 });
    expect(held.fdinfo().total).toBe(1);
    manager.kill();
    await expect(copy).rejects.toMatchObject(killed);
    expect(machine.freePages).toBeGreaterThanOrEqual(before);
    expect(held.fdinfo().total).toBe(0);
    expect(main.load8Sync(at(3))).toBe(0);
  }, 1000);
});

describe('a read that waits', () => {
  test('begins again after a caught signal, as calls do under SA_RESTART', async () => {
    const { uffd, main, t0, at } = machineWith({ flags: 0 });
    const read = uffd.read(new Uint8Array(32));
    main.interrupt();
    void t0.load8(at(0));
    expect(await read).toBe(32);
  });
});
