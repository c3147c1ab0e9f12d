/**
 * UFFDIO_UNREGISTER leaves those asleep who wait in a WP or MINOR fault.
 *
 * A snapshot ends: everything is saved, the range is unregistered, protection goes. A thread that
 * ran into the protection just before still sleeps: UNREGISTER wakes only in memory registered for
 * missing pages. Its page is writable by now, and no message tells of it. Wake the range afterwards.
 */
import {
  type Body,
  UFFDIO_REGISTER_MODE_WP,
  UFFDIO_WRITEPROTECT_MODE_WP,
  type Userfaultfd,
} from '../../src/index.js';
import { guest, type Pitfall } from './kit.js';

type End = (uffd: Userfaultfd, range: { start: number; len: number }) => Promise<void>;

const program =
  (end: End): Body =>
  async (sim) => {
    const { addr, length, uffd } = guest(sim, { mode: UFFDIO_REGISTER_MODE_WP });
    const range = { start: addr, len: length };
    sim.thread.store8Sync(addr, 1);
    uffd.writeprotectSync({ ...range, mode: UFFDIO_WRITEPROTECT_MODE_WP });
    const vcpu = sim.spawn('vcpu', (thread) => thread.store8(addr, 2));
    await sim.spawn('snapshot', async (thread) => {
      await thread.read(addr, length); // saves all before anybody writes
      await end(uffd, range);
    });
    await vcpu;
    uffd.close();
  };

export const unregisterWpWaiters: Pitfall = {
  title: 'UFFDIO_UNREGISTER leaves WP and MINOR waiters asleep',
  correct: program(async (uffd, range) => {
    await uffd.unregister(range);
    await uffd.wake(range);
  }),
  broken: [
    {
      body: program((uffd, range) => uffd.unregister(range)),
      trouble: 'lost wake-up',
      says: /not registered \(UFFDIO_UNREGISTER of snapshot at step \d+\)[\s\S]*leaves those asleep/,
    },
  ],
};
