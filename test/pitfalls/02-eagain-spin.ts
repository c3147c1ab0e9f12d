/**
 * An ioctl spins on EAGAIN while the event that it waits for is unread in the same thread.
 *
 * From the start of a madvise, munmap, mremap or fork until its event has been read, every fill of
 * that userfaultfd is EAGAIN. "Try again" does not mean at once: the thread that spins is the one
 * that should read, so the event is never read and the operation never ends.
 */
import {
  type Body,
  MADV_DONTNEED,
  type PageFault,
  UFFD_FEATURE_EVENT_REMOVE,
  type Userfaultfd,
} from '../../src/index.js';
import { answerOf, guest, messagesOf, PAGE, type Pitfall, page, SOURCE } from './kit.js';

const fill = (fault: PageFault) => answerOf(fault.copy(page(SOURCE)));

/** Reads what there is between one attempt and the next. */
async function readAndRetry(uffd: Userfaultfd): Promise<void> {
  let open: PageFault[] = [];
  for (;;) {
    for (const message of await messagesOf(uffd, open)) {
      if (message.event === 'pagefault') open.push(message);
    }
    const again: PageFault[] = [];
    for (const fault of open) if ((await fill(fault)) === 'EAGAIN') again.push(fault);
    open = again;
  }
}

async function spin(uffd: Userfaultfd): Promise<void> {
  for await (const message of uffd) {
    if (message.event !== 'pagefault') continue;
    let answer = await fill(message);
    while (answer === 'EAGAIN') answer = await fill(message); // nobody reads meanwhile
  }
}

const program =
  (handle: (uffd: Userfaultfd) => Promise<void>): Body =>
  async (sim) => {
    const { addr, uffd } = guest(sim, { features: UFFD_FEATURE_EVENT_REMOVE });
    sim.spawn('handler', () => handle(uffd), { daemon: true });
    const balloon = sim.spawn('balloon', (thread) =>
      thread.madvise({ addr: addr + PAGE, length: PAGE, advice: MADV_DONTNEED }),
    );
    await sim.spawn('vcpu', (thread) => thread.load8(addr));
    await balloon;
    uffd.close();
  };

export const eagainSpin: Pitfall = {
  title: 'a loop over EAGAIN never reads the event that it waits for',
  correct: program(readAndRetry),
  broken: [
    {
      body: program(spin),
      trouble: 'livelock',
      says: /handler got 'UFFDIO_COPY EAGAIN'.*\n.*the REMOVE event .* is unread, and handler itself/,
    },
  ],
};
