/**
 * A REMOVE range is not aligned to huge pages, and the handler's books are.
 *
 * A balloon gives back 4 KiB of a huge page; the event names these 4 KiB. A handler that keeps one
 * state for 2 MiB must round, and both ways are wrong: outwards, the neighbours are lost and read as
 * zeros; inwards, the event says nothing and the removed page comes back. Keep books by page.
 */
import {
  type Body,
  MADV_DONTNEED,
  type PageFault,
  type Thread,
  UFFD_FEATURE_EVENT_REMOVE,
} from '../../src/index.js';
import { answerOf, guest, messagesOf, PAGE, type Pitfall, page, SOURCE } from './kit.js';

const HUGE = 512 * PAGE;

/** Units of the handler's books that a removed range covers. */
type Round = (start: number, end: number) => readonly number[];

const everyUnit = (start: number, end: number, size: number): number[] => {
  const units: number[] = [];
  for (let at = start; at < end; at += size) units.push(at);
  return units;
};
const down = (at: number): number => at - (at % HUGE);
const up = (at: number): number => down(at + HUGE - 1);
const outwards: Round = (start, end) => everyUnit(down(start), up(end), HUGE);
const inwards: Round = (start, end) => everyUnit(up(start), down(end), HUGE);

const program =
  (round: Round, unitOf: (at: number) => number): Body =>
  async (sim) => {
    const features = UFFD_FEATURE_EVENT_REMOVE;
    const { addr, uffd } = guest(sim, { pages: 2 * 512, features });
    const removed = new Set<number>();
    sim.spawn(
      'handler',
      async () => {
        let open: PageFault[] = [];
        for (;;) {
          for (const message of await messagesOf(uffd, open)) {
            if (message.event === 'pagefault') open.push(message);
            if (message.event !== 'remove') continue;
            for (const unit of round(message.start, message.end)) removed.add(unit);
          }
          const again: PageFault[] = [];
          for (const fault of open) {
            const bytes = page(removed.has(unitOf(fault.page)) ? 0 : SOURCE);
            if ((await answerOf(fault.copy(bytes))) === 'EAGAIN') again.push(fault);
          }
          open = again;
        }
      },
      { daemon: true },
    );
    const expectByte = async (thread: Thread, at: number, wanted: number): Promise<void> => {
      const value = await thread.load8(at);
      if (value === wanted) return;
      throw new Error(
        `a page reads ${value} instead of ${wanted}: a REMOVE of 4 KiB was rounded to huge pages`,
      );
    };
    const vcpu = sim.spawn('vcpu', (thread) => expectByte(thread, addr + 2 * PAGE, SOURCE));
    await sim.spawn('balloon', async (thread) => {
      await thread.madvise({ addr: addr + PAGE, length: PAGE, advice: MADV_DONTNEED });
      await expectByte(thread, addr + PAGE, 0);
    });
    await vcpu;
    uffd.close();
  };

export const removeUnaligned: Pitfall = {
  title: 'a REMOVE of less than a huge page is rounded to huge pages',
  correct: program(
    (start, end) => everyUnit(start, end, PAGE),
    (at) => at,
  ),
  broken: [
    {
      body: program(outwards, down),
      trouble: 'error',
      says: /reads 0 instead of 7: a REMOVE of 4 KiB was rounded to huge pages/,
    },
    {
      body: program(inwards, down),
      trouble: 'error',
      says: /reads 7 instead of 0: a REMOVE of 4 KiB was rounded to huge pages/,
    },
  ],
};
