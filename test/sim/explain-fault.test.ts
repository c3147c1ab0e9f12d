/** What a diagnosis says of a thread that sleeps in a fault; more of it in test/pitfalls. */
import { describe, expect, it } from 'vitest';
import {
  type Body,
  explore,
  ScheduleError,
  UFFD_FEATURE_WP_UNPOPULATED,
  UFFDIO_REGISTER_MODE_WP,
  UFFDIO_WRITEPROTECT_MODE_WP,
} from '../../src/index.js';
import { PAGE, page, region } from './programs.js';

async function messageOf(body: Body): Promise<string> {
  const found = await explore({ strict: false }, body).catch((error: unknown) => error);
  expect(found).toBeInstanceOf(ScheduleError);
  return (found as ScheduleError).message;
}

describe('the diagnosis of a fault', () => {
  it('tells a munmap under a thread that waits', async () => {
    const message = await messageOf(async (sim) => {
      const { addr, uffd } = region(sim);
      const vcpu = sim.spawn('vcpu', (thread) => thread.load8(addr).catch(() => 'SIGSEGV'));
      await uffd.readMsg();
      await sim.thread.munmap({ addr, length: PAGE });
      await vcpu;
    });
    expect(message).toMatch(/^lost wake-up/);
    expect(message).toMatch(
      /its page is not mapped \(munmap of main at step \d+\), and nobody woke/,
    );
    expect(message).toContain('munmap wakes nobody who waits for a page of the range');
  });

  it('tells the end of a registration by a call that it did not see', async () => {
    const message = await messageOf(async (sim) => {
      const features = BigInt(UFFD_FEATURE_WP_UNPOPULATED);
      const { addr, uffd } = region(sim, { mode: UFFDIO_REGISTER_MODE_WP, features });
      const range = { start: addr, len: PAGE };
      uffd.writeprotectSync({ ...range, mode: UFFDIO_WRITEPROTECT_MODE_WP });
      const vcpu = sim.spawn('vcpu', (thread) => thread.store8(addr, 1));
      await sim.spawn('tracker', async () => {
        await uffd.readMsg();
        uffd.unregisterSync(range);
      });
      await vcpu;
    });
    expect(message).toMatch(
      /tracker read its message at step \d+; by now its page is not registered/,
    );
    expect(message).toContain('(UFFDIO_UNREGISTER), and nobody woke the thread');
  });

  it('does not blame an EEXIST that was followed by a wake-up', async () => {
    const message = await messageOf(async (sim) => {
      const { addr, uffd } = region(sim);
      const vcpu = sim.spawn('vcpu', (thread) => thread.load8(addr + PAGE));
      await sim.spawn('handler', async () => {
        await uffd.readMsg();
        uffd.copySync({ dst: addr, src: page(1) });
        await uffd
          .copy({ dst: addr, src: page(1) })
          .catch(() => uffd.wake({ start: addr, len: PAGE }));
        await uffd.copy({ dst: addr + PAGE, src: page(1), mode: 1 });
      });
      await vcpu;
    });
    expect(message).toMatch(
      /handler did UFFDIO_COPY at step \d+ with DONTWAKE.*no UFFDIO_WAKE came/,
    );
  });
});
