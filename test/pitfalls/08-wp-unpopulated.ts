/**
 * Write protection passes over empty pages, and their first write is missed.
 *
 * UFFDIO_WRITEPROTECT changes page table entries. An anonymous page that nobody has touched has
 * none: the call succeeds and protects nothing, and the first write raises no fault. With
 * UFFD_FEATURE_WP_UNPOPULATED (6.4) a marker takes the place of the page; before, touch every page.
 */
import {
  type Body,
  UFFD_FEATURE_WP_UNPOPULATED,
  UFFDIO_REGISTER_MODE_WP,
  UFFDIO_WRITEPROTECT_MODE_WP,
} from '../../src/index.js';
import { guest, PAGE, type Pitfall } from './kit.js';

const program =
  (features: number): Body =>
  async (sim) => {
    const { addr, length, uffd } = guest(sim, { mode: UFFDIO_REGISTER_MODE_WP, features });
    await sim.thread.store8(addr, 1); // page 1 stays empty
    await uffd.writeprotect({ start: addr, len: length, mode: UFFDIO_WRITEPROTECT_MODE_WP });
    const dirty = new Set<number>();
    sim.spawn(
      'tracker',
      async () => {
        for await (const message of uffd) {
          if (message.event !== 'pagefault') continue;
          dirty.add(message.page);
          await message.unprotect();
        }
      },
      { daemon: true },
    );
    const write = (i: number) =>
      sim.spawn(`vcpu${i}`, (thread) => thread.store8(addr + i * PAGE, 2));
    await Promise.all([write(0), write(1)]);
    for (const at of [addr, addr + PAGE]) {
      if (dirty.has(at)) continue;
      throw new Error(
        'a page was written and no fault told: UFFDIO_WRITEPROTECT passes over empty anonymous ' +
          'pages without UFFD_FEATURE_WP_UNPOPULATED',
      );
    }
    uffd.close();
  };

export const wpUnpopulated: Pitfall = {
  title: 'write protection of empty pages misses their first write',
  correct: program(UFFD_FEATURE_WP_UNPOPULATED),
  broken: [
    {
      body: program(0),
      trouble: 'error',
      says: /no fault told: UFFDIO_WRITEPROTECT passes over empty anonymous pages/,
    },
  ],
};
