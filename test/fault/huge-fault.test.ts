/**
 * Faults and huge pages: zeros for a read, a page for a write, a message where a userfaultfd waits.
 */
import {
  UFFD_FEATURE_RWP,
  UFFD_FEATURE_RWP_ASYNC,
  UFFD_FEATURE_WP_ASYNC,
  UFFDIO_REGISTER_MODE_RWP,
  UFFDIO_RWPROTECT_MODE_RWP,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { BASE, M, machineWith, pagesAt, W } from '../support/guest.js';
import { H, hugeGuest, shape } from '../support/huge.js';

const FILE = 1n << 61n;

describe('The first touch of 2 MiB', () => {
  test('maps a huge page for a write and huge zeros for a read', () => {
    const { t0, proc, at } = hugeGuest();
    t0.store8Sync(at(H + 7), 1);
    expect(t0.load8Sync(at(3))).toBe(0);
    expect(shape(proc)).toBe('0-511:HZP 512-1023:HP');
  });

  test('maps a huge page for a read too on a machine whose reads allocate', () => {
    const { t0, proc, at } = hugeGuest({ config: { zeroPage: false } });
    expect(t0.load8Sync(at(3))).toBe(0);
    expect(shape(proc, H)).toBe('0-511:HP');
  });

  test('raises one message in an area registered for missing pages, and makes no page table', () => {
    const { machine, t0, uffd, proc, at } = hugeGuest({ modes: M });
    const free = machine.freePages;
    const load = t0.load8(at(3));
    expect(uffd.readMsgSync()).toMatchObject({ event: 'pagefault', address: at(3) });
    expect(machine.freePages).toBe(free);
    uffd.zeropageSync({ ...pagesAt(at(3)), mode: 0 });
    expect(shape(proc)).toBe('3:ZP');
    return load;
  });
});

test('A read of an empty page allocates on such a machine, and UFFDIO_ZEROPAGE maps zeros still', () => {
  const { machine, t0, uffd, proc, at } = machineWith({ config: { zeroPage: false } });
  uffd.zeropageSync({ ...pagesAt(at(0)), mode: 0 });
  uffd.unregisterSync(pagesAt(BASE, 4));
  expect(machine.explain(t0, at(1)).read[0]).toMatchObject({ does: 'maps a page of zeros' });
  expect(t0.load8Sync(at(1))).toBe(0);
  expect(shape(proc, 4)).toBe('0:ZP 1:P');
});

describe('A write to huge zeros', () => {
  test('brings a huge page from 6.16 on, and splits before', () => {
    for (const [kernel, after] of [
      ['6.12', '0-8:ZP 9:P 10-511:ZP'],
      ['6.18', '0-511:HP'],
    ] as const) {
      const { t0, proc, at } = hugeGuest({ kernel });
      t0.load8Sync(BASE);
      t0.store8Sync(at(9), 1);
      expect(shape(proc)).toBe(after);
    }
  });

  test('splits them where they are protected and resolve themselves', () => {
    const { t0, uffd, proc, at } = hugeGuest({ modes: W, features: UFFD_FEATURE_WP_ASYNC });
    t0.load8Sync(BASE);
    uffd.writeprotectSync({ ...pagesAt(BASE, H), mode: 1 });
    expect(shape(proc, H)).toBe('0-511:HZPw');
    t0.store8Sync(at(9), 1);
    expect(shape(proc, H)).toBe('0-8:ZPw 9:P 10-511:ZPw');
  });
});

test('A huge page that is hidden raises one message, or shows the page that is touched alone', () => {
  const mode = UFFDIO_REGISTER_MODE_RWP;
  for (const asynchronous of [0, UFFD_FEATURE_RWP_ASYNC]) {
    const features = UFFD_FEATURE_RWP | asynchronous;
    const { t0, uffd, proc, at } = hugeGuest({ kernel: '7.3', features });
    t0.store8Sync(BASE, 1);
    uffd.registerSync({ ...pagesAt(BASE, 2 * H), mode });
    uffd.rwprotectSync({ ...pagesAt(BASE, H), mode: UFFDIO_RWPROTECT_MODE_RWP });
    const load = t0.load8(at(5));
    const message = uffd.readMsgSync();
    const huge = proc.smaps()[0]?.anonHugePages;
    expect([message?.event, huge]).toEqual(
      asynchronous === 0 ? ['pagefault', H * 4096] : [undefined, 0],
    );
    uffd.rwprotectSync({ ...pagesAt(BASE, H), mode: 0 });
    expect(t0.state).toBe('idle');
    load.catch(() => {});
  }
});

test('Huge zeros show bit 61 of pagemap on 5.19 to 6.18, not on 5.10 and 7.3', () => {
  for (const [kernel, shown] of [
    ['5.10', 0n],
    ['6.18', FILE],
    ['7.3', 0n],
  ] as const) {
    const { t0, proc } = hugeGuest({ kernel, config: { softDirty: false } });
    t0.load8Sync(BASE);
    const [word = 0n] = proc.pagemap({ addr: BASE, length: 4096 });
    expect(word & FILE).toBe(shown);
  }
});
