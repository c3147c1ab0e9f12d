/**
 * UFFDIO_API is called twice on one descriptor.
 *
 * The handshake is done once. A second one is EINVAL, also when it asks for the same: a library that
 * first asks which features there are and then enables them needs a new descriptor for the second
 * question, and a lazy "is it ready?" in two threads needs a lock.
 */
import type { Body, Mutex } from '../../src/index.js';
import type { Pitfall } from './kit.js';

type Guard = (lock: Mutex, body: () => Promise<void>) => Promise<void>;

const program =
  (guard: Guard): Body =>
  async (sim) => {
    const uffd = sim.thread.userfaultfdSync();
    const lock = sim.mutex('handshake');
    let ready = false;
    const prepare = () =>
      guard(lock, async () => {
        if (ready) return;
        await uffd.api();
        ready = true;
      });
    await Promise.all([sim.spawn('block0', prepare), sim.spawn('block1', prepare)]);
    uffd.close();
  };

export const secondHandshake: Pitfall = {
  title: 'UFFDIO_API is called twice on one descriptor',
  correct: program((lock, body) => lock.with(body)),
  broken: [
    {
      body: program((_, body) => body()),
      trouble: 'error',
      says: /UFFDIO_API: EINVAL, the handshake was done before/,
    },
  ],
};
