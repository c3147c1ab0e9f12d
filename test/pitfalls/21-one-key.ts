/**
 * Two lists are folded under one key: the WP and the MISSING fault of one page.
 *
 * A handler that fetches in the background remembers which pages are under way, so as not to fetch
 * twice. The fill wakes the writer, who runs into the protection of the same page before the worker
 * has crossed it out. By page alone that fault looks like one under way, and nobody resolves it.
 */
import {
  type Body,
  type PageFault,
  UFFDIO_COPY_MODE_WP,
  UFFDIO_REGISTER_MODE_MISSING,
  UFFDIO_REGISTER_MODE_WP,
} from '../../src/index.js';
import { guest, type Pitfall, page, SOURCE } from './kit.js';

type Key = (fault: PageFault) => string;

const program =
  (keyOf: Key): Body =>
  async (sim) => {
    const mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP;
    const { addr, uffd } = guest(sim, { pages: 1, mode });
    const lock = sim.mutex('under way');
    const underWay = new Set<string>();
    const jobs = sim.channel<PageFault>('jobs');
    sim.spawn(
      'handler',
      async () => {
        for await (const message of uffd) {
          if (message.event !== 'pagefault') continue;
          const known = await lock.with(() => underWay.has(keyOf(message)));
          if (known) continue;
          await lock.with(() => underWay.add(keyOf(message)));
          await jobs.send(message);
        }
      },
      { daemon: true },
    );
    sim.spawn(
      'worker',
      async () => {
        for await (const fault of jobs) {
          if (fault.wp) await fault.unprotect();
          else await fault.copy(page(SOURCE), UFFDIO_COPY_MODE_WP);
          await lock.with(() => underWay.delete(keyOf(fault)));
        }
      },
      { daemon: true },
    );
    await sim.spawn('vcpu', (thread) => thread.store8(addr, 1));
    uffd.close();
  };

export const oneKey: Pitfall = {
  title: 'the WP and the MISSING fault of one page are taken for one',
  correct: program(({ page: at, wp }) => `${at} ${wp ? 'wp' : 'missing'}`),
  broken: [
    {
      body: program(({ page: at }) => `${at}`),
      trouble: 'fault unresolved',
      says: /handler read a missing fault of the same page.*was this wp fault taken for that one/,
    },
  ],
};
