/**
 * What the strategies of the source share: the guest with its clock, the link in both its forms
 * (virtual time and the real stream), and the rows that they fill. Sends pages while the guest runs
 * or while it is stopped. Does not decide which pages, nor when to stop.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Guest } from '../guest/guest.js';
import type { Runner } from '../guest/runner.js';
import { Link, PAGE_WIRE_BYTES, type TimeModel, ZERO_WIRE_BYTES } from '../model.js';
import type { Progress } from '../progress.js';
import type { Round, RoundKind } from '../result.js';
import type { FaultLog } from '../timeline/fault-log.js';
import type { Channel } from '../wire/channel.js';
import { FrameType } from '../wire/frame.js';
import { addressPayload, type Handover, jsonPayload } from '../wire/messages.js';
import { DirtyTracker } from './tracker.js';

/** So many pages go out before the event loop has a turn, which is how a dead peer is noticed. */
const PAGES_PER_TURN = 32;

/** How far a pre-copy goes. */
export interface PrecopyLimits {
  /** A dirty set of at most this many pages is small: stop and send it. */
  readonly dirtyLimitPages: number;
  /** Stop after this many rounds, however large the dirty set is. */
  readonly maxRounds: number;
}

/** What a session is made of. */
export interface SessionParts {
  readonly guest: Guest;
  readonly runner: Runner;
  readonly model: TimeModel;
  readonly channel: Channel;
  readonly wpFaults: FaultLog;
  readonly progress: Progress;
  readonly limits: PrecopyLimits;
  /** How long the trace is. */
  readonly accesses: number;
  /** Called when a round begins. */
  readonly onRound: ((round: number) => void) | undefined;
}

/** What a row needs beside what the session counts itself. */
export interface RoundFacts {
  readonly kind: RoundKind;
  readonly startNs: number;
  readonly endNs: number;
  readonly pagesDirtied: number;
  readonly downtimeNs: number;
}

/** One migration, seen from its source. */
export class SourceSession {
  readonly rounds: Round[] = [];
  readonly link: Link;
  handover: Handover | undefined;
  #tracker: DirtyTracker | undefined;
  #pagesSent = 0;
  #zeroPages = 0;
  #bytesBefore = 0;
  #faultsBefore = 0;
  #stallBefore = 0;

  constructor(readonly parts: SessionParts) {
    this.link = new Link(parts.model);
  }

  /** How many pages have gone out in all. */
  get pagesSent(): number {
    return this.rounds.reduce((sum, round) => sum + round.pagesSent, this.#pagesSent);
  }

  /** Starts to track which pages the guest writes to. */
  track(): DirtyTracker {
    this.#tracker = new DirtyTracker({ ...this.parts, log: this.parts.wpFaults });
    return this.#tracker;
  }

  /** Takes every hand off the guest: it runs as if there had never been a migration. */
  releaseGuest(): void {
    this.#tracker?.stop();
    this.#tracker = undefined;
  }

  /** Begins a row: what is sent from here on counts for it. */
  beginRound(): void {
    this.#pagesSent = 0;
    this.#zeroPages = 0;
    this.#bytesBefore = this.link.bytes;
    this.#faultsBefore = this.parts.wpFaults.total;
    this.#stallBefore = this.parts.wpFaults.stallNs;
    this.parts.onRound?.(this.rounds.length + 1);
  }

  /** Ends a row. */
  endRound(facts: RoundFacts): void {
    const { wpFaults } = this.parts;
    this.rounds.push({
      round: this.rounds.length + 1,
      kind: facts.kind,
      pagesSent: this.#pagesSent,
      zeroPages: this.#zeroPages,
      pagesDirtied: facts.pagesDirtied,
      faults: wpFaults.total - this.#faultsBefore,
      bytes: this.link.bytes - this.#bytesBefore,
      startNs: facts.startNs,
      endNs: facts.endNs,
      stalledNs: wpFaults.stallNs - this.#stallBefore,
      downtimeNs: facts.downtimeNs,
    });
  }

  /** Sends pages while the guest runs: each is read when the link is ready for it. */
  async sendLive(pages: readonly number[], label: string): Promise<void> {
    const { runner, progress } = this.parts;
    const beginNs = runner.nowNs; // from here on the link is never idle, even when the guest stalls
    for (const [index, page] of pages.entries()) {
      await runner.runUntil(this.link.freeAtNs);
      this.link.send(this.sendPage(page), beginNs);
      if (index % PAGES_PER_TURN === 0) await this.#breathe();
      progress.update({ label, done: index + 1, total: pages.length, nowNs: runner.nowNs });
    }
    await runner.runUntil(this.link.freeAtNs);
    await this.#breathe();
  }

  /** Sends pages while the guest is stopped. */
  async sendStopped(pages: readonly number[]): Promise<void> {
    const { runner, progress } = this.parts;
    for (const [index, page] of pages.entries()) {
      this.link.send(this.sendPage(page), runner.nowNs);
      if (index % PAGES_PER_TURN === 0) await this.#breathe();
      progress.update({
        label: 'stopped',
        done: index + 1,
        total: pages.length,
        nowNs: this.link.freeAtNs,
      });
    }
  }

  /** Puts a page on the stream as it is now; returns the bytes that it takes on the wire. */
  sendPage(page: number): number {
    const { guest, channel } = this.parts;
    const bytes = guest.readPage(page);
    const address = addressPayload([guest.layout.addressOf(page)]);
    this.#pagesSent++;
    if (bytes.every((byte) => byte === 0)) {
      this.#zeroPages++;
      channel.send(FrameType.ZERO, address);
      return ZERO_WIRE_BYTES;
    }
    channel.send(FrameType.PAGE, address, bytes);
    return PAGE_WIRE_BYTES;
  }

  /** Hands the stopped guest over; returns when it goes on at the destination. */
  sendHandover(pagesToCome: number): Handover {
    const { guest, runner, model, channel } = this.parts;
    const sentNs = this.link.send(model.stateBytes, runner.nowNs);
    const handover: Handover = {
      step: guest.step,
      checksum: guest.checksum,
      stoppedAtNs: runner.nowNs,
      resumeAtNs: sentNs + model.latencyNs,
      pagesToCome,
    };
    channel.send(FrameType.HANDOVER, jsonPayload(handover));
    this.handover = handover;
    return handover;
  }

  async #breathe(): Promise<void> {
    await this.parts.channel.drained();
    await nextTurn();
    if (this.parts.channel.failure) throw this.parts.channel.failure;
  }
}
