/** Going back and forth through a run, with and without somebody asleep at the boundaries. */
import {
  History,
  KernelError,
  Machine,
  O_NONBLOCK,
  RestoredError,
  SnapshotError,
  type Thread,
  UFFDIO_REGISTER_MODE_MISSING,
} from 'uffd-emulator';
import { expect, test } from 'vitest';

const PAGE = 4096;

function world() {
  const machine = new Machine();
  const guest = machine.spawn({ name: 'guest' });
  const { main } = guest;
  const addr = main.mmapSync({ length: 4 * PAGE, prot: 3, flags: 0x22 });
  return { machine, guest, main, addr };
}

test('goes to every step in any order, and says where it is', () => {
  const { machine, main, addr } = world();
  const history = new History(machine);
  for (const value of [1, 2, 3]) {
    history.run(`store ${value}`, () => main.store8Sync(addr, value));
  }
  expect(history.operations).toEqual(['store 1', 'store 2', 'store 3']);
  for (const step of [2, 0, 3, 1, 1]) {
    history.at(step);
    expect([history.step, main.load8Sync(addr)]).toEqual([step, step]);
  }
  expect([history.back(), history.back()]).toEqual([true, false]);
  expect([history.forward(), main.load8Sync(addr)]).toEqual([true, 1]);
  history.at(3);
  expect(history.forward()).toBe(false);
  for (const step of [-1, 4, 0.5]) expect(() => history.at(step)).toThrow(RangeError);
});

test('begins another future from an earlier step', () => {
  const { machine, main, addr } = world();
  const history = new History(machine);
  history.run('a', () => main.store8Sync(addr, 1));
  history.run('b', () => main.store8Sync(addr, 2));
  history.back();
  history.run('c', () => main.store8Sync(addr + 1, 3));
  expect(history.operations).toEqual(['a', 'c']);
  expect([main.load8Sync(addr), main.load8Sync(addr + 1)]).toEqual([1, 3]);
});

test('repeats operations up to a boundary at which a thread sleeps', () => {
  const { machine, guest, addr } = world();
  const uffd = guest.main.userfaultfdSync(O_NONBLOCK);
  uffd.apiSync();
  uffd.registerSync({ start: addr, len: PAGE, mode: UFFDIO_REGISTER_MODE_MISSING });
  let vcpu: Thread | undefined;
  let access: Promise<number> | undefined;
  const history = new History(machine);
  history.run('thread', () => {
    vcpu = guest.createThread('vcpu');
  });
  history.run('touch', () => {
    access = vcpu?.load8(addr);
    return access;
  });
  history.run('read', () => uffd.readMsgSync());
  history.run('fill', () => uffd.copySync({ dst: addr, src: new Uint8Array(PAGE).fill(8) }));
  expect(vcpu?.state).toBe('idle');
  history.at(2);
  expect(vcpu?.waitsFor).toMatch(/missing fault/);
  expect(uffd.fdinfo()).toMatchObject({ pending: 1 });
  history.forward();
  expect(uffd.fdinfo()).toMatchObject({ pending: 0, total: 1 });
  history.forward();
  expect(vcpu?.state).toBe('idle');
  history.at(0);
  expect(guest.threads).toHaveLength(1);
  history.at(2);
  history.forward();
  history.forward();
  return expect(access).resolves.toBe(8);
});

test('keeps an operation that failed, and what the program has beside the machine', () => {
  const { machine, main, addr } = world();
  const list: number[] = [];
  const save = () => {
    const items = [...list];
    return () => void list.splice(0, list.length, ...items);
  };
  const history = new History(machine, { save });
  history.run('push', () => list.push(main.load8Sync(addr)));
  const fail = () => main.munmapSync({ addr: 1, length: 1 });
  expect(() => history.run('fail', fail)).toThrow(KernelError);
  expect([history.step, list]).toEqual([2, [0]]);
  history.at(0);
  expect(list).toEqual([]);
  history.at(2);
  expect(list).toEqual([0]);
});

test('refuses to begin while a thread sleeps', async () => {
  const { machine, main, addr } = world();
  const uffd = main.userfaultfdSync();
  uffd.apiSync();
  uffd.registerSync({ start: addr, len: PAGE, mode: UFFDIO_REGISTER_MODE_MISSING });
  const snapshot = machine.snapshot();
  const access = main.load8(addr);
  expect(() => new History(machine)).toThrow(SnapshotError);
  machine.restore(snapshot);
  await expect(access).rejects.toThrow(RestoredError);
});
