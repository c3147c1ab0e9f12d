/**
 * The source of a migration from beginning to end: describes the guest to the destination, lets it
 * run for a while, hands it over by the strategy of the mode, serves what is left, compares, and
 * puts the result together. When the destination is lost on the way, the guest stays here.
 */
import { basename } from 'node:path';
import { FailedError } from '../../exit.js';
import { Guest } from '../guest/guest.js';
import { Runner } from '../guest/runner.js';
import type { TimeModel } from '../model.js';
import type { Progress } from '../progress.js';
import { type MigrationResult, totalsOf, type Verification } from '../result.js';
import { FaultLog } from '../timeline/fault-log.js';
import { binNsFor, HeatMap } from '../timeline/heat-map.js';
import { mergeTimelines, type Timeline } from '../timeline/timeline.js';
import { TraceReader, type TraceSource } from '../trace/reader.js';
import type { TraceSummary } from '../trace/scan.js';
import type { Channel } from '../wire/channel.js';
import { FrameType } from '../wire/frame.js';
import { type Hello, jsonPayload, type Mode } from '../wire/messages.js';
import { addPostcopyRound, type Done, parseDone } from './done.js';
import { rescueGuest } from './rescue.js';
import { serveUntilDone } from './serve.js';
import { type PrecopyLimits, SourceSession } from './session.js';
import { strategyOf } from './strategies.js';
import { verify } from './verify.js';

/** The destination reads its trace file once before it is ready: a large one takes a while. */
const READY_MS = 60_000;

/** How to migrate. */
export interface MigrationPlan {
  readonly mode: Mode;
  readonly vcpus: number;
  /** The migration begins before this access. */
  readonly startStep: number;
  readonly model: TimeModel;
  readonly limits: PrecopyLimits;
}

/** What to migrate, over what, and who watches. */
export interface SourceParts {
  readonly trace: TraceSource;
  readonly summary: TraceSummary;
  readonly channel: Channel;
  readonly progress: Progress;
  /** Called when a round begins. */
  readonly onRound?: (round: number) => void;
}

/** What a migration gives: the result, and what only the report shows. */
export interface MigrationOutcome {
  readonly result: Omit<MigrationResult, 'wall'>;
  readonly timeline: Timeline;
}

/** Migrates; throws a DestinationLostError when the destination cannot be reached any more. */
export async function migrate(plan: MigrationPlan, parts: SourceParts): Promise<MigrationOutcome> {
  const { summary, trace } = parts;
  const guest = new Guest(summary.layout, { name: 'source', vcpus: plan.vcpus });
  const reader = await TraceReader.open(trace);
  try {
    return await new Source(plan, parts, { guest, reader }).run();
  } finally {
    await reader.close();
    guest.close();
  }
}

class Source {
  readonly #plan: MigrationPlan;
  readonly #parts: SourceParts;
  readonly #guest: Guest;
  readonly #runner: Runner;
  readonly #heat: HeatMap;
  readonly #wpFaults = new FaultLog();
  readonly #session: SourceSession;
  /** What the guest plays for while no pages are sent. */
  #playing: string | undefined;

  constructor(
    plan: MigrationPlan,
    parts: SourceParts,
    side: { guest: Guest; reader: TraceReader },
  ) {
    this.#plan = plan;
    this.#parts = parts;
    this.#guest = side.guest;
    this.#heat = new HeatMap(side.guest.layout, this.#binNs);
    this.#runner = new Runner({
      ...side,
      model: plan.model,
      heat: this.#heat,
      onBatch: () => this.#showPlaying(),
    });
    this.#session = new SourceSession({
      guest: side.guest,
      runner: this.#runner,
      model: plan.model,
      limits: plan.limits,
      channel: parts.channel,
      progress: parts.progress,
      accesses: parts.summary.accesses,
      wpFaults: this.#wpFaults,
      onRound: parts.onRound,
    });
  }

  async run(): Promise<MigrationOutcome> {
    const { channel } = this.#parts;
    try {
      channel.send(FrameType.HELLO, jsonPayload(this.#hello()));
      this.#playing = 'before';
      await this.#runner.runToStep(this.#plan.startStep);
      this.#playing = undefined;
      await channel.expect(FrameType.READY, READY_MS);
      const startedAtNs = this.#runner.nowNs;
      const lacking = await strategyOf(this.#plan.mode).handOver(this.#session);
      const payload = await serveUntilDone(this.#session, lacking);
      const done = parseDone(payload);
      addPostcopyRound(this.#session, lacking.length, done);
      this.#playing = 'comparing';
      const verification = await verify(this.#session, done);
      channel.send(FrameType.RESULT, jsonPayload({ verified: verification.verified }));
      return this.#outcome(startedAtNs, done, verification);
    } catch (error) {
      throw error instanceof FailedError ? await rescueGuest(this.#session, error.message) : error;
    }
  }

  #showPlaying(): void {
    const { progress, summary } = this.#parts;
    if (this.#playing === undefined) return;
    const { step } = this.#guest;
    progress.update({ label: this.#playing, done: step, total: summary.accesses });
  }

  get #binNs(): number {
    return binNsFor(this.#parts.summary.accesses, this.#plan.model.accessNs);
  }

  #hello(): Hello {
    const { summary, trace } = this.#parts;
    return {
      mode: this.#plan.mode,
      traceSha256: summary.sha256,
      allowTruncated: trace.allowTruncated,
      ranges: summary.layout.ranges,
      vcpus: this.#plan.vcpus,
      model: this.#plan.model,
      binNs: this.#binNs,
    };
  }

  #outcome(startedAtNs: number, done: Done, verification: Verification): MigrationOutcome {
    const { summary, trace } = this.#parts;
    const { rounds, handover } = this.#session;
    const result: MigrationOutcome['result'] = {
      format: 'uffd-emulator migration',
      version: 1,
      mode: this.#plan.mode,
      outcome: verification.verified ? 'verified' : 'mismatch',
      trace: {
        file: basename(trace.path),
        sha256: summary.sha256,
        accesses: summary.accesses,
        loads: summary.loads,
        stores: summary.stores,
        modifies: summary.modifies,
        instructionFetchesIgnored: summary.fetches,
        otherLinesIgnored: summary.foreignLines,
        pages: summary.layout.pages,
        mappings: summary.layout.ranges.length,
      },
      vcpus: this.#plan.vcpus,
      model: this.#plan.model,
      handover: {
        startedAtStep: this.#plan.startStep,
        step: handover?.step ?? 0,
        stoppedAtNs: handover?.stoppedAtNs ?? 0,
        resumedAtNs: handover?.resumeAtNs ?? 0,
      },
      rounds,
      totals: totalsOf({
        rounds,
        wp: this.#wpFaults,
        missing: done.faults,
        startedAtNs,
        guestFinishedAtNs: done.finishedAtNs,
      }),
      verification,
    };
    const faults = [this.#wpFaults, done.faults];
    return { result, timeline: mergeTimelines(this.#heat, done.heat, faults, startedAtNs) };
  }
}
