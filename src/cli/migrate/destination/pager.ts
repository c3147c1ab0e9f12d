/**
 * Post-copy at the destination: a missing fault names a page, the page is asked of the source and
 * installed, the thread goes on; between faults the other pages arrive one by one. What arrives
 * when is decided by the virtual link alone: the source is pulled in small batches (its send
 * queue), so a slow or fast socket changes nothing.
 */

import type { FaultPendingError } from '../../../machine/errors.js';
import { FailedError } from '../../exit.js';
import type { Guest } from '../guest/guest.js';
import type { FaultHandler, Runner } from '../guest/runner.js';
import { Link, PAGE_WIRE_BYTES, type TimeModel, ZERO_WIRE_BYTES } from '../model.js';
import type { FaultLog } from '../timeline/fault-log.js';
import type { Channel } from '../wire/channel.js';
import { type Frame, FrameType } from '../wire/frame.js';
import { addressPayload, jsonPayload, numberIn, parseJson, parsePage } from '../wire/messages.js';
import type { PageContent, PageStore } from './store.js';

/** What a pager works with. */
export interface PagerParts {
  readonly guest: Guest;
  readonly runner: Runner;
  readonly store: PageStore;
  readonly model: TimeModel;
  readonly channel: Channel;
  readonly faults: FaultLog;
}

interface PageInFlight {
  readonly page: number;
  readonly content: PageContent;
  readonly arrivesAtNs: number;
}

/** Fetches the pages that a guest lacks. */
export class Pager implements FaultHandler {
  readonly link: Link;
  zeroPages = 0;
  pagesReceived = 0;
  /** When the last page so far was installed. */
  lastArrivalNs = 0;
  readonly #parts: PagerParts;
  #pagesLeft: number;
  #inFlight: PageInFlight[] = [];

  /** So many pages are to come; the link is free from `freeAtNs` on. */
  constructor(parts: PagerParts, options: { pagesToCome: number; freeAtNs: number }) {
    this.#parts = parts;
    this.#pagesLeft = options.pagesToCome;
    this.link = new Link(parts.model);
    this.link.freeAtNs = options.freeAtNs;
    parts.runner.handler = this;
  }

  /** Whether every page has been installed. */
  get isComplete(): boolean {
    return this.#pagesLeft === 0 && this.#inFlight.length === 0;
  }

  /** When the next page arrives by itself. Pulls a batch when none is on its way. */
  async nextArrivalNs(): Promise<number> {
    if (this.#inFlight.length === 0 && this.#pagesLeft > 0) await this.#pull();
    return this.#inFlight[0]?.arrivesAtNs ?? Number.POSITIVE_INFINITY;
  }

  /** Installs what has arrived by now. */
  installArrived(nowNs: number): void {
    while (this.#inFlight[0] && this.#inFlight[0].arrivesAtNs <= nowNs) {
      const { page, content, arrivesAtNs } = this.#inFlight.shift()!;
      this.#parts.store.install(page, content);
      this.lastArrivalNs = arrivesAtNs;
    }
  }

  /** Lets the faulting thread sleep on its page, fetches the page, and wakes the thread with it. */
  async settle(fault: FaultPendingError | undefined): Promise<number> {
    if (!fault) return 0;
    const { store, guest, model, runner, faults } = this.#parts;
    const access = guest.sleepOn(fault);
    const msg = store.uffd.readMsgSync();
    if (msg?.event !== 'pagefault') throw new Error('a fault without a message');
    const page = guest.layout.indexOf(msg.page);
    if (page === undefined) throw new Error(`fault outside the guest at ${msg.page}`);
    const arrivesAtNs = await this.#fetch(page);
    this.installArrived(arrivesAtNs);
    await access;
    const stallNs = arrivesAtNs - runner.nowNs + model.missingFaultNs;
    const vcpu = guest.vcpuName(msg.ptid);
    faults.add({ kind: 'missing', atNs: runner.nowNs, page, isWrite: msg.write, vcpu, stallNs });
    return stallNs;
  }

  /** Makes sure that a page is on its way; returns when it arrives. */
  async #fetch(page: number): Promise<number> {
    const { channel, guest, runner, model } = this.#parts;
    const onItsWay = this.#inFlight.find((item) => item.page === page);
    if (onItsWay) return Math.max(onItsWay.arrivesAtNs, runner.nowNs);
    channel.send(FrameType.REQUEST, addressPayload([guest.layout.addressOf(page)]));
    return this.#accept(await channel.receive(), runner.nowNs + model.latencyNs);
  }

  async #pull(): Promise<void> {
    const { channel, model } = this.#parts;
    channel.send(FrameType.PULL, jsonPayload({ pages: model.queuePages }));
    for (;;) {
      const frame = await channel.receive();
      if (frame.type === FrameType.PUSHED) {
        this.#checkLeft(numberIn(parseJson(frame.payload), 'left'));
        return;
      }
      this.#accept(frame, this.link.freeAtNs);
    }
  }

  /** Takes a page off the stream; the source has it ready at a time; returns when it arrives. */
  #accept(frame: Frame, readyNs: number): number {
    const { channel, guest, model } = this.#parts;
    if (frame.type !== FrameType.PAGE && frame.type !== FrameType.ZERO) {
      throw channel.unexpected(frame);
    }
    const { page, bytes } = parsePage(frame.payload, guest.layout);
    const wireBytes = bytes ? PAGE_WIRE_BYTES : ZERO_WIRE_BYTES;
    const arrivesAtNs = this.link.send(wireBytes, readyNs) + model.latencyNs;
    this.#inFlight.push({ page, content: bytes, arrivesAtNs });
    this.#pagesLeft--;
    this.pagesReceived++;
    if (!bytes) this.zeroPages++;
    return arrivesAtNs;
  }

  #checkLeft(left: number): void {
    if (left === this.#pagesLeft) return;
    throw new FailedError(
      `the source has ${left} pages left, the destination lacks ${this.#pagesLeft}`,
    );
  }
}
