/**
 * A pager with a prefetcher, and the bug that both together have: whoever copies a page second gets
 * EEXIST, and takes the page for served. Run it with `npx tsx examples/04-find-the-race.ts`.
 */
import * as linux from 'uffd-emulator';

const PAGES = 3;
const LENGTH = PAGES * 4096;
const SNAPSHOT = new Uint8Array(LENGTH).fill(7);

/** What to do when somebody else has copied the page already. */
type AlreadyThere = (fault: linux.PageFault) => Promise<void>;

/** The pager as its author would write it: a handler, a prefetcher, a virtual CPU. */
const pager = (alreadyThere: AlreadyThere) => async (sim: linux.Sim) => {
  const flags = linux.MAP_PRIVATE | linux.MAP_ANONYMOUS;
  const start = sim.thread.mmapSync({ length: LENGTH, prot: linux.PROT_READ, flags });
  const uffd = sim.thread.userfaultfdSync();
  uffd.apiSync();
  uffd.registerSync({ start, len: LENGTH, mode: linux.UFFDIO_REGISTER_MODE_MISSING });
  const pageOf = (dst: number) => SNAPSHOT.subarray(dst - start, dst - start + 4096);

  const handler = async () => {
    for await (const fault of uffd) {
      if (fault.event !== 'pagefault') continue;
      await fault.copy(pageOf(fault.page)).catch(() => alreadyThere(fault));
    }
  };
  const prefetcher = async () => {
    const mode = linux.UFFDIO_COPY_MODE_DONTWAKE; // nobody waits for these pages
    for (let dst = start; dst < start + LENGTH; dst += 4096) {
      await uffd.copy({ dst, src: pageOf(dst), mode }).catch(() => {});
    }
  };
  sim.spawn('handler', handler, { daemon: true });
  const prefetch = sim.spawn('prefetcher', prefetcher);
  const sum = await sim.spawn('vcpu', (thread) => thread.read(start, LENGTH));
  if (sum.some((byte) => byte !== 7)) throw new Error('the guest read something else');
  await prefetch;
  uffd.close();
};

const found = await linux
  .explore(
    { seeds: 200 },
    pager(async () => {}),
  )
  .catch((error) => error);
console.log(found.message.replace(/at \S*\//, 'at '));

const { runs } = await linux.explore(
  { seeds: 2000 },
  pager((fault) => fault.wake()),
);
console.log(`\nwith a wake after EEXIST: ${runs} schedules, no failure`);
