/**
 * Memory is touched between its mapping and its registration.
 *
 * Registration changes nothing that is there already. What a thread touches before gets a page of
 * zeros from the kernel; no fault comes for it later, and UFFDIO_COPY is refused with EEXIST. Memory
 * that is plugged in while vCPUs run is registered first and shown to them afterwards.
 */
import { type Body, UFFDIO_REGISTER_MODE_MISSING } from '../../src/index.js';
import { mapMemory, PAGE, type Pitfall, page, SOURCE } from './kit.js';

/** The two steps of plugging memory in. */
interface Plug {
  register(): Promise<unknown>;
  show(): Promise<void>;
}

const program =
  (plug: (steps: Plug) => Promise<void>): Body =>
  async (sim) => {
    const uffd = sim.thread.userfaultfdSync();
    uffd.apiSync();
    const shown = sim.channel<number>('memory blocks');
    sim.spawn('hotplug', async () => {
      const addr = mapMemory(sim, 1);
      const range = { start: addr, len: PAGE };
      await plug({
        register: () => uffd.register({ ...range, mode: UFFDIO_REGISTER_MODE_MISSING }),
        show: () => shown.send(addr),
      });
    });
    sim.spawn(
      'handler',
      async () => {
        for await (const message of uffd) {
          if (message.event === 'pagefault') await message.copy(page(SOURCE));
        }
      },
      { daemon: true },
    );
    await sim.spawn('vcpu', async (thread) => {
      const addr = (await shown.receive()) ?? 0;
      if ((await thread.load8(addr)) === SOURCE) return;
      throw new Error(
        'new memory reads as zeros: it was touched between mmap and UFFDIO_REGISTER, and no ' +
          'fault comes for a page that is there',
      );
    });
    sim.process.exit();
  };

export const accessBeforeRegister: Pitfall = {
  title: 'memory is touched between its mapping and its registration',
  correct: program(async ({ register, show }) => {
    await register();
    await show();
  }),
  broken: [
    {
      body: program(async ({ register, show }) => {
        await show();
        await register();
      }),
      trouble: 'error',
      says: /new memory reads as zeros: it was touched between mmap and UFFDIO_REGISTER/,
    },
  ],
};
