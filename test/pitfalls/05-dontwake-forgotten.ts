/**
 * DONTWAKE is used and the wake-up forgotten.
 *
 * A handler that resolves many faults at once fills with DONTWAKE and wakes once at the end. The
 * wake-up must cover every page of the batch. Whoever sleeps outside of its range sleeps for ever,
 * although the page is there: no fault comes again that would remind the handler.
 */
import { type Body, type PageFault, UFFDIO_COPY_MODE_DONTWAKE } from '../../src/index.js';
import { guest, messagesOf, PAGE, type Pitfall, page, SOURCE } from './kit.js';

type Wake = (batch: readonly PageFault[]) => Promise<void>;

/** Wakes the range from the lowest to the highest page. */
const wakeAll: Wake = async (batch) => {
  const pages = batch.map((fault) => fault.page);
  const start = Math.min(...pages);
  await batch[0]?.uffd.wake({ start, len: Math.max(...pages) + PAGE - start });
};

const wakeLast: Wake = async (batch) => batch.at(-1)?.wake();

const program =
  (wake: Wake): Body =>
  async (sim) => {
    const { addr, uffd } = guest(sim);
    sim.spawn(
      'handler',
      async () => {
        for (;;) {
          const batch = await messagesOf(uffd);
          const faults = batch.filter((message) => message.event === 'pagefault');
          for (const fault of faults) await fault.copy(page(SOURCE), UFFDIO_COPY_MODE_DONTWAKE);
          await wake(faults);
        }
      },
      { daemon: true },
    );
    const vcpu0 = sim.spawn('vcpu0', (thread) => thread.load8(addr));
    const vcpu1 = sim.spawn('vcpu1', (thread) => thread.load8(addr + PAGE));
    await Promise.all([vcpu0, vcpu1]);
    uffd.close();
  };

export const dontwakeForgotten: Pitfall = {
  title: 'a fill with DONTWAKE has no wake-up of its pages',
  correct: program(wakeAll),
  broken: [
    {
      body: program(wakeLast),
      trouble: 'lost wake-up',
      says: /handler did UFFDIO_COPY at step \d+ with DONTWAKE.*UFFDIO_WAKE of handler at step/,
    },
  ],
};
