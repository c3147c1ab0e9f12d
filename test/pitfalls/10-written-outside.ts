/**
 * "Present and not protected" is taken for dirty outside of the registered range.
 *
 * With WP_ASYNC a write takes the protection off, and a tracker reads pagemap: bit 63 without bit 57
 * is a page that was written. Where no userfaultfd protects, that is every page that is there, in
 * every round: a migration that looks at a whole slot, of which a part is not registered, never
 * converges. (PAGEMAP_SCAN with PM_SCAN_CHECK_WPASYNC refuses such a range.)
 */
import {
  type Body,
  PM_PRESENT_BIT,
  PM_UFFD_WP_BIT,
  UFFD_FEATURE_WP_ASYNC,
  UFFDIO_REGISTER_MODE_WP,
  UFFDIO_WRITEPROTECT_MODE_WP,
} from '../../src/index.js';
import { mapMemory, PAGE, type Pitfall } from './kit.js';

const has = (word: bigint, bit: number): boolean => ((word >> BigInt(bit)) & 1n) !== 0n;
const isDirty = (word: bigint) => has(word, PM_PRESENT_BIT) && !has(word, PM_UFFD_WP_BIT);

const RAM = 2; // pages with write protection
const ROM = 1; // pages behind them without

const program =
  (looksAt: number): Body =>
  async (sim) => {
    const addr = mapMemory(sim, RAM + ROM);
    sim.thread.store8Sync(addr + RAM * PAGE, 1);
    const uffd = sim.thread.userfaultfdSync();
    uffd.apiSync({ features: UFFD_FEATURE_WP_ASYNC });
    const range = { start: addr, len: RAM * PAGE };
    uffd.registerSync({ ...range, mode: UFFDIO_REGISTER_MODE_WP });
    uffd.writeprotectSync({ ...range, mode: UFFDIO_WRITEPROTECT_MODE_WP });

    const written = new Set<number>();
    const vcpu = sim.spawn('vcpu', async (thread) => {
      for (let i = 0; i < RAM; i++) {
        written.add(addr + i * PAGE);
        await thread.store8(addr + i * PAGE, 1);
      }
    });
    await sim.spawn('migration', async () => {
      for (let round = 0; round < 3; round++) {
        await sim.yield();
        const words = sim.process.pagemap({ addr, length: looksAt * PAGE });
        const pages = [...words].flatMap((word, i) => (isDirty(word) ? [addr + i * PAGE] : []));
        if (pages.every((at) => written.has(at))) continue;
        throw new Error(
          'a page that nobody wrote counts as dirty: "present and not protected" holds for ' +
            'every page outside of the registered range',
        );
      }
    });
    await vcpu;
    uffd.close();
  };

export const writtenOutside: Pitfall = {
  title: '"present and not protected" is taken for dirty outside of the registered range',
  correct: program(RAM),
  broken: [
    {
      body: program(RAM + ROM),
      trouble: 'error',
      says: /nobody wrote counts as dirty: "present and not protected" holds for every page/,
    },
  ],
};
