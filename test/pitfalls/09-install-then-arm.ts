/**
 * To install a page and to protect it are two calls, and a write comes between.
 *
 * UFFDIO_COPY wakes the thread that waits. If it wants to write, it may have written before
 * UFFDIO_WRITEPROTECT arms the page: the page is protected then, changed, and counted as clean.
 * UFFDIO_COPY_MODE_WP installs it protected, in one step.
 */
import {
  type Body,
  type PageFault,
  UFFDIO_COPY_MODE_WP,
  UFFDIO_REGISTER_MODE_MISSING,
  UFFDIO_REGISTER_MODE_WP,
  UFFDIO_WRITEPROTECT_MODE_WP,
} from '../../src/index.js';
import { guest, PAGE, type Pitfall, page, SOURCE } from './kit.js';

type Install = (fault: PageFault) => Promise<void>;

const inOneStep: Install = async (fault) => {
  await fault.copy(page(SOURCE), UFFDIO_COPY_MODE_WP);
};

const inTwoSteps: Install = async (fault) => {
  await fault.copy(page(SOURCE));
  const range = { start: fault.page, len: PAGE };
  await fault.uffd.writeprotect({ ...range, mode: UFFDIO_WRITEPROTECT_MODE_WP });
};

const program =
  (install: Install): Body =>
  async (sim) => {
    const mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP;
    const { addr, uffd } = guest(sim, { pages: 1, mode });
    const dirty = new Set<number>();
    sim.spawn(
      'handler',
      async () => {
        for await (const message of uffd) {
          if (message.event !== 'pagefault') continue;
          if (!message.wp) await install(message);
          else {
            dirty.add(message.page);
            await message.unprotect();
          }
        }
      },
      { daemon: true },
    );
    await sim.spawn('vcpu', (thread) => thread.store8(addr, 1));
    if (!dirty.has(addr)) {
      throw new Error(
        'a write was lost: it came between UFFDIO_COPY and UFFDIO_WRITEPROTECT, before the page ' +
          'was armed (UFFDIO_COPY_MODE_WP does both in one step)',
      );
    }
    uffd.close();
  };

export const installThenArm: Pitfall = {
  title: 'to install a page and to arm it are two steps',
  correct: program(inOneStep),
  broken: [
    {
      body: program(inTwoSteps),
      trouble: 'error',
      says: /a write was lost: it came between UFFDIO_COPY and UFFDIO_WRITEPROTECT/,
    },
  ],
};
