/**
 * A descriptor without O_NONBLOCK is polled.
 *
 * poll(2) answers POLLERR for a userfaultfd that was made without O_NONBLOCK, always and at once.
 * A loop that waits for POLLIN and passes over everything else spins at full speed and never reads;
 * one that takes POLLERR for the end stops serving. Open it with O_NONBLOCK, and read until EAGAIN.
 */
import { type Body, O_NONBLOCK, POLLIN } from '../../src/index.js';
import { guest, messagesOf, type Pitfall, page, SOURCE } from './kit.js';

const program =
  (flags: number): Body =>
  async (sim) => {
    const { addr, uffd } = guest(sim, { flags });
    sim.spawn(
      'handler',
      async () => {
        for (;;) {
          const revents = await uffd.pollWait();
          if ((revents & POLLIN) === 0) continue;
          for (const message of await messagesOf(uffd, ['poll said so'])) {
            if (message.event === 'pagefault') await message.copy(page(SOURCE));
          }
        }
      },
      { daemon: true },
    );
    await sim.spawn('vcpu', (thread) => thread.load8(addr));
    uffd.close();
  };

export const blockingPoll: Pitfall = {
  title: 'a userfaultfd without O_NONBLOCK is polled',
  correct: program(O_NONBLOCK),
  broken: [
    {
      body: program(0),
      trouble: 'livelock',
      says: /'poll POLLERR'[\s\S]*always answers for a userfaultfd without O_NONBLOCK/,
    },
  ],
};
