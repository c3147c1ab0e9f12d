/**
 * The handler dies: a closed descriptor gives zeros, a held one lets everybody hang.
 *
 * When the last descriptor goes, faults get what the kernel gives: a page of zeros, and the guest
 * computes on with it. When somebody else still holds one (a parent, a supervisor), nothing ends
 * the wait. A handler that has lost its source says so: UFFDIO_POISON makes the access a SIGBUS.
 */
import { type Body, type PageFault, SignalError, type Userfaultfd } from '../../src/index.js';
import { guest, PAGE, type Pitfall, page, SOURCE } from './kit.js';

/** What the handler does with a page that the source does not send any more. */
type OnLoss = (uffd: Userfaultfd, fault: PageFault) => Promise<'go on' | 'give up'>;

const program =
  (onLoss: OnLoss): Body =>
  async (sim) => {
    const { addr, uffd } = guest(sim);
    let connected = true;
    const connection = sim.spawn('connection', async () => {
      await sim.yield();
      connected = false; // at any time
    });
    sim.spawn(
      'handler',
      async () => {
        for await (const message of uffd) {
          if (message.event !== 'pagefault') continue;
          if (connected) await message.copy(page(SOURCE));
          else if ((await onLoss(uffd, message)) === 'give up') return;
        }
      },
      { daemon: true },
    );
    await sim.spawn('vcpu', async (thread) => {
      for (const at of [addr, addr + PAGE]) {
        const value = await thread.load8(at).catch((error: unknown) => error);
        if (value === SOURCE || value instanceof SignalError) continue;
        throw new Error(
          `a page reads as ${value}: the handler closed its userfaultfd when it lost the source, ` +
            'and a fault without a userfaultfd is filled with zeros',
        );
      }
    });
    await connection;
    sim.process.exit();
  };

export const handlerDies: Pitfall = {
  title: 'the handler dies: a closed descriptor gives zeros, a held one hangs',
  correct: program(async (_, fault) => {
    await fault.poison();
    return 'go on';
  }),
  broken: [
    {
      body: program(async (uffd) => {
        uffd.close();
        return 'give up';
      }),
      trouble: 'error',
      says: /a page reads as 0: the handler closed its userfaultfd/,
    },
    {
      body: program(async () => 'give up'),
      trouble: 'handler gone',
      says: /handler read its message at step \d+, and nobody is left who reads userfaultfd/,
    },
  ],
};
