/**
 * Post-copy: the guest is stopped at once and goes on at the destination with nothing but its
 * state; every page comes later, when it is touched or when its turn comes. Never sends a page
 * twice.
 */
import { FrameType } from '../wire/frame.js';
import { addressPayload } from '../wire/messages.js';
import type { SourceSession } from './session.js';
import type { Strategy } from './strategy.js';

/** `--mode postcopy`. */
export const postcopy: Strategy = {
  async handOver(session) {
    const pages = [...session.parts.guest.layout.indexes()];
    stopAndHandOver(session, pages);
    return pages;
  },
};

/** Hands the guest over while these pages are still to come; anything sent of them is stale. */
export function stopAndHandOver(session: SourceSession, pages: readonly number[]): void {
  const { guest, channel } = session.parts;
  session.beginRound();
  const addresses = addressPayload(pages.map((page) => guest.layout.addressOf(page)));
  if (session.rounds.length > 0) channel.send(FrameType.DISCARD, addresses);
  const { stoppedAtNs, resumeAtNs } = session.sendHandover(pages.length);
  session.endRound({
    kind: 'stop',
    startNs: stoppedAtNs,
    endNs: resumeAtNs,
    pagesDirtied: 0,
    downtimeNs: resumeAtNs - stoppedAtNs,
  });
}
