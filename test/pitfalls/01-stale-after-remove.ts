/**
 * A fault is read before the REMOVE that precedes it, and stale data is installed.
 *
 * read(2) hands out faults before events, however old the event is. While the event is unread the
 * fill gets EAGAIN; once it is read the fill goes through, after the pages were dropped. Whoever
 * took the bytes when the fault was read brings back what the guest has thrown away: decide what
 * a page holds at each attempt, with every event read by then.
 */
import {
  type Body,
  MADV_DONTNEED,
  type PageFault,
  UFFD_FEATURE_EVENT_REMOVE,
} from '../../src/index.js';
import { answerOf, guest, messagesOf, PAGE, type Pitfall, page, SOURCE } from './kit.js';

type Bytes = () => Uint8Array;

const program =
  (keep: (ask: Bytes) => Bytes): Body =>
  async (sim) => {
    const { addr, uffd } = guest(sim, { features: UFFD_FEATURE_EVENT_REMOVE });
    const removed = new Set<number>();
    const content = (at: number): Uint8Array => page(removed.has(at) ? 0 : SOURCE);

    const handle = async (): Promise<void> => {
      let open: { readonly fault: PageFault; readonly bytes: Bytes }[] = [];
      for (;;) {
        for (const message of await messagesOf(uffd, open)) {
          if (message.event === 'remove') removed.add(message.start);
          if (message.event !== 'pagefault') continue;
          open.push({ fault: message, bytes: keep(() => content(message.page)) });
        }
        const again: typeof open = [];
        for (const { fault, bytes } of open) {
          const answer = await answerOf(fault.copy(bytes()));
          if (answer === 'EAGAIN') again.push({ fault, bytes });
          if (answer === 'EEXIST') await fault.wake();
        }
        open = again;
      }
    };
    sim.spawn('handler', handle, { daemon: true });
    const vcpu = sim.spawn('vcpu', (thread) => thread.load8(addr));
    await sim.spawn('balloon', async (thread) => {
      await thread.madvise({ addr, length: PAGE, advice: MADV_DONTNEED });
      if ((await thread.load8(addr)) !== 0) {
        throw new Error(
          'a removed page holds stale data: a fault that was read before its REMOVE event was ' +
            'filled with bytes from before it',
        );
      }
    });
    await vcpu;
    uffd.close();
  };

export const staleAfterRemove: Pitfall = {
  title: 'a fault read before the REMOVE that precedes it brings stale data back',
  correct: program((ask) => ask),
  broken: [
    {
      body: program((ask) => {
        const bytes = ask(); // asked once, when the fault is read
        return () => bytes;
      }),
      trouble: 'error',
      says: /read before its REMOVE event was filled with bytes from before it/,
    },
  ],
};
