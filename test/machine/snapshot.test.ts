/** Snapshots, restoring and forks as users see them: handles, listeners, and what refuses. */
import {
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  Machine,
  O_NONBLOCK,
  PROT_READ,
  PROT_WRITE,
  RestoredError,
  SnapshotError,
  type Thread,
  ThreadBusyError,
  UFFD_FEATURE_EVENT_REMOVE,
  UFFDIO_REGISTER_MODE_MISSING,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';

const PAGE = 4096;

function map(thread: Thread, pages: number): number {
  const flags = MAP_PRIVATE | MAP_ANONYMOUS;
  return thread.mmapSync({ length: pages * PAGE, prot: PROT_READ | PROT_WRITE, flags });
}

function world() {
  const machine = new Machine();
  const guest = machine.spawn({ name: 'guest' });
  const { main } = guest;
  const addr = map(main, 4);
  const uffd = main.userfaultfdSync(O_NONBLOCK);
  uffd.apiSync({ features: UFFD_FEATURE_EVENT_REMOVE });
  return { machine, guest, main, addr, uffd };
}

function registered() {
  const all = world();
  const { uffd, addr } = all;
  uffd.registerSync({ start: addr, len: 4 * PAGE, mode: UFFDIO_REGISTER_MODE_MISSING });
  return all;
}

describe('restore', () => {
  test('brings back bytes that hits of the translation cache stored over', () => {
    const { machine, main, addr } = world();
    main.store32Sync(addr, 1);
    const snapshot = machine.snapshot();
    expect(main.load32Sync(addr)).toBe(1); // a load must not let the next store go unseen
    for (let value = 2; value < 9; value++) main.store32Sync(addr, value);
    machine.restore(snapshot);
    expect(main.load32Sync(addr)).toBe(1);
    main.store32Sync(addr, 7);
    machine.restore(snapshot);
    expect(main.load32Sync(addr)).toBe(1);
  });

  test('goes forward to a later snapshot, with what was made in between', () => {
    const { machine, guest, main, addr } = world();
    const before = machine.snapshot();
    main.store8Sync(addr, 5);
    const vcpu = guest.createThread('vcpu');
    const after = machine.snapshot();
    machine.restore(before);
    expect(guest.threads).toEqual([main]);
    expect(() => vcpu.load8Sync(addr)).toThrow(RestoredError);
    expect(vcpu.state).toBe('dead');
    machine.restore(after);
    expect(guest.threads).toEqual([main, vcpu]);
    expect(vcpu.load8Sync(addr)).toBe(5);
  });

  test('revives what ended and closes what was opened', () => {
    const { machine, guest, main, uffd } = world();
    const snapshot = machine.snapshot();
    uffd.close();
    main.setresuidSync(1000);
    guest.exit();
    machine.restore(snapshot);
    expect(guest.ended).toBe(false);
    expect(main.state).toBe('idle');
    expect(uffd.fdinfo().pending).toBe(0);
    main.setresuidSync(0); // still root
    uffd[Symbol.dispose]();
    expect(() => uffd.fdinfo()).toThrow('EBADF');
  });

  test('leaves objects that were made since without existence, under a named error', () => {
    const { machine, guest, main } = world();
    const snapshot = machine.snapshot();
    const other = machine.spawn();
    const late = main.userfaultfdSync();
    const swap = machine.swapOn({ size: 2 ** 20 });
    machine.restore(snapshot);
    expect(() => other.maps()).toThrow(RestoredError);
    expect(() => other.main.load8Sync(0)).toThrow(RestoredError);
    expect(() => late.fdinfo()).toThrow(RestoredError);
    expect(() => swap.usedPages).toThrow(RestoredError);
    late[Symbol.dispose](); // nothing is left to close
    expect(machine.processes).toEqual([guest]);
    expect(machine.swapDevices).toEqual([]);
    expect(machine.spawn().pid).toBe(other.pid);
  });

  test('ends operations in progress with RestoredError', async () => {
    const { machine, main, addr } = registered();
    const snapshot = machine.snapshot();
    const access = main.load8(addr);
    expect(main.state).toBe('blocked');
    machine.restore(snapshot);
    await expect(access).rejects.toThrow(RestoredError);
    expect(main.state).toBe('idle');
    machine.checkInvariants();
  });

  test('brings back listeners as they were', () => {
    const { machine, main, addr, uffd } = registered();
    const page = new Uint8Array(PAGE).fill(3);
    const fill = (fault: { copySync(src: Uint8Array): number }) => void fault.copySync(page);
    uffd.on('pagefault', fill);
    const listening = machine.snapshot();
    expect(main.load8Sync(addr)).toBe(3);
    uffd.off('pagefault', fill);
    const silent = machine.snapshot();
    machine.restore(listening);
    expect(main.load8Sync(addr)).toBe(3);
    machine.restore(silent);
    expect(() => main.load8Sync(addr + PAGE)).toThrow('would wait');
    machine.restore(listening);
    expect(main.load8Sync(addr + PAGE)).toBe(3);
  });

  test('brings back what a page server has served and seen removed', () => {
    const { machine, main, addr, uffd } = registered();
    const region = { start: addr, len: 4 * PAGE };
    const server = uffd.serve(region, () => new Uint8Array(PAGE).fill(9));
    main.load8Sync(addr);
    const snapshot = machine.snapshot();
    main.madviseSync({ addr, length: PAGE, advice: 4 });
    expect(main.load8Sync(addr)).toBe(0);
    expect(main.load8Sync(addr + PAGE)).toBe(9);
    machine.restore(snapshot);
    expect(server.served).toBe(1);
    main.madviseSync({ addr: addr + PAGE, length: PAGE, advice: 4 });
    expect(main.load8Sync(addr)).toBe(9);
    expect(main.load8Sync(addr + PAGE)).toBe(0);
    server.close();
  });
});

describe('a snapshot is refused', () => {
  test('while a thread is asleep, with its name and what it waits for', () => {
    const { machine, main, addr, uffd } = registered();
    const access = main.load8(addr);
    const text = /guest\/main is asleep: .*missing fault/;
    expect(() => machine.snapshot()).toThrow(SnapshotError);
    expect(() => machine.snapshot()).toThrow(text);
    expect(() => machine.fork()).toThrow(text);
    uffd.copySync({ dst: addr, src: new Uint8Array(PAGE) });
    machine.snapshot();
    return expect(access).resolves.toBe(0);
  });

  test('while a userfaultfd is being read, and listeners go on after the refusal', async () => {
    const { machine, main, addr, uffd } = registered();
    uffd.on('pagefault', (fault) => fault.zeropageSync());
    const other = main.userfaultfdSync();
    other.apiSync();
    const giveUp = new AbortController();
    const message = other.readMsg({ signal: giveUp.signal });
    expect(() => machine.snapshot()).toThrow(/a reader of userfaultfd .* waits/);
    expect(main.load8Sync(addr)).toBe(0);
    giveUp.abort(new Error('enough'));
    await expect(message).rejects.toThrow('enough');
    machine.snapshot();
  });

  test('from inside an operation, as restoring is', () => {
    const { machine, main, addr } = world();
    const snapshot = machine.snapshot();
    const inside = (call: () => unknown) => main.rmw8Sync(addr, () => Number(call()));
    expect(() => inside(() => machine.snapshot())).toThrow(SnapshotError);
    expect(() => inside(() => machine.restore(snapshot))).toThrow(SnapshotError);
  });

  test('by another machine', () => {
    const snapshot = new Machine().snapshot();
    expect(() => new Machine().restore(snapshot)).toThrow(SnapshotError);
  });
});

describe('a fork', () => {
  test('has the same processes, threads and descriptors under the same numbers', () => {
    const { machine, guest, main, addr, uffd } = registered();
    const vcpu = guest.createThread('vcpu');
    vcpu.setresuidSync(1000);
    uffd.copySync({ dst: addr, src: new Uint8Array(PAGE).fill(4) });
    const fork = machine.fork();
    const twin = fork.process(guest.pid);
    expect(twin.threads.map(({ tid, name }) => [tid, name])).toEqual(
      guest.threads.map(({ tid, name }) => [tid, name]),
    );
    expect(() => twin.threads[1]?.setresuidSync(0)).toThrow('EPERM');
    expect(twin.main.load8Sync(addr)).toBe(4);
    twin.main.store8Sync(addr, 5);
    expect(main.load8Sync(addr)).toBe(4);
    const inherited = twin.main.userfaultfdOf(uffd.fd);
    inherited.zeropageSync({ start: addr + PAGE, len: PAGE });
    expect(twin.main.load8Sync(addr + PAGE)).toBe(0);
    expect(() => main.load8Sync(addr + PAGE)).toThrow('would wait');
  });

  test('reads what it has not touched yet as it was, whatever its origin does since', () => {
    const { machine, guest, main, addr } = world();
    const fill = (value: number) => {
      for (let i = 0; i < 4; i++) main.store8Sync(addr + i * PAGE, value + i);
    };
    const bytes = (from: Machine) => {
      const thread = from.process(guest.pid).main;
      return [0, 1, 2, 3].map((i) => thread.load8Sync(addr + i * PAGE));
    };
    fill(10);
    const early = machine.snapshot();
    fill(20);
    const first = machine.fork();
    fill(30);
    const second = first.fork();
    machine.restore(early);
    main.munmapSync({ addr, length: 4 * PAGE });
    machine.close();
    expect(bytes(second)).toEqual([20, 21, 22, 23]);
    first.process(guest.pid).main.store8Sync(addr, 1);
    expect(bytes(first)).toEqual([1, 21, 22, 23]);
    expect(bytes(second)).toEqual([20, 21, 22, 23]);
  });

  test('gives the next process the same number as its origin does', () => {
    const { machine } = world();
    const fork = machine.fork();
    expect(fork.spawn().pid).toBe(machine.spawn().pid);
  });

  test('has snapshots of its own, and no listeners', () => {
    const { machine, guest, addr, uffd } = registered();
    uffd.on('pagefault', (fault) => fault.zeropageSync());
    const fork = machine.fork();
    const { main } = fork.process(guest.pid);
    expect(() => main.load8Sync(addr)).toThrow('would wait');
    const snapshot = fork.snapshot();
    const far = map(main, 1);
    fork.restore(snapshot);
    expect(() => main.load8Sync(far)).toThrow('SEGV_MAPERR');
    expect(() => machine.restore(snapshot)).toThrow(SnapshotError);
  });

  test('has swapped pages and the memory of ended processes gone', () => {
    const { machine, guest, main, addr } = world();
    machine.swapOn({ size: 2 ** 20 });
    main.store8Sync(addr, 6);
    machine.spawn().exit();
    expect(machine.reclaim(1)).toBe(1);
    const fork = machine.fork();
    fork.checkInvariants();
    expect(fork.process(guest.pid).main.load8Sync(addr)).toBe(6);
    expect(fork.swapDevices.map(({ usedPages }) => usedPages)).toEqual([0]);
    expect(machine.swapDevices.map(({ usedPages }) => usedPages)).toEqual([1]);
    expect(() => fork.processes[1]?.main.load8Sync(addr)).toThrow(ThreadBusyError);
  });
});
