/**
 * To collect dirty pages and to protect them again are two calls, and a write comes between.
 *
 * A page that is written after the scan has passed it and before UFFDIO_WRITEPROTECT arms the range
 * is protected again without having been reported: it counts as clean, and its last write is never
 * sent. PAGEMAP_SCAN with PM_SCAN_WP_MATCHING does both for each page in one step.
 */
import {
  type Body,
  PAGE_IS_WRITTEN,
  PM_SCAN_WP_MATCHING,
  type Sim,
  UFFD_FEATURE_WP_ASYNC,
  UFFDIO_REGISTER_MODE_WP,
  UFFDIO_WRITEPROTECT_MODE_WP,
} from '../../src/index.js';
import { type Guest, guest, PAGE, type Pitfall } from './kit.js';

/** Reports pages that were written and protects them again. */
type Collect = (sim: Sim, memory: Guest) => Promise<number[]>;

async function scan(sim: Sim, { addr, length }: Guest, flags: number): Promise<number[]> {
  await sim.yield();
  const { regions } = sim.process.pagemapScan({
    start: addr,
    end: addr + length,
    flags,
    mask: PAGE_IS_WRITTEN,
    returned: PAGE_IS_WRITTEN,
  });
  return regions.flatMap(({ start, end }) =>
    Array.from({ length: (end - start) / PAGE }, (_, i) => start + i * PAGE),
  );
}

const inOneStep: Collect = (sim, memory) => scan(sim, memory, PM_SCAN_WP_MATCHING);

const inTwoSteps: Collect = async (sim, memory) => {
  const { addr, length, uffd } = memory;
  const written = await scan(sim, memory, 0);
  await uffd.writeprotect({ start: addr, len: length, mode: UFFDIO_WRITEPROTECT_MODE_WP });
  return written;
};

const program =
  (collect: Collect): Body =>
  async (sim) => {
    const features = UFFD_FEATURE_WP_ASYNC;
    const memory = guest(sim, { mode: UFFDIO_REGISTER_MODE_WP, features });
    const { addr, length, uffd } = memory;
    uffd.writeprotectSync({ start: addr, len: length, mode: UFFDIO_WRITEPROTECT_MODE_WP });
    const copy = new Map<number, number>();
    const round = async (): Promise<void> => {
      for (const at of await collect(sim, memory)) copy.set(at, await sim.thread.load8(at));
    };
    const vcpu = sim.spawn('vcpu', async (thread) => {
      for (const value of [1, 2]) await thread.store8(addr, value);
    });
    await round();
    await vcpu; // the guest is stopped
    await round();
    if (copy.get(addr) !== (await sim.thread.load8(addr))) {
      throw new Error(
        'a write was never sent: it came between the scan and UFFDIO_WRITEPROTECT, which armed ' +
          'the page again (PM_SCAN_WP_MATCHING does both in one step)',
      );
    }
    uffd.close();
  };

export const collectThenArm: Pitfall = {
  title: 'to collect dirty pages and to arm them again are two steps',
  correct: program(inOneStep),
  broken: [
    {
      body: program(inTwoSteps),
      trouble: 'error',
      says: /a write was never sent: it came between the scan and UFFDIO_WRITEPROTECT/,
    },
  ],
};
