/**
 * A fork is heard of, and the child is not served.
 *
 * With EVENT_FORK the child's memory stays registered, with a userfaultfd of its own whose
 * descriptor comes with the message. A monitor that reads the message and goes on lets the child
 * sleep in its first fault for ever. Serve that descriptor too; closing it gives the child zeros.
 */
import { type Body, type Sim, UFFD_FEATURE_EVENT_FORK, type Userfaultfd } from '../../src/index.js';
import { guest, type Pitfall, page, SOURCE } from './kit.js';

type OnFork = (sim: Sim, child: Userfaultfd) => void;

async function serve(sim: Sim, uffd: Userfaultfd, onFork: OnFork): Promise<void> {
  for await (const message of uffd) {
    if (message.event === 'fork') onFork(sim, message.uffd);
    if (message.event === 'pagefault') await message.copy(page(SOURCE));
  }
}

const program =
  (onFork: OnFork): Body =>
  async (sim) => {
    const { addr, uffd } = guest(sim, { features: UFFD_FEATURE_EVENT_FORK });
    sim.spawn('monitor', () => serve(sim, uffd, onFork), { daemon: true });
    const pid = await sim.spawn('parent', (thread) => thread.fork('child'));
    const process = sim.machine.process(pid);
    await sim.spawn('child', (thread) => thread.load8(addr), { process });
    process.exit();
    sim.process.exit(); // closes both userfaultfds
  };

export const forkUnserved: Pitfall = {
  title: 'the child of a fork is not served',
  correct: program((sim, child) => {
    const serveChild = () => serve(sim, child, () => {});
    sim.spawn('monitor of the child', serveChild, { daemon: true });
  }),
  broken: [
    {
      body: program(() => {}),
      trouble: 'handler gone',
      says: /child sleeps in load8[\s\S]*nobody has ever read from userfaultfd \d+ \(forked\)[\s\S]*FORK/,
    },
  ],
};
