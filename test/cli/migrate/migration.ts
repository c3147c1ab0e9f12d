/**
 * Migrations for tests: a made-up trace, both sides in this process, and ways to disturb the stream
 * between them.
 */
import { duplexPair, Transform } from 'node:stream';
import { memoryDigest } from '../../../src/cli/migrate/digest.js';
import { Guest } from '../../../src/cli/migrate/guest/guest.js';
import { Runner } from '../../../src/cli/migrate/guest/runner.js';
import { DEFAULT_MODEL } from '../../../src/cli/migrate/model.js';
import { silentProgress } from '../../../src/cli/migrate/progress.js';
import {
  type MigrationOutcome,
  type MigrationPlan,
  migrate,
} from '../../../src/cli/migrate/source/source.js';
import { HeatMap } from '../../../src/cli/migrate/timeline/heat-map.js';
import { TraceReader } from '../../../src/cli/migrate/trace/reader.js';
import { scanTrace } from '../../../src/cli/migrate/trace/scan.js';
import {
  type Destination,
  localDestination,
} from '../../../src/cli/migrate/transport/destinations.js';
import { takeOver } from '../../../src/cli/migrate/transport/takeover.js';
import { Channel } from '../../../src/cli/migrate/wire/channel.js';
import { encodeHeader, FrameDecoder, FrameType } from '../../../src/cli/migrate/wire/frame.js';
import type { Mode } from '../../../src/cli/migrate/wire/messages.js';

/** What a test may choose; the rest is usual. */
export interface Choices {
  readonly mode: Mode;
  readonly vcpus?: number;
  readonly destination?: Destination;
  readonly onRound?: (round: number) => void;
}

/** Migrates the guest of a trace file, in this process unless a destination is given. */
export async function migrateTrace(path: string, choices: Choices): Promise<MigrationOutcome> {
  const trace = { path, allowTruncated: false };
  const summary = await scanTrace(trace);
  const plan: MigrationPlan = {
    mode: choices.mode,
    vcpus: choices.vcpus ?? 1,
    startStep: Math.floor(summary.accesses / 3),
    model: DEFAULT_MODEL,
    limits: { dirtyLimitPages: 8, maxRounds: 6 },
  };
  const destination = choices.destination ?? localDestination(path);
  const { channel } = destination;
  const watch = choices.onRound ? { onRound: choices.onRound } : {};
  try {
    return await migrate(plan, { trace, summary, channel, progress: silentProgress, ...watch });
  } finally {
    await destination.close();
  }
}

/** The guest's memory and sum after the trace was played with nobody watching. */
export async function playUndisturbed(path: string): Promise<{ sha256: string; checksum: number }> {
  const trace = { path, allowTruncated: false };
  const { layout } = await scanTrace(trace);
  const guest = new Guest(layout, { name: 'undisturbed', vcpus: 1 });
  const reader = await TraceReader.open(trace);
  const heat = new HeatMap(layout, 1000);
  const runner = new Runner({ guest, reader, heat, model: DEFAULT_MODEL });
  await runner.runToStep(Number.POSITIVE_INFINITY);
  return { sha256: memoryDigest(guest), checksum: guest.checksum };
}

/** A destination in this process behind a relay that changes one page whenever it is sent. */
export function relayedDestination(
  path: string,
  address: number,
  change: (page: Buffer) => void,
): Destination {
  const [ours, relayIn] = duplexPair();
  const [relayOut, theirs] = duplexPair();
  const decoder = new FrameDecoder();
  const changing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      for (const { type, payload } of decoder.push(chunk)) {
        const isVictim = type === FrameType.PAGE && payload.readDoubleLE(0) === address;
        const copy = Buffer.from(payload);
        if (isVictim) change(copy.subarray(8));
        this.push(Buffer.concat([encodeHeader(type, copy.length), copy]));
      }
      done();
    },
  });
  relayIn.pipe(changing).pipe(relayOut);
  relayOut.pipe(relayIn);
  const channel = new Channel(ours, 'destination');
  const over = takeOver(new Channel(theirs, 'source'), path).catch((error: unknown) => error);
  return {
    channel,
    transport: 'relayed',
    async close() {
      await channel.end();
      await over;
    },
  };
}
