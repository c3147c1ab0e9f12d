/**
 * One round of pre-copy: arm the pages, then send them while the guest runs, and see at the end
 * which were written to meanwhile. Arming comes before reading, so that no store falls between.
 */
import type { SourceSession } from './session.js';
import type { DirtyTracker } from './tracker.js';

/** Sends these pages in one live round; returns those that the guest wrote to meanwhile. */
export async function liveRound(
  session: SourceSession,
  tracker: DirtyTracker,
  pages: readonly number[],
): Promise<readonly number[]> {
  const { runner, model } = session.parts;
  const startNs = runner.nowNs;
  session.beginRound();
  tracker.arm(pages);
  await runner.runUntil(startNs + pages.length * model.armPageNs);
  await session.sendLive(pages, `round ${session.rounds.length + 1}`);
  const dirty = tracker.takeDirty();
  session.endRound({
    kind: 'live',
    startNs,
    endNs: runner.nowNs,
    pagesDirtied: dirty.length,
    downtimeNs: 0,
  });
  return dirty;
}
