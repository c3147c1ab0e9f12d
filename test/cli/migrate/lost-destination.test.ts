import { describe, expect, test } from 'vitest';
import { DestinationLostError } from '../../../src/cli/migrate/source/rescue.js';
import type { Destination } from '../../../src/cli/migrate/transport/destinations.js';
import { remoteDestination } from '../../../src/cli/migrate/transport/destinations.js';
import { takeOver } from '../../../src/cli/migrate/transport/takeover.js';
import { listen } from '../../../src/cli/migrate/transport/tcp.js';
import { MODES } from '../../../src/cli/migrate/wire/messages.js';
import { TestFolder, traceText } from '../trace-file.js';
import { migrateTrace, playUndisturbed } from './migration.js';

const folder = new TestFolder();
const path = folder.write('trace', traceText({ accesses: 60_000, pages: 200 }));

/** A destination over TCP in this process, and a way to cut its connection. */
async function tcpDestination(): Promise<{ destination: Destination; cut: () => void }> {
  const listening = await listen({ host: '127.0.0.1', port: 0 });
  const accepted = listening.accept();
  const destination = await remoteDestination(listening.address);
  const theirs = await accepted;
  const over = takeOver(theirs, path).catch((error: unknown) => error);
  return {
    cut: () => theirs.destroy(),
    destination: {
      ...destination,
      async close() {
        await destination.close();
        await over;
      },
    },
  };
}

async function lossOf(migration: Promise<unknown>): Promise<DestinationLostError> {
  const error: unknown = await migration.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof DestinationLostError) return error;
  throw error ?? new Error('the migration went through');
}

describe.each(MODES)('a destination that is lost during %s', (mode) => {
  test('leaves the guest intact at the source', async () => {
    const { destination, cut } = await tcpDestination();
    const lost = await lossOf(migrateTrace(path, { mode, destination, onRound: cut }));
    const { sha256, checksum } = await playUndisturbed(path);
    expect(lost.exitCode).toBe(1);
    expect(lost.guest).toMatchObject({ step: 60_000, sha256, checksum });
    expect(lost.message).toMatch(/^the destination .* the guest is intact on the source/);
  });
});

describe('a destination that is lost in a later round of precopy', () => {
  test('leaves no page protected', async () => {
    const { destination, cut } = await tcpDestination();
    const onRound = (round: number) => {
      if (round === 2) cut();
    };
    const lost = await lossOf(migrateTrace(path, { mode: 'precopy', destination, onRound }));
    expect(lost.message).toContain('in round 2');
    expect(lost.guest.fromStep).toBeGreaterThan(20_000);
    expect(lost.guest.sha256).toBe((await playUndisturbed(path)).sha256);
  });
});

describe('a destination with another trace', () => {
  test('refuses, and the source says what to do', async () => {
    const other = folder.write('other', traceText({ accesses: 100, pages: 3 }));
    const listening = await listen({ host: '127.0.0.1', port: 0 });
    const over = listening
      .accept()
      .then((channel) => takeOver(channel, other))
      .catch((error: unknown) => error);
    const destination = await remoteDestination(listening.address);
    await expect(migrateTrace(path, { mode: 'precopy', destination })).rejects.toMatchObject({
      exitCode: 2,
      message: `${other}: the destination's trace is another one; give both the same`,
    });
    await over;
  });
});
