/**
 * The source after the handover: its guest is stopped and its memory is read-only in effect.
 * Answers the destination, which sets the pace: urgent pages (REQUEST) and batches of the others
 * (PULL), until DONE. A destination that says nothing for a while counts as dead.
 */
import { FailedError } from '../../exit.js';
import { SILENCE_MS } from '../wire/channel.js';
import { FrameType } from '../wire/frame.js';
import { jsonPayload, numberIn, parseJson, parsePages } from '../wire/messages.js';
import { PageQueue } from './page-queue.js';
import type { SourceSession } from './session.js';

/** Serves until the destination's guest has finished; returns the payload of DONE. */
export async function serveUntilDone(
  session: SourceSession,
  pages: readonly number[],
): Promise<Record<string, unknown>> {
  const { channel, guest, progress, accesses } = session.parts;
  const queue = new PageQueue(pages);
  for (;;) {
    const frame = await channel.receive(SILENCE_MS);
    if (frame.type === FrameType.DONE) return parseJson(frame.payload);
    if (frame.type === FrameType.PULL) {
      pushPages(session, queue, numberIn(parseJson(frame.payload), 'pages'));
    } else if (frame.type === FrameType.REQUEST) {
      for (const page of parsePages(frame.payload, guest.layout)) {
        if (!queue.take(page))
          throw new FailedError(`the destination asked twice for page ${page}`);
        session.sendPage(page);
      }
    } else if (frame.type === FrameType.PROGRESS) {
      const message = parseJson(frame.payload);
      progress.update({
        label: 'destination',
        done: numberIn(message, 'step'),
        total: accesses,
        nowNs: numberIn(message, 'nowNs'),
      });
    } else {
      throw channel.unexpected(frame);
    }
    await channel.drained();
  }
}

function pushPages(session: SourceSession, queue: PageQueue, pages: number): void {
  for (let sent = 0; sent < pages; sent++) {
    const page = queue.next();
    if (page === undefined) break;
    session.sendPage(page);
  }
  session.parts.channel.send(FrameType.PUSHED, jsonPayload({ left: queue.left }));
}
