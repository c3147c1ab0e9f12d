/** WP_ASYNC: write-protect faults that resolve themselves, and what is left as a trace of them. */
import { UFFD_FEATURE_WP_ASYNC } from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { anotherUffd, BASE, M, machineWith, page, pagesAt, W } from '../support/guest.js';
import { areas, drain, ending, errno, pages } from '../support/observe.js';

const ASYNC = { features: UFFD_FEATURE_WP_ASYNC, modes: W };
const protect = { mode: 1 };

describe('a protected page under WP_ASYNC', () => {
  test('is written without a message, which clears the bit; a read keeps it [9.65]', () => {
    const { uffd, main, proc, t0, at } = machineWith(ASYNC);
    main.writeSync(at(0), page(1, 2));
    uffd.writeprotectSync({ ...pagesAt(at(0), 2), ...protect });
    expect(t0.load8Sync(at(0))).toBe(1);
    t0.store8Sync(at(1), 2);
    expect(pages(proc, BASE, 2)).toBe('Pw P');
    expect(drain(uffd, BASE)).toEqual([]);
    expect(uffd.fdinfo().total).toBe(0);
  });

  test('that is empty carries a marker, which a write consumes and a read keeps', () => {
    const { uffd, proc, t0, at } = machineWith(ASYNC);
    uffd.writeprotectSync({ ...pagesAt(at(0), 3), ...protect });
    t0.load8Sync(at(0));
    t0.store8Sync(at(1), 1);
    expect(pages(proc, BASE, 4)).toBe('Pw P mw -');
  });

  test('that a child shares is copied by the write', () => {
    const { uffd, main, machine, proc, t0, at } = machineWith(ASYNC);
    main.store8Sync(at(0), 1);
    uffd.writeprotectSync({ ...pagesAt(at(0)), ...protect });
    const child = machine.process(main.forkSync());
    t0.store8Sync(at(0), 2);
    expect([t0.load8Sync(at(0)), child.main.load8Sync(at(0))]).toEqual([2, 1]);
    expect(pages(proc, BASE, 1)).toBe('P');
  });

  test.each(['shared', 'private'] as const)('of %s shmem is written through', (kind) => {
    const { uffd, proc, t0, at } = machineWith({ ...ASYNC, kind, cached: [1, 2] });
    uffd.writeprotectSync({ ...pagesAt(at(0), 4), ...protect });
    t0.store8Sync(at(1), 9);
    t0.store8Sync(at(2), 9);
    const letter = kind === 'shared' ? 'F' : 'P';
    expect(pages(proc, BASE, 4)).toBe(`mw ${letter} ${letter} mw`);
    expect(drain(uffd, BASE)).toEqual([]);
  });

  test('is written by the kernel without a message too', () => {
    const { uffd, main, proc, at } = machineWith(ASYNC);
    main.writeSync(at(0), page(1, 2));
    uffd.writeprotectSync({ ...pagesAt(at(0), 2), ...protect });
    const { readFd, writeFd } = main.pipeSync();
    main.sysWriteSync({ fd: writeFd, addr: at(1), count: 4 });
    expect(main.sysReadSync({ fd: readFd, addr: at(0), count: 4 })).toBe(4);
    expect(pages(proc, BASE, 2)).toBe('P Pw');
  });
});

describe('registration under WP_ASYNC', () => {
  test('with M beside W catches missing pages as usual', async () => {
    const { uffd, t0, proc, at } = machineWith({ ...ASYNC, modes: M | W });
    const store = t0.store8(at(0), 1);
    expect(drain(uffd, BASE)).toEqual(['fault 1 @0']);
    uffd.copySync({ dst: at(0), src: page(5), mode: 2 });
    await store;
    expect(pages(proc, BASE, 1)).toBe('P');
    expect(drain(uffd, BASE)).toEqual([]);
  });

  test('concerns its own userfaultfd, not others of the process', () => {
    const { main, proc, t0, uffd, at } = machineWith({ ...ASYNC, modes: 0 });
    const sync = anotherUffd(main);
    uffd.registerSync({ ...pagesAt(at(0), 2), mode: W });
    sync.registerSync({ ...pagesAt(at(2), 2), mode: W });
    main.writeSync(at(0), page(1, 4));
    sync.writeprotectSync({ ...pagesAt(at(0), 4), ...protect });
    t0.store8Sync(at(0), 2);
    void t0.store8(at(2), 2);
    expect(drain(sync, BASE)).toEqual(['fault 3 @2']);
    expect(areas(proc, BASE)).toEqual(['0-2:uw', '2-4:uw']);
  });

  test('is unknown to 6.6 at the handshake', () => {
    const { uffd } = machineWith({ kernel: '6.6', features: null });
    const request = { features: UFFD_FEATURE_WP_ASYNC };
    expect(errno(() => uffd.apiSync(request))).toBe('EINVAL');
  });

  test('COPY and MODE_WP work as without it', () => {
    const { uffd, proc, at } = machineWith(ASYNC);
    uffd.copySync({ dst: at(0), src: page(1), mode: 2 });
    expect(pages(proc, BASE, 1)).toBe('Pw');
    const again = () => uffd.copySync({ dst: at(0), src: page(1), mode: 2 });
    expect(ending(again)).toEqual({ code: 'EEXIST', progress: -17 });
  });
});
