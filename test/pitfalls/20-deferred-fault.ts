/**
 * A fault is put off, and nobody looks at it again.
 *
 * A fill was refused with EAGAIN, so the handler keeps the fault for later: until the next message.
 * The window closes only when the operation goes on, a moment after its event was read: the second
 * attempt may be refused as well, and then no message comes any more. What is put off must be tried
 * again by itself.
 */
import {
  type Body,
  MADV_DONTNEED,
  type PageFault,
  UFFD_FEATURE_EVENT_REMOVE,
} from '../../src/index.js';
import { answerOf, guest, messagesOf, PAGE, type Pitfall, page, SOURCE } from './kit.js';

const program =
  (waitsFor: (open: readonly PageFault[]) => readonly PageFault[]): Body =>
  async (sim) => {
    const { addr, uffd } = guest(sim, { features: UFFD_FEATURE_EVENT_REMOVE });
    sim.spawn(
      'handler',
      async () => {
        let open: PageFault[] = [];
        for (;;) {
          for (const message of await messagesOf(uffd, waitsFor(open))) {
            if (message.event === 'pagefault') open.push(message);
          }
          const again: PageFault[] = [];
          for (const fault of open) {
            if ((await answerOf(fault.copy(page(SOURCE)))) === 'EAGAIN') again.push(fault);
          }
          open = again;
        }
      },
      { daemon: true },
    );
    const balloon = sim.spawn('balloon', (thread) =>
      thread.madvise({ addr: addr + PAGE, length: PAGE, advice: MADV_DONTNEED }),
    );
    await sim.spawn('vcpu', (thread) => thread.load8(addr));
    await balloon;
    uffd.close();
  };

export const deferredFault: Pitfall = {
  title: 'a fault that was put off is tried again only when another message comes',
  correct: program((open) => open),
  broken: [
    {
      body: program(() => []),
      trouble: 'fault unresolved',
      says: /got EAGAIN from UFFDIO_COPY at step \d+, and has not come back to it[\s\S]*put off/,
    },
  ],
};
