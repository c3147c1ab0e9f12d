/**
 * The kernel touches missing memory of a userfaultfd that was made with USER_MODE_ONLY.
 *
 * An unprivileged userfaultfd sees only what user code touches. When a system call does (read(2)
 * into a buffer of the guest) and the page is missing, the call does not wait: it fails with EFAULT,
 * now and then, depending on what was prefetched. Touch the pages first, or have the privilege.
 */
import { type Body, UFFD_USER_MODE_ONLY } from '../../src/index.js';
import { answerOf, guest, mapMemory, type Pitfall, page, SOURCE } from './kit.js';

const program =
  (flags: number): Body =>
  async (sim) => {
    const { addr, uffd } = guest(sim, { flags });
    const { readFd, writeFd } = sim.thread.pipeSync();
    sim.thread.sysWriteSync({ fd: writeFd, addr: mapMemory(sim, 1), count: 1 });
    sim.spawn(
      'handler',
      async () => {
        for await (const message of uffd) {
          if (message.event !== 'pagefault') continue;
          if ((await answerOf(message.copy(page(SOURCE)))) === 'EEXIST') await message.wake();
        }
      },
      { daemon: true },
    );
    const prefetch = sim.spawn('prefetch', () =>
      answerOf(uffd.copy({ dst: addr, src: page(SOURCE) })),
    );
    await sim.spawn('vcpu', (thread) => thread.sysRead({ fd: readFd, addr, count: 1 }));
    await prefetch;
    uffd.close();
  };

export const userModeOnly: Pitfall = {
  title: 'a system call touches missing memory under USER_MODE_ONLY',
  correct: program(0),
  broken: [
    {
      body: program(UFFD_USER_MODE_ONLY),
      trouble: 'error',
      says: /vcpu threw KernelError: read: EFAULT[\s\S]*was made with UFFD_USER_MODE_ONLY/,
    },
  ],
};
