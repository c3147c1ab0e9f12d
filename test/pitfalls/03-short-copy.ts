/**
 * -EAGAIN or a short copy is taken for success.
 *
 * UFFDIO_COPY of many pages stops where an event begins. What was done is in the result field: the
 * bytes up to there, or -EAGAIN when there were none. A migration that never looks at the field
 * counts pages as received that are not; when it unregisters the range, they read as zeros.
 */
import {
  type Body,
  MADV_DONTNEED,
  UFFD_FEATURE_EVENT_REMOVE,
  type Userfaultfd,
} from '../../src/index.js';
import { answerOf, guest, PAGE, type Pitfall, resultOf, SOURCE } from './kit.js';

const PAGES = 4;

type Push = (uffd: Userfaultfd, dst: number, src: Uint8Array) => Promise<void>;

/** Goes on where the last call stopped. */
const pushAll: Push = async (uffd, dst, src) => {
  for (let done = 0; done < src.length; ) {
    const result = await resultOf(uffd.copy({ dst: dst + done, src: src.subarray(done) }));
    if (result > 0) done += result;
  }
};

const pushOnce: Push = async (uffd, dst, src) => {
  const answer = await answerOf(uffd.copy({ dst, src }));
  if (answer !== 'done' && answer !== 'EAGAIN') throw new Error(answer);
};

const program =
  (push: Push): Body =>
  async (sim) => {
    const features = UFFD_FEATURE_EVENT_REMOVE;
    const { addr, length, uffd } = guest(sim, { pages: PAGES + 1, features });
    sim.spawn('events', async () => void (await uffd.readMsg()), { daemon: true });
    const balloon = sim.spawn('balloon', (thread) =>
      thread.madvise({ addr: addr + PAGES * PAGE, length: PAGE, advice: MADV_DONTNEED }),
    );
    await sim.spawn('migration', async () => {
      await push(uffd, addr, new Uint8Array(PAGES * PAGE).fill(SOURCE));
      await uffd.unregister({ start: addr, len: length });
    });
    await sim.spawn('vcpu', async (thread) => {
      for (let i = 0; i < PAGES; i++) {
        if ((await thread.load8(addr + i * PAGE)) === SOURCE) continue;
        throw new Error(
          `page ${i} reads as zeros: UFFDIO_COPY stopped short (EAGAIN), its result field was not ` +
            'looked at, and the page counts as received',
        );
      }
    });
    await balloon;
    uffd.close();
  };

export const shortCopy: Pitfall = {
  title: 'a short UFFDIO_COPY, or one that did nothing, is taken for success',
  correct: program(pushAll),
  broken: [
    {
      body: program(pushOnce),
      trouble: 'error',
      says: /page \d reads as zeros: UFFDIO_COPY stopped short \(EAGAIN\)/,
    },
  ],
};
