/**
 * A pager that serves a snapshot and heeds what the guest gives back, and its tests: whatever the
 * order of faults, fills and removals, no page shows what it held before it was given back.
 * Run it with `npx vitest run examples/06-pager-under-test.test.ts`.
 */
import * as linux from 'uffd-emulator';
import { type ExploreBody, type Region, test, withKit } from 'uffd-emulator/vitest';
import { expect } from 'vitest';

const PAGE = 4096;
const SNAPSHOT = new Uint8Array(PAGE).fill(0xa5);

/** Fills the page of a fault; false when it must be tried again. */
type Fill = (fault: linux.PageFault, isRemoved: boolean) => Promise<boolean>;

const fill: Fill = async (fault, isRemoved) => {
  try {
    if (isRemoved) await fault.zeropage();
    else await fault.copy(SNAPSHOT);
  } catch (error) {
    if (!(error instanceof linux.KernelError) || error.code === 'EBADF') throw error;
    if (error.code === 'EAGAIN') return false; // an event is unread: perhaps of this very page
    await fault.wake(); // EEXIST: the page is there, and perhaps nobody woke this thread
  }
  return true;
};

/** Reads faults and REMOVE events; keeps a fault in hand until its fill went through. */
async function pager(uffd: linux.Userfaultfd, fillPage: Fill): Promise<void> {
  const removed = new Set<number>();
  let inHand: linux.PageFault[] = [];
  for (;;) {
    const message = inHand.length === 0 ? await uffd.readMsg() : uffd.readMsgSync();
    if (message?.event === 'pagefault') inHand.push(message);
    else if (message?.event === 'remove') {
      for (let page = message.start; page < message.end; page += PAGE) removed.add(page);
    }
    const left: linux.PageFault[] = [];
    for (const fault of inHand) {
      if (!(await fillPage(fault, removed.has(fault.page)))) left.push(fault);
    }
    inHand = left;
  }
}

/** A guest that reads three pages while a balloon gives the middle one back. */
const ballooned =
  (fillPage: Fill): ExploreBody =>
  async (sim, { region }) => {
    const memory: Region = region({ pages: 3, features: linux.UFFD_FEATURE_EVENT_REMOVE });
    sim.spawn('pager', () => pager(memory.uffd, fillPage), { daemon: true });
    const balloon = sim.spawn('balloon', (thread) =>
      thread.madvise({ addr: memory.page(1), length: PAGE, advice: linux.MADV_DONTNEED }),
    );
    const vcpu = sim.spawn('vcpu', (thread) => thread.read(memory.addr, memory.length));
    await Promise.all([vcpu, balloon]);
    expect(memory.at(0)).toBePresent();
    expect(memory).toHaveNoStalePages();
    expect(memory).toHaveNoSilentPages();
    expect(sim).toHaveNoStrandedWaiters();
  };

test('a page comes from the snapshot', async ({ process, region }) => {
  const memory = region();
  const served = pager(memory.uffd, fill);
  expect(await process.createThread('vcpu').load8(memory.page(1))).toBe(0xa5);
  expect(memory.at(1)).toBePresent();
  expect(memory.at(2)).toBeMissing();
  memory.close();
  await expect(served).rejects.toThrow('EBADF');
});

test.explore('no page shows what was given back', { seeds: 300 }, ballooned(fill));

test('a pager that does not heed REMOVE is found out', async () => {
  const heedless = ballooned((fault) => fill(fault, false));
  await expect(linux.explore({}, withKit(heedless))).rejects.toThrow(
    'answer to a fault before their removal',
  );
});
