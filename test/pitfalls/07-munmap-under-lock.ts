/**
 * munmap is called under a lock that the monitor wants.
 *
 * With EVENT_UNMAP munmap returns only when the monitor has read the event. A guest that holds its
 * layout lock meanwhile, and a monitor that takes this lock for a fault, wait for each other. The
 * kernel is one side of the deadlock, so no lock checker sees it. Drop the lock first.
 */
import { type Body, type Mutex, type Thread, UFFD_FEATURE_EVENT_UNMAP } from '../../src/index.js';
import { answerOf, guest, messagesOf, PAGE, type Pitfall, page, SOURCE } from './kit.js';

type Unplug = (thread: Thread, layout: Mutex, addr: number) => Promise<void>;

const afterLock: Unplug = async (thread, layout, addr) => {
  await layout.with(() => {}); // takes the page out of the books
  await thread.munmap({ addr, length: PAGE });
};

const underLock: Unplug = (thread, layout, addr) =>
  layout.with(() => thread.munmap({ addr, length: PAGE }));

const program =
  (unplug: Unplug): Body =>
  async (sim) => {
    const { addr, uffd } = guest(sim, { features: UFFD_FEATURE_EVENT_UNMAP });
    const layout = sim.mutex('layout');
    sim.spawn(
      'monitor',
      async () => {
        for await (const message of uffd) {
          if (message.event !== 'pagefault') continue;
          await layout.with(() => {}); // which block of memory is it?
          while ((await answerOf(message.copy(page(SOURCE)))) === 'EAGAIN') {
            await messagesOf(uffd, ['a fault']);
          }
        }
      },
      { daemon: true },
    );
    const hotplug = sim.spawn('hotplug', (thread) => unplug(thread, layout, addr + PAGE));
    await sim.spawn('vcpu', (thread) => thread.load8(addr));
    await hotplug;
    uffd.close();
  };

export const munmapUnderLock: Pitfall = {
  title: 'munmap holds a lock that the monitor wants',
  correct: program(afterLock),
  broken: [
    {
      body: program(underLock),
      trouble: 'deadlock',
      says: /hotplug sleeps in munmap[\s\S]*UNMAP event[\s\S]*waits for monitor, who in the end waits for it/,
    },
  ],
};
