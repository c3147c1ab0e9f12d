/**
 * EEXIST is not followed by a wake-up.
 *
 * Two threads fill the same page: a prefetcher in the background, which wakes nobody because nobody
 * should be waiting, and the handler of a fault that was just on its way. The second one gets
 * EEXIST. The page is there, but a failed fill wakes nobody: without UFFDIO_WAKE the thread sleeps
 * for ever on a page that it could read.
 */
import { type Body, type PageFault, UFFDIO_COPY_MODE_DONTWAKE } from '../../src/index.js';
import { answerOf, guest, type Pitfall, page, SOURCE } from './kit.js';

const program =
  (onExists: (fault: PageFault) => Promise<void>): Body =>
  async (sim) => {
    const { addr, uffd } = guest(sim);
    sim.spawn(
      'handler',
      async () => {
        for await (const message of uffd) {
          if (message.event !== 'pagefault') continue;
          const answer = await answerOf(message.copy(page(SOURCE)));
          if (answer === 'EEXIST') await onExists(message);
        }
      },
      { daemon: true },
    );
    const prefetch = sim.spawn('prefetch', () =>
      answerOf(uffd.copy({ dst: addr, src: page(SOURCE), mode: UFFDIO_COPY_MODE_DONTWAKE })),
    );
    await sim.spawn('vcpu', (thread) => thread.load8(addr));
    await prefetch;
    uffd.close();
  };

export const eexistNoWake: Pitfall = {
  title: 'EEXIST is taken for "somebody else has woken it"',
  correct: program((fault) => fault.wake()),
  broken: [
    {
      body: program(async () => {}),
      trouble: 'lost wake-up',
      says: /handler got EEXIST from UFFDIO_COPY at step \d+ and woke nobody/,
    },
  ],
};
