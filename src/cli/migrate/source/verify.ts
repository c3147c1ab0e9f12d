/**
 * The end of a migration at its source: the source's own guest plays the rest of the trace as well,
 * undisturbed, and the two memories are compared by SHA-256; when they differ, page by page. The
 * sums over all loads are compared too, which shows a page that was stale only for a while.
 */
import { differingPages, memoryDigest, pageDigests } from '../digest.js';
import type { Verification } from '../result.js';
import { SILENCE_MS } from '../wire/channel.js';
import { FrameType } from '../wire/frame.js';
import type { Done } from './done.js';
import type { SourceSession } from './session.js';

/** Plays the source's guest to the end and compares; `done` is what the destination said. */
export async function verify(
  session: SourceSession,
  done: Pick<Done, 'sha256' | 'checksum'>,
): Promise<Verification> {
  const { guest, runner, channel } = session.parts;
  runner.isCounted = false; // the destination's guest has made these accesses already
  await runner.runToStep(Number.POSITIVE_INFINITY);
  const sha256 = { source: memoryDigest(guest), destination: done.sha256 };
  const loadChecksum = { source: guest.checksum, destination: done.checksum };
  const isSame = sha256.source === sha256.destination;
  let mismatches: readonly string[] = [];
  if (!isSame) {
    channel.send(FrameType.COMPARE);
    const { payload } = await channel.expect(FrameType.PAGE_DIGESTS, SILENCE_MS);
    mismatches = differingPages(pageDigests(guest), payload).map(
      (page) => `0x${guest.layout.addressOf(page).toString(16)}`,
    );
  }
  const verified = isSame && loadChecksum.source === loadChecksum.destination;
  return { verified, pages: guest.layout.pages, mismatches, sha256, loadChecksum };
}
