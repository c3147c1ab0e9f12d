import { describe, expect, test } from 'vitest';
import { MODES } from '../../../src/cli/migrate/wire/messages.js';
import { TestFolder, traceText } from '../trace-file.js';
import { migrateTrace, playUndisturbed, relayedDestination } from './migration.js';

const folder = new TestFolder();
const path = folder.write('trace', traceText({ accesses: 60_000, pages: 200 }));

describe.each(MODES)('%s', (mode) => {
  test('leaves the destination with the memory that the guest would have had', async () => {
    const { result } = await migrateTrace(path, { mode });
    const { sha256, checksum } = await playUndisturbed(path);
    expect(result.outcome).toBe('verified');
    expect(result.verification).toEqual({
      verified: true,
      pages: result.trace.pages,
      mismatches: [],
      sha256: { source: sha256, destination: sha256 },
      loadChecksum: { source: checksum, destination: checksum },
    });
  });

  test('gives the same result and timeline each time', async () => {
    const first = await migrateTrace(path, { mode });
    const second = await migrateTrace(path, { mode });
    expect(JSON.stringify(second)).toBe(JSON.stringify(first));
  });

  test('deals the trace to several threads without changing it', async () => {
    const one = await migrateTrace(path, { mode });
    const three = await migrateTrace(path, { mode, vcpus: 3 });
    expect(three.result.verification).toEqual(one.result.verification);
    const threads = new Set(three.timeline.faults.map(({ vcpu }) => vcpu));
    expect([...threads].sort()).toEqual(['vcpu0', 'vcpu1', 'vcpu2']);
  });

  test('counts every fault that the timeline shows', async () => {
    const { result, timeline } = await migrateTrace(path, { mode });
    const { wpFaults, missingFaults } = result.totals;
    const count = (kind: string) => timeline.faults.filter((fault) => fault.kind === kind).length;
    expect([count('wp'), count('missing')]).toEqual([wpFaults, missingFaults]);
    expect(timeline.faultsTotal).toBe(wpFaults + missingFaults);
    expect(timeline.heat.rows.flat().reduce((a, b) => a + b, 0)).toBe(result.trace.accesses);
  });

  test('names the page that differs when its bytes are changed on their way', async () => {
    const victim = 0x4a00_0000 + 170 * 4096;
    const destination = relayedDestination(path, victim, (page) => {
      page[2048] = ~page[2048]!;
    });
    const { result } = await migrateTrace(path, { mode, destination });
    expect(result.outcome).toBe('mismatch');
    expect(result.verification.verified).toBe(false);
    expect(result.verification.mismatches).toEqual([`0x${victim.toString(16)}`]);
  });
});

describe('precopy', () => {
  test('sends rounds until the dirty set is small, then the rest while stopped', async () => {
    const { result } = await migrateTrace(path, { mode: 'precopy' });
    const { rounds, totals } = result;
    expect(rounds.at(-1)?.kind).toBe('stop');
    expect(rounds.slice(0, -1).every(({ kind }) => kind === 'live')).toBe(true);
    expect(rounds[0]?.pagesSent).toBe(result.trace.pages);
    for (const [index, round] of rounds.slice(1).entries()) {
      expect(round.pagesSent).toBe(rounds[index]?.pagesDirtied);
    }
    expect(totals.wpFaults).toBe(rounds.reduce((sum, round) => sum + round.pagesDirtied, 0));
    expect(totals.missingFaults).toBe(0);
    expect(totals.downtimeNs).toBe(rounds.at(-1)?.downtimeNs);
  });
});

describe('postcopy', () => {
  test('hands over before any page and sends each page once', async () => {
    const { result } = await migrateTrace(path, { mode: 'postcopy' });
    const [stop, postcopy] = result.rounds;
    expect([stop?.kind, stop?.pagesSent]).toEqual(['stop', 0]);
    expect(postcopy?.pagesSent).toBe(result.trace.pages);
    expect(result.handover.step).toBe(result.handover.startedAtStep);
    expect(result.totals.missingFaults).toBeGreaterThan(0);
    expect(result.totals.wpFaults).toBe(0);
  });

  test('holds the guest up until its page has come over the link', async () => {
    const { result, timeline } = await migrateTrace(path, { mode: 'postcopy' });
    const { latencyNs, missingFaultNs } = result.model;
    const first = timeline.faults[0];
    expect(first?.stallNs).toBeGreaterThan(missingFaultNs);
    expect(result.totals.longestStallNs).toBeGreaterThan(2 * latencyNs);
  });
});

describe('hybrid', () => {
  test('sends once what was written after the first round', async () => {
    const { result } = await migrateTrace(path, { mode: 'hybrid' });
    const [live, stop, postcopy] = result.rounds;
    expect(result.rounds.map(({ kind }) => kind)).toEqual(['live', 'stop', 'postcopy']);
    expect(live?.pagesSent).toBe(result.trace.pages);
    expect(stop?.pagesSent).toBe(0);
    expect(postcopy?.pagesSent).toBe(live?.pagesDirtied);
    expect(result.totals.missingFaults).toBeGreaterThan(0);
  });
});
