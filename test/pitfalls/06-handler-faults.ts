/**
 * The handler touches memory that it serves itself.
 *
 * A handler in the process that it serves shares everything with it: the heap, a table, a receive
 * buffer. When one of them lies in the registered range and its page is missing, the handler's own
 * access waits for the handler. It is the same with a system call: read(2) into such a buffer,
 * UFFDIO_COPY from it.
 */
import type { Body, Sim } from '../../src/index.js';
import { type Guest, guest, mapMemory, PAGE, type Pitfall, page, SOURCE } from './kit.js';

const program =
  (bufferOf: (sim: Sim, memory: Guest) => number): Body =>
  async (sim) => {
    const memory = guest(sim);
    const { addr, uffd } = memory;
    const buffer = bufferOf(sim, memory);
    sim.spawn(
      'handler',
      async (thread) => {
        for await (const message of uffd) {
          if (message.event !== 'pagefault') continue;
          await thread.write(buffer, page(SOURCE)); // received from the source
          await message.copy(buffer);
        }
      },
      { daemon: true },
    );
    await sim.spawn('vcpu', (thread) => thread.load8(addr));
    uffd.close();
  };

export const handlerFaults: Pitfall = {
  title: 'the handler touches memory that it serves',
  correct: program((sim) => mapMemory(sim, 1)),
  broken: [
    {
      body: program((_, { addr }) => addr + PAGE),
      trouble: 'deadlock',
      says: /handler itself is who should resolve it: who serves memory must not touch it/,
    },
  ],
};
