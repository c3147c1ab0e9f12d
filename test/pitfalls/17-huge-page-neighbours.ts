/**
 * A huge page makes its neighbours readable without a fault.
 *
 * Before post-copy begins, the destination writes the pages that pre-copy sent. With transparent
 * huge pages the first of these writes brings 2 MiB: 511 pages of zeros are there that nobody sent.
 * Registered then, they raise no fault; the guest reads zeros. MADV_NOHUGEPAGE comes first.
 */
import {
  type Body,
  MADV_NOHUGEPAGE,
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  PROT_READ,
  PROT_WRITE,
  type Thread,
  UFFDIO_REGISTER_MODE_MISSING,
} from '../../src/index.js';
import { PAGE, type Pitfall, page, SOURCE } from './kit.js';

const HUGE = 512 * PAGE;

type Prepare = (thread: Thread, addr: number, length: number) => Promise<void>;

const program =
  (prepare: Prepare): Body =>
  async (sim) => {
    const length = 2 * HUGE;
    const mapping = sim.thread.mmapSync({
      length,
      prot: PROT_READ | PROT_WRITE,
      flags: MAP_PRIVATE | MAP_ANONYMOUS,
    });
    const addr = mapping + HUGE - (mapping % HUGE);
    await prepare(sim.thread, mapping, length);
    await sim.thread.write(addr, page(SOURCE)); // all that pre-copy sent
    const uffd = sim.thread.userfaultfdSync();
    uffd.apiSync();
    uffd.registerSync({ start: mapping, len: length, mode: UFFDIO_REGISTER_MODE_MISSING });
    sim.spawn(
      'post-copy',
      async () => {
        for await (const message of uffd) {
          if (message.event === 'pagefault') await message.copy(page(SOURCE));
        }
      },
      { daemon: true },
    );
    await sim.spawn('vcpu', async (thread) => {
      for (const at of [addr, addr + PAGE]) {
        if ((await thread.load8(at)) === SOURCE) continue;
        throw new Error(
          'a page reads as zeros without a fault: a huge page brought it when its neighbour was ' +
            'written, before the range was registered (MADV_NOHUGEPAGE comes first)',
        );
      }
    });
    uffd.close();
  };

export const hugePageNeighbours: Pitfall = {
  title: 'a huge page makes its neighbours readable without a fault',
  machine: { transparentHugepage: 'always' },
  correct: program((thread, addr, length) =>
    thread.madvise({ addr, length, advice: MADV_NOHUGEPAGE }),
  ),
  broken: [
    {
      body: program(async () => {}),
      trouble: 'error',
      says: /zeros without a fault: a huge page brought it when its neighbour was written/,
    },
  ],
};
