/**
 * Pre-copy: rounds until the dirty set is small or there were enough of them, then stop the guest,
 * send the rest, and hand it over complete. The destination never waits for a page.
 */
import { liveRound } from './live-round.js';
import type { SourceSession } from './session.js';
import type { Strategy } from './strategy.js';

/** `--mode precopy`. */
export const precopy: Strategy = {
  async handOver(session) {
    const tracker = session.track();
    const { limits, guest } = session.parts;
    let pages: readonly number[] = [...guest.layout.indexes()];
    do {
      pages = await liveRound(session, tracker, pages);
    } while (pages.length > limits.dirtyLimitPages && session.rounds.length < limits.maxRounds);
    await stopAndSend(session, pages);
    session.releaseGuest();
    return [];
  },
};

async function stopAndSend(session: SourceSession, pages: readonly number[]): Promise<void> {
  session.beginRound();
  await session.sendStopped(pages);
  const { stoppedAtNs, resumeAtNs } = session.sendHandover(0);
  session.endRound({
    kind: 'stop',
    startNs: stoppedAtNs,
    endNs: resumeAtNs,
    pagesDirtied: 0,
    downtimeNs: resumeAtNs - stoppedAtNs,
  });
}
