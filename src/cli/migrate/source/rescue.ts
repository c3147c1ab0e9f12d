/**
 * When the destination is gone: the guest on the source has lost nothing, since pages are copied
 * and never taken away. Takes every hand off it, lets it go on from where it stood, and says so.
 * Ends within seconds: a long trace is not played to its end.
 */
import { FailedError } from '../../exit.js';
import { memoryDigest } from '../digest.js';
import { formatCount } from '../format.js';
import type { SourceSession } from './session.js';

/** How far the guest goes on at most, in accesses: enough to see that it does. */
const STEPS_MAX = 5_000_000;

/** The guest as it is on the source after a migration that failed. */
export interface IntactGuest {
  /** Where in the trace it went on, and how far it came. */
  readonly fromStep: number;
  readonly step: number;
  readonly sha256: string;
  readonly checksum: number;
}

/** The destination is gone; the guest goes on at the source. */
export class DestinationLostError extends FailedError {
  constructor(
    message: string,
    readonly guest: IntactGuest,
  ) {
    super(message);
  }
}

/** Lets the guest go on at the source; returns the error that tells of it. */
export async function rescueGuest(
  session: SourceSession,
  reason: string,
): Promise<DestinationLostError> {
  const { guest, runner } = session.parts;
  const round = session.rounds.length + (session.handover ? 0 : 1);
  const when = session.handover ? 'after the handover' : `in round ${round}`;
  session.releaseGuest();
  const fromStep = guest.step;
  await runner.runToStep(fromStep + STEPS_MAX);
  const sha256 = memoryDigest(guest);
  const { step, checksum } = guest;
  const end = runner.isFinished ? 'the end of its trace' : `access ${formatCount(step)}`;
  return new DestinationLostError(
    `${reason} ${when}, ${formatCount(session.pagesSent)} pages sent; the guest is intact on the ` +
      `source: it went on from access ${formatCount(fromStep)} to ${end} ` +
      `(sha256 ${sha256.slice(0, 16)})`,
    { fromStep, step, sha256, checksum },
  );
}
