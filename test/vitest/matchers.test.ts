import {
  explore,
  MADV_DONTNEED,
  Machine,
  PAGE_IS_WRITTEN,
  PM_SCAN_WP_MATCHING,
  type ScanRequest,
  UFFD_FEATURE_WP_ASYNC,
  UFFD_FEATURE_WP_UNPOPULATED,
  UFFDIO_COPY_MODE_DONTWAKE,
  UFFDIO_REGISTER_MODE_MISSING,
  UFFDIO_REGISTER_MODE_WP,
  UFFDIO_WRITEPROTECT_MODE_WP,
} from 'uffd-emulator';
import { type Region, test } from 'uffd-emulator/vitest';
import { describe, expect } from 'vitest';
import { PAGE, page } from '../support/guest.js';

/** Finds written pages and protects them anew. */
const scanOf = ({ addr, length }: Region): ScanRequest => ({
  start: addr,
  end: addr + length,
  flags: PM_SCAN_WP_MATCHING,
  mask: PAGE_IS_WRITTEN,
  returned: PAGE_IS_WRITTEN,
});

/** The message of an assertion that must fail. */
function messageOf(claim: () => void): string {
  try {
    claim();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('the assertion holds');
}

describe('matchers of pages', () => {
  test('tell what is at a page', ({ machine, process, region }) => {
    machine.swapOn({ size: 2 ** 20 });
    const memory = region({ pages: 6 });
    const { uffd } = memory;
    uffd.copySync({ dst: memory.page(0), src: page(1) });
    uffd.zeropageSync(memory.range(1, 1));
    uffd.poisonSync(memory.range(2, 1));
    expect(memory.at(0)).toBePresent();
    expect(memory.at(0)).not.toBeZeroPage();
    expect(memory.at(1)).toBeZeroPage();
    expect(memory.at(2)).toBePoisoned();
    expect(memory.at(3, 3)).toBeMissing();
    process.main.store8Sync(memory.page(0), 2);
    expect(machine.reclaim(1)).toBe(1);
    expect(memory.at(0)).toBeSwapped();
  });

  test('show the page and its past when they fail', ({ process, region }) => {
    const memory = region({ mode: UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP });
    memory.uffd.copySync({ dst: memory.page(1), src: page(1) });
    process.main.store8Sync(memory.page(1), 1);
    const message = messageOf(() => expect(memory).toBeMissing());
    expect(message).toMatch(/^expected the pages to be missing, but 1 of 4 are not:\n {2}0x/);
    expect(message).toMatch(/present, writable, dirty; pagemap 0x8\w{15}; private anonymous/);
    expect(message).toMatch(/registered by userfaultfd 0 of guest \(MISSING, WP\)/);
    expect(message).toMatch(/event \d: registered: userfaultfd 0 of guest/);
    expect(message).toMatch(/event \d+: filled by the owner of the userfaultfd in epoch 0/);
  });

  test('tell write protection, and who set it', ({ region }) => {
    const mode = UFFDIO_REGISTER_MODE_WP;
    const memory = region({ mode, features: UFFD_FEATURE_WP_UNPOPULATED });
    memory.uffd.writeprotectSync({ ...memory.range(), mode: UFFDIO_WRITEPROTECT_MODE_WP });
    expect(memory).toBeWriteProtected();
    memory.uffd.writeprotectSync({ ...memory.range(2, 1), mode: 0 });
    expect(memory).not.toBeWriteProtected();
    const message = messageOf(() => expect(memory).toBeWriteProtected());
    expect(message).toContain('1 of 4 are not');
    expect(message).toMatch(/event \d+: unprotected/);
  });

  test('refuse what is no range of pages', ({ machine }) => {
    expect(() => expect(machine).toBeMissing()).toThrow(
      'toBeMissing: expected a region or a range of its pages, got an object of Machine',
    );
    expect(() => expect(5).toBePresent()).toThrow('got number 5');
  });
});

describe('matchers of watches', () => {
  test('compare a tracker with what was really written', ({ process, region }) => {
    const memory = region({ mode: 0 });
    const writes = memory.watchWrites();
    process.main.store8Sync(memory.page(0), 1);
    process.main.store8Sync(memory.page(2) + 7, 1);
    expect(writes).toHaveDirtyPages([memory.page(2), memory.page(0)]);
    expect([memory.page(0), memory.page(1), memory.page(2)]).toCoverWrites(writes);
    const lost = messageOf(() => expect([memory.page(0)]).toCoverWrites(writes));
    expect(lost).toContain('1 page of 2 are not among them');
    expect(lost).toContain(`0x${memory.page(2).toString(16)} was written by access`);
    const exact = messageOf(() =>
      expect(writes).toHaveDirtyPages([memory.page(0), memory.addr + PAGE]),
    );
    expect(exact).toContain('1 page not written:');
    expect(exact).toContain('1 page written besides:');
  });

  test('take what PAGEMAP_SCAN answers', ({ process, region }) => {
    const features = UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED;
    const memory = region({ mode: UFFDIO_REGISTER_MODE_WP, features });
    const scan = () => process.pagemapScan(scanOf(memory));
    scan();
    const writes = memory.watchWrites();
    process.main.store8Sync(memory.page(3), 1);
    expect(scan()).toCoverWrites(writes);
    expect(scan()).not.toCoverWrites(writes);
  });

  test('find a fill that answers an outdated fault', async ({ process, region }) => {
    const memory = region();
    const load = process.createThread('vcpu').load8(memory.page(0));
    const fault = memory.uffd.readMsgSync();
    process.main.madviseSync({ addr: memory.page(0), length: PAGE, advice: MADV_DONTNEED });
    expect(memory).toHaveNoStalePages();
    if (fault?.event === 'pagefault') fault.copySync(page(9));
    expect(await load).toBe(9);
    expect(memory).not.toHaveNoStalePages();
    const message = messageOf(() => expect(memory.watch).toHaveNoStalePages());
    expect(message).toMatch(/^expected no pages filled in answer to a fault before their removal/);
    expect(message).toMatch(/event \d+: removed: content epoch 1/);
  });

  test('find pages that came without a fill, and those zeroed by a close', async ({
    process,
    region,
  }) => {
    const memory = region();
    const load = process.createThread('vcpu').load8(memory.page(1));
    expect(memory).toHaveNoSilentPages();
    memory.uffd.close();
    expect(await load).toBe(0);
    expect(memory).not.toHaveNoSilentPages();
    expect(messageOf(() => expect(memory).toHaveNoPagesZeroedByClose())).toMatch(
      /the userfaultfd was closed while a thread waited for the page/,
    );
  });

  test('refuse what is no watch', ({ region }) => {
    expect(() => expect([]).toHaveNoStalePages()).toThrow('expected a PageWatch');
    expect(() => expect(region()).toHaveDirtyPages([])).toThrow('expected a WriteWatch');
    expect(() => expect(7).toCoverWrites(region().watchWrites())).toThrow('expected addresses');
  });
});

describe('matchers of machines', () => {
  test('tell who is asleep', async ({ machine, process, region }) => {
    const memory = region();
    expect(machine).toBeQuiescent();
    const load = process.createThread('vcpu').load8(memory.page(0));
    expect(messageOf(() => expect(machine).toBeQuiescent())).toMatch(
      /^expected the machine to be at rest, but\n {2}guest\/vcpu is asleep/,
    );
    expect(machine).toHaveNoStrandedWaiters();
    const mode = UFFDIO_COPY_MODE_DONTWAKE;
    memory.uffd.copySync({ dst: memory.page(0), src: page(1), mode });
    expect(messageOf(() => expect(machine).toHaveNoStrandedWaiters())).toContain('nobody woke it');
    memory.uffd.wakeSync(memory.range());
    expect(await load).toBe(1);
    expect(machine).toBeQuiescent();
  });

  test('take a simulation for its machine', async () => {
    await explore({ seeds: 1 }, (sim) => {
      expect(sim).toBeQuiescent();
      expect(sim).toHaveNoStrandedWaiters();
    });
    expect(() => expect(new Date()).toBeQuiescent()).toThrow('expected a Machine or a Sim');
    expect(new Machine()).toBeQuiescent();
  });

  test('run programs twice', async () => {
    let count = 0;
    await expect((sim: { yield(): Promise<void> }) => sim.yield()).toBeReproducible();
    const drifts = async (sim: { yield(): Promise<void> }): Promise<void> => {
      count++;
      for (let i = 0; i < count; i++) await sim.yield();
    };
    await expect(drifts).not.toBeReproducible({ seeds: 3 });
    await expect(expect(drifts).toBeReproducible({ seeds: 3 })).rejects.toThrow(
      'two runs under one schedule differ in run 1',
    );
    await expect(expect(7).toBeReproducible()).rejects.toThrow('expected a program, got number 7');
  });
});
