/**
 * The destination of a migration: maps the guest as the source describes it, takes its pages, and
 * after the handover plays the rest of the trace itself, fetching what it lacks. Ends when the
 * source has said how the two memories compare. Speaks to the source only through the channel.
 */
import { InputError } from '../../exit.js';
import { memoryDigest, pageDigests } from '../digest.js';
import { Guest } from '../guest/guest.js';
import { Runner } from '../guest/runner.js';
import { FaultLog } from '../timeline/fault-log.js';
import { HeatMap } from '../timeline/heat-map.js';
import { fileSha256 } from '../trace/fingerprint.js';
import { TraceReader } from '../trace/reader.js';
import type { Channel } from '../wire/channel.js';
import { FrameType } from '../wire/frame.js';
import {
  type Handover,
  type Hello,
  jsonPayload,
  layoutIn,
  parseHandover,
  parseHello,
  parseJson,
  parsePage,
  parsePages,
} from '../wire/messages.js';
import { Pager } from './pager.js';
import { PageStore } from './store.js';

/** A sign of life goes to the source about this often. */
const PROGRESS_MS = 250;

/** What the destination tells of its part in the migration. */
export interface DestinationReport {
  readonly pages: number;
  readonly missingFaults: number;
  readonly verified: boolean;
}

/** Takes one guest over; `tracePath` is the destination's own copy of the trace. */
export async function runDestination(
  channel: Channel,
  tracePath: string,
): Promise<DestinationReport> {
  const hello = parseHello((await channel.expect(FrameType.HELLO)).payload);
  if ((await fileSha256(tracePath)) !== hello.traceSha256) {
    throw new InputError(
      `${tracePath}: the destination's trace is another one; give both the same`,
    );
  }
  const { allowTruncated } = hello;
  const reader = await TraceReader.open({ path: tracePath, allowTruncated });
  const guest = new Guest(layoutIn(hello), { name: 'destination', vcpus: hello.vcpus });
  try {
    return await new Destination(channel, hello, { guest, reader }).run();
  } finally {
    await reader.close();
    guest.close();
  }
}

class Destination {
  readonly #channel: Channel;
  readonly #hello: Hello;
  readonly #guest: Guest;
  readonly #store: PageStore;
  readonly #runner: Runner;
  readonly #heat: HeatMap;
  readonly #faults = new FaultLog();
  #lastProgressMs = 0;

  constructor(channel: Channel, hello: Hello, parts: { guest: Guest; reader: TraceReader }) {
    this.#channel = channel;
    this.#hello = hello;
    this.#guest = parts.guest;
    this.#store = new PageStore(parts.guest);
    this.#heat = new HeatMap(parts.guest.layout, hello.binNs);
    this.#runner = new Runner({
      ...parts,
      model: hello.model,
      heat: this.#heat,
      onBatch: () => this.#showLife(),
    });
  }

  async run(): Promise<DestinationReport> {
    this.#channel.send(FrameType.READY);
    const handover = await this.#receivePages();
    this.#guest.checksum = handover.checksum;
    this.#runner.nowNs = handover.resumeAtNs;
    await this.#runner.skipToStep(handover.step);
    const pager = await this.#runGuest(handover);
    this.#store.close();
    this.#channel.send(
      FrameType.DONE,
      jsonPayload({
        sha256: memoryDigest(this.#guest),
        checksum: this.#guest.checksum,
        finishedAtNs: this.#runner.finishedAtNs,
        completeAtNs: pager.lastArrivalNs,
        bytes: pager.link.bytes,
        pages: pager.pagesReceived,
        zeroPages: pager.zeroPages,
        faults: this.#faults,
        heat: this.#heat.toData(),
      }),
    );
    const verified = await this.#awaitResult();
    return { pages: this.#guest.layout.pages, missingFaults: this.#faults.total, verified };
  }

  async #receivePages(): Promise<Handover> {
    const { layout } = this.#guest;
    for (;;) {
      const frame = await this.#channel.receive();
      if (frame.type === FrameType.HANDOVER) return parseHandover(frame.payload);
      if (frame.type === FrameType.PAGE || frame.type === FrameType.ZERO) {
        const { page, bytes } = parsePage(frame.payload, layout);
        this.#store.put(page, bytes);
      } else if (frame.type === FrameType.DISCARD) {
        this.#store.discard(parsePages(frame.payload, layout));
      } else {
        throw this.#channel.unexpected(frame);
      }
    }
  }

  /** Plays the guest to its end while the pages that it lacks come in. */
  async #runGuest({ pagesToCome, resumeAtNs }: Handover): Promise<Pager> {
    const pager = new Pager(
      {
        guest: this.#guest,
        runner: this.#runner,
        store: this.#store,
        model: this.#hello.model,
        channel: this.#channel,
        faults: this.#faults,
      },
      { pagesToCome, freeAtNs: resumeAtNs - this.#hello.model.latencyNs },
    );
    const runner = this.#runner;
    while (!pager.isComplete || !runner.isFinished) {
      await runner.runUntil(await pager.nextArrivalNs());
      pager.installArrived(runner.nowNs);
    }
    return pager;
  }

  async #awaitResult(): Promise<boolean> {
    for (;;) {
      const frame = await this.#channel.receive();
      if (frame.type === FrameType.RESULT) {
        return parseJson(frame.payload)['verified'] === true;
      }
      if (frame.type !== FrameType.COMPARE) throw this.#channel.unexpected(frame);
      this.#channel.send(FrameType.PAGE_DIGESTS, pageDigests(this.#guest));
    }
  }

  async #showLife(): Promise<void> {
    const nowMs = performance.now();
    if (nowMs - this.#lastProgressMs < PROGRESS_MS) return;
    this.#lastProgressMs = nowMs;
    const { step } = this.#guest;
    this.#channel.send(FrameType.PROGRESS, jsonPayload({ step, nowNs: this.#runner.nowNs }));
    await this.#channel.drained();
  }
}
