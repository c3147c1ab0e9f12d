import {
  MADV_COLLAPSE,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_REMOVE,
  UFFD_FEATURE_EVENT_REMOVE,
  watchPages,
} from 'uffd-emulator';
import { describe, expect, it } from 'vitest';
import {
  type GuestOptions,
  M,
  machineWith,
  newMachine,
  PAGE,
  page,
  span,
} from '../support/guest.js';

function watched(options: GuestOptions = {}) {
  const guest = machineWith({ pages: 8, ...options });
  return { ...guest, watch: watchPages(guest.proc, span(guest.at(0), 8)) };
}

const missing = { features: UFFD_FEATURE_EVENT_REMOVE };

describe('stalePages', () => {
  it('lists a page whose fill answers a fault from before the removal', async () => {
    const { t0, t1, at, uffd, watch } = watched(missing);
    const load = t0.load8(at(2));
    const message = uffd.readMsgSync();
    const advice = t1.madvise({ addr: at(2), length: PAGE, advice: MADV_DONTNEED });
    uffd.readMsgSync(); // the REMOVE event, which the handler does not heed
    await advice;
    if (message?.event === 'pagefault') message.copySync(page(9));
    expect(await load).toBe(9);
    expect(watch.stalePages()).toEqual([{ page: at(2), faultEpoch: 0, fillEpoch: 1 }]);
    expect(watch.stalePages(span(at(3), 2))).toEqual([]);
    expect(watch.epochOf(at(2))).toBe(1);
  });

  it('has nothing against zeros there', async () => {
    const { t0, t1, at, uffd, watch } = watched(missing);
    const load = t0.load8(at(2));
    uffd.readMsgSync();
    const advice = t1.madvise({ addr: at(2), length: PAGE, advice: MADV_DONTNEED });
    uffd.readMsgSync();
    await advice;
    uffd.copySync({ dst: at(2), src: page(0) });
    expect(await load).toBe(0);
    expect(watch.stalePages()).toEqual([]);
  });

  it('has nothing against the answer to a fault from after the removal', async () => {
    const { t0, at, uffd, watch } = watched({});
    uffd.copySync({ dst: at(0), src: page(1) });
    t0.madviseSync({ addr: at(0), length: PAGE, advice: MADV_DONTNEED });
    const load = t0.load8(at(0));
    uffd.readMsgSync();
    uffd.copySync({ dst: at(0), src: page(2) });
    expect(await load).toBe(2);
    expect(watch.stalePages()).toEqual([]);
  });

  it('does not let a newer fault that nobody has read excuse an old answer', async () => {
    const { t0, t1, main, at, uffd, watch } = watched({});
    const loads = [t0.load8(at(0))];
    uffd.readMsgSync();
    main.madviseSync({ addr: at(0), length: PAGE, advice: MADV_DONTNEED });
    loads.push(t1.load8(at(0)));
    uffd.copySync({ dst: at(0), src: page(3) });
    expect(await Promise.all(loads)).toEqual([3, 3]);
    expect(watch.stalePages().map(({ page: addr }) => addr)).toEqual([at(0)]);
  });

  it('calls no fill stale that answers no fault', () => {
    const { main, at, uffd, watch } = watched({});
    main.madviseSync({ addr: at(0), length: PAGE, advice: MADV_DONTNEED });
    uffd.copySync({ dst: at(0), src: page(3) });
    expect(watch.stalePages()).toEqual([]);
  });

  it('forgets a page that is removed once more', async () => {
    const { t0, main, at, uffd, watch } = watched({});
    const load = t0.load8(at(0));
    uffd.readMsgSync();
    main.madviseSync({ addr: at(0), length: PAGE, advice: MADV_DONTNEED });
    uffd.copySync({ dst: at(0), src: page(3) });
    await load;
    expect(watch.stalePages()).toHaveLength(1);
    main.madviseSync({ addr: at(0), length: PAGE, advice: MADV_DONTNEED });
    expect(watch.stalePages()).toEqual([]);
  });

  it.each([
    ['MADV_FREE', 'anon', MADV_FREE],
    ['MADV_REMOVE', 'shared', MADV_REMOVE],
  ] as const)('counts %s as a removal', (_name, kind, advice) => {
    const { main, at, watch } = watched({ kind });
    main.madviseSync({ addr: at(1), length: PAGE, advice });
    expect([at(0), at(1)].map((addr) => watch.epochOf(addr))).toEqual([0, 1]);
  });
});

describe('silentPages', () => {
  it('lists what was there before, and what came by faults that nobody was asked about', () => {
    const { main, at, proc, uffd } = machineWith({ modes: 0, pages: 8 });
    main.store8Sync(at(0), 1);
    const watch = watchPages(proc, span(at(0), 8));
    main.load8Sync(at(1));
    uffd.registerSync({ start: at(0), len: 8 * PAGE, mode: M });
    uffd.copySync({ dst: at(2), src: page(1) });
    uffd.unregisterSync({ start: at(0), len: 8 * PAGE });
    main.load8Sync(at(3));
    expect(watch.silentPages()).toEqual([
      { page: at(0), origin: 'before' },
      { page: at(1), origin: 'fault' },
      { page: at(3), origin: 'fault' },
    ]);
    expect(watch.originOf(at(2) + 5)).toBe('fill');
    expect(watch.originOf(at(4))).toBeUndefined();
  });

  it('lists the neighbours that fault-around maps', () => {
    const { main, at, watch } = watched({ kind: 'shared', cached: [1, 2, 3], modes: 0 });
    main.load8Sync(at(1));
    expect(watch.silentPages()).toEqual([
      { page: at(0), origin: 'fault-around' },
      { page: at(1), origin: 'fault' },
      { page: at(2), origin: 'fault-around' },
    ]);
  });

  it('lists what a huge page brings along', () => {
    const { main, at, proc } = machineWith({
      modes: 0,
      pages: 1024,
      transparentHugepage: 'always',
    });
    const watch = watchPages(proc, span(at(0), 1024));
    main.store8Sync(at(3), 1);
    const silent = watch.silentPages();
    expect(silent).toHaveLength(512);
    expect(new Set(silent.map(({ origin }) => origin))).toEqual(new Set(['huge page']));
  });

  it('keeps what is known of pages that MADV_COLLAPSE joins', () => {
    const { main, at, proc, uffd } = machineWith({ pages: 512 });
    const watch = watchPages(proc, span(at(0), 512));
    uffd.copySync({ dst: at(0), src: page(1, 512) });
    uffd.unregisterSync({ start: at(0), len: 512 * PAGE });
    main.madviseSync({ addr: at(0), length: 512 * PAGE, advice: MADV_COLLAPSE });
    expect(watch.silentPages()).toEqual([]);
  });

  it('does not list a page that is written after its fill', () => {
    const { main, at, uffd, watch } = watched({});
    uffd.zeropageSync({ start: at(0), len: PAGE });
    main.store8Sync(at(0), 1); // breaks the share of the zero page
    expect(watch.silentPages()).toEqual([]);
  });

  it('follows a moved page', () => {
    const { main, at, uffd, watch } = watched({ pages: 16 });
    uffd.unregisterSync({ start: at(8), len: 8 * PAGE });
    main.store8Sync(at(8), 4);
    uffd.moveSync({ dst: at(0), src: at(8), len: PAGE });
    expect(watch.originOf(at(0))).toBe('fill');
  });
});

describe('zeroedByClose', () => {
  it('lists the pages whose waiters were released by the last close', async () => {
    const { t0, t1, at, uffd, watch } = watched({});
    const loads = [t0.load8(at(1)), t1.load8(at(5))];
    uffd.copySync({ dst: at(5), src: page(8) });
    uffd.close();
    expect(await Promise.all(loads)).toEqual([0, 8]);
    expect(watch.zeroedByClose()).toEqual([at(1)]);
    expect(watch.originOf(at(1))).toBe('close');
  });

  it('lists none for a descriptor that was not the last', () => {
    const { t0, at, uffd, watch } = watched({});
    const other = uffd.dup();
    void t0.load8(at(1));
    uffd.close();
    expect(watch.zeroedByClose()).toEqual([]);
    other.zeropageSync({ start: at(1), len: PAGE });
    expect(watch.originOf(at(1))).toBe('fill');
  });
});

describe('the history of a page', () => {
  it('tells its faults, fills, writes and removals in order', async () => {
    const { t0, main, at, uffd, watch } = watched({});
    const load = t0.load8(at(0));
    uffd.copySync({ dst: at(0), src: page(1) });
    await load;
    main.store8Sync(at(0) + 3, 1);
    main.madviseSync({ addr: at(0), length: PAGE, advice: MADV_DONTNEED });
    expect(watch.historyOf(at(0))).toEqual([
      'event 1: guest/t0 raised a missing fault (read)',
      'event 2: a page came',
      'event 3: filled by the owner of the userfaultfd in epoch 0',
      `event 4: written (access), 1 bytes at 0x${(at(0) + 3).toString(16)}`,
      'event 5: removed: content epoch 1',
    ]);
    expect(watch.historyOf(at(1))).toEqual([]);
  });

  it('keeps the last eight', () => {
    const { main, at, watch } = watched({ modes: 0 });
    for (let i = 0; i < 20; i++) main.store8Sync(at(0), i);
    expect(watch.historyOf(at(0))).toHaveLength(8);
  });

  it('hears nothing after the end of the watch', () => {
    const { main, at, watch } = watched({ modes: 0 });
    watch.close();
    main.store8Sync(at(0), 1);
    expect(watch.historyOf(at(0))).toEqual([]);
    expect(watch.originOf(at(0))).toBe('unknown');
  });
});

describe('a watch of pages', () => {
  it('refuses more than 4 GiB', () => {
    const proc = newMachine().spawn();
    const range = { addr: 0, length: 2 ** 32 + PAGE };
    expect(() => watchPages(proc, range)).toThrow('length: more than 1048576 pages');
  });
});
