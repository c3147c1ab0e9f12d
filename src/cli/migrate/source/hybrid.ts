/**
 * Hybrid: one round of pre-copy, then post-copy of what the guest wrote to meanwhile. Most pages
 * are there when it goes on, and none is sent more than twice.
 */
import { liveRound } from './live-round.js';
import { stopAndHandOver } from './postcopy.js';
import type { Strategy } from './strategy.js';

/** `--mode hybrid`. */
export const hybrid: Strategy = {
  async handOver(session) {
    const tracker = session.track();
    const dirty = await liveRound(session, tracker, [...session.parts.guest.layout.indexes()]);
    stopAndHandOver(session, dirty);
    session.releaseGuest();
    return dirty;
  },
};
