/** userfaultfd(2) and /dev/userfaultfd: who may make one, with which flags, what the file is. */
import {
  MAP_PRIVATE,
  O_CLOEXEC,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  PROT_READ,
  UFFD_USER_MODE_ONLY,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { machineWith, newMachine, PAGE } from '../support/guest.js';
import { errno } from '../support/observe.js';

const BAD_FLAG = 0x4;

describe('permission of userfaultfd(2)', () => {
  const unprivileged = (sysctl: 0 | 1 = 0) =>
    newMachine({ unprivilegedUserfaultfd: sysctl }).spawn({ uid: 1000 }).main;

  test.each([
    ['flags 0', 0, 'EPERM'],
    ['O_NONBLOCK', O_NONBLOCK, 'EPERM'],
    ['USER_MODE_ONLY', UFFD_USER_MODE_ONLY, 'ok'],
    ['unknown flags alone', BAD_FLAG, 'EPERM'],
    ['unknown flags with USER_MODE_ONLY', BAD_FLAG | UFFD_USER_MODE_ONLY, 'EINVAL'],
  ])('is asked before the flags: %s unprivileged is %s [9.8]', (_name, flags, expected) => {
    expect(errno(() => unprivileged().userfaultfdSync(flags))).toBe(expected);
  });

  test('is given by vm.unprivileged_userfaultfd 1', () => {
    expect(errno(() => unprivileged(1).userfaultfdSync(0))).toBe('ok');
    expect(errno(() => unprivileged(1).userfaultfdSync(BAD_FLAG))).toBe('EINVAL');
  });

  test('is given by CAP_SYS_PTRACE to any user, and not by being root', () => {
    const machine = newMachine();
    const holder = machine.spawn({ uid: 1000, capabilities: ['CAP_SYS_PTRACE'] }).main;
    const root = machine.spawn({ uid: 0, capabilities: [] }).main;
    expect(errno(() => holder.userfaultfdSync(0))).toBe('ok');
    expect(errno(() => root.userfaultfdSync(0))).toBe('EPERM');
  });

  test('goes with setresuid', () => {
    const { main } = newMachine().spawn();
    main.setresuidSync(65534);
    expect(errno(() => main.userfaultfdSync(0))).toBe('EPERM');
  });
});

describe('/dev/userfaultfd', () => {
  test('asks for no capability, only for the mode of the device', () => {
    const open = (devUserfaultfdMode: number) => {
      const { main } = newMachine({ devUserfaultfdMode }).spawn({ uid: 1000 });
      return errno(() => main.openDevUserfaultfdSync(0));
    };
    expect([open(0o600), open(0o644), open(0o666)]).toEqual(['EACCES', 'EACCES', 'ok']);
    const { main } = newMachine().spawn({ uid: 0, capabilities: [] });
    expect(errno(() => main.openDevUserfaultfdSync(0))).toBe('ok');
  });

  test('makes a userfaultfd that handles kernel faults although its maker is unprivileged', () => {
    const machine = newMachine({ devUserfaultfdMode: 0o666 });
    const { main } = machine.spawn({ uid: 1000 });
    const uffd = main.openDevUserfaultfdSync(O_NONBLOCK);
    expect(uffd.apiSync().api).toBe(0xaan);
  });

  test('refuses unknown flags with EINVAL', () => {
    expect(errno(() => newMachine().spawn().main.openDevUserfaultfdSync(BAD_FLAG))).toBe('EINVAL');
  });
});

describe('the descriptor', () => {
  test('is the lowest free number, and EMFILE when there is none', () => {
    const { main } = newMachine().spawn({ maxFiles: 2 });
    const [first, second] = [main.userfaultfdSync(), main.userfaultfdSync()];
    expect([first.fd, second.fd]).toEqual([0, 1]);
    expect(errno(() => main.userfaultfdSync())).toBe('EMFILE');
    first.close();
    expect(main.userfaultfdSync().fd).toBe(0);
  });

  test('is EMFILE after flags were found good: unknown flags stay EINVAL', () => {
    const { main } = newMachine().spawn({ maxFiles: 0 });
    expect(errno(() => main.userfaultfdSync(BAD_FLAG))).toBe('EINVAL');
    expect(errno(() => main.userfaultfdSync(0))).toBe('EMFILE');
  });

  test('is opened read-only, in 5.10 read-write', () => {
    expect(machineWith().uffd.statusFlags).toBe(O_RDONLY | O_NONBLOCK);
    expect(machineWith({ kernel: '5.10' }).uffd.statusFlags).toBe(O_RDWR | O_NONBLOCK);
  });

  test('takes O_CLOEXEC and O_NONBLOCK; only O_NONBLOCK is a status flag', () => {
    const { main } = newMachine().spawn();
    const uffd = main.userfaultfdSync(O_CLOEXEC | O_NONBLOCK);
    expect(uffd.statusFlags).toBe(O_NONBLOCK);
    uffd.statusFlags = O_RDWR;
    expect(uffd.statusFlags).toBe(O_RDONLY);
  });

  test('cannot be written (EBADF), mapped (ENODEV) or read at an offset (ESPIPE)', () => {
    const { main, uffd, at } = machineWith({ modes: 0 });
    const { fd } = uffd;
    main.store8Sync(at(0), 1);
    expect(errno(() => main.sysWriteSync({ fd, addr: at(0), count: 1 }))).toBe('EBADF');
    const request = { length: PAGE, prot: PROT_READ, flags: MAP_PRIVATE, fd };
    expect(errno(() => main.mmapSync(request))).toBe('ENODEV');
    expect(errno(() => main.preadSync({ fd, count: 32, offset: 0 }))).toBe('ESPIPE');
  });

  test('is EBADF for every call once it is closed', () => {
    const { uffd, at } = machineWith();
    uffd.close();
    const range = { start: at(0), len: PAGE };
    const calls = [
      () => uffd.apiSync(),
      () => uffd.registerSync({ ...range, mode: 1 }),
      () => uffd.unregisterSync(range),
      () => uffd.wakeSync(range),
      () => uffd.copySync({ dst: at(0), src: new Uint8Array(PAGE) }),
      () => uffd.zeropageSync(range),
      () => uffd.continueSync(range),
      () => uffd.poisonSync(range),
      () => uffd.moveSync({ dst: at(0), src: at(1), len: PAGE }),
      () => uffd.writeprotectSync({ ...range, mode: 0 }),
      () => uffd.ioctlSync(0xc018aa3f, new Uint8Array(24)),
      () => uffd.readSync(new Uint8Array(32)),
      () => uffd.readMsgSync(),
      () => uffd.poll(),
      () => uffd.fdinfo(),
      () => uffd.dup(),
      () => uffd.on('pagefault', () => {}),
      () => uffd.close(),
    ];
    expect(calls.map(errno)).toEqual(calls.map(() => 'EBADF'));
  });

  test('of another kind answers ENOTTY to the ioctls of a userfaultfd', () => {
    const { main } = newMachine().spawn();
    const uffd = main.userfaultfdOf(main.memfdCreateSync('ram'));
    expect(errno(() => uffd.apiSync())).toBe('ENOTTY');
    expect(errno(() => uffd.ioctlSync(0xc018aa3f, new Uint8Array(24)))).toBe('ENOTTY');
    const pipe = main.userfaultfdOf(main.pipeSync().readFd);
    expect(errno(() => pipe.wakeSync({ start: 0, len: PAGE }))).toBe('ENOTTY');
  });

  test('of another kind is a KernelError for everything else, and is not touched', () => {
    const { main } = newMachine().spawn();
    const fd = main.memfdCreateSync('ram');
    const uffd = main.userfaultfdOf(fd);
    const calls = [
      () => uffd.readSync(new Uint8Array(32)),
      () => uffd.readMsgSync(),
      () => uffd.poll(),
      () => uffd.fdinfo(),
      () => uffd.statusFlags,
      () => uffd.dup(),
      () => uffd.on('pagefault', () => {}),
    ];
    for (const call of calls) expect(errno(call)).not.toBe('ok');
    expect(errno(() => main.ftruncateSync({ fd, length: PAGE }))).toBe('ok');
  });
});
