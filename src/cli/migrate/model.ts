/**
 * Virtual time: what each thing costs in nanoseconds. The emulated kernel has no clock, so the tool
 * keeps one: it moves with the guest's accesses, with the bytes on the link and with the faults,
 * and never with the machine that runs it. Hence the same trace and options give the same result.
 * The costs of faults are medians measured with Linux 6.18 on a small cloud machine.
 */
import { FRAME_HEADER_BYTES } from './wire/frame.js';

/** The constants of one migration; both sides use the same ones. */
export interface TimeModel {
  /** One access of the guest: 2 ns, about 2.2 instructions of the recorded program. */
  readonly accessNs: number;
  /** The link's rate in bytes per nanosecond: 1.25 is 10 Gbit/s. */
  readonly linkBytesPerNs: number;
  /** From the last byte sent to the last byte there, one way. */
  readonly latencyNs: number;
  /** A write-protection fault: trap, message, UFFDIO_WRITEPROTECT, wake. */
  readonly wpFaultNs: number;
  /** The kernel's part of a missing fault: trap, message, UFFDIO_COPY, wake. */
  readonly missingFaultNs: number;
  /** Write-protecting one page again with UFFDIO_WRITEPROTECT. */
  readonly armPageNs: number;
  /** What a virtual CPU and its devices weigh on the wire at the handover. */
  readonly stateBytes: number;
  /** Pages that the source hands to its socket at once; an urgent page waits behind them. */
  readonly queuePages: number;
}

/** What a migration is computed with unless options say otherwise. */
export const DEFAULT_MODEL: TimeModel = {
  accessNs: 2,
  linkBytesPerNs: 1.25,
  latencyNs: 15_000,
  wpFaultNs: 4_100,
  missingFaultNs: 3_900,
  armPageNs: 30,
  stateBytes: 16_384,
  queuePages: 8,
};

/** Bytes on the wire of a page with its header and address, and of one that is all zero. */
export const PAGE_WIRE_BYTES = FRAME_HEADER_BYTES + 8 + 4096;
export const ZERO_WIRE_BYTES = FRAME_HEADER_BYTES + 8;

/** One direction of the link in virtual time: it carries one thing after the other. */
export class Link {
  /** When the link has sent what it was given. */
  freeAtNs = 0;
  /** What it carried so far. */
  bytes = 0;

  constructor(readonly model: TimeModel) {}

  /** Sends so many bytes at the earliest at `readyNs`; returns when the last one is sent. */
  send(bytes: number, readyNs: number): number {
    this.freeAtNs = Math.max(this.freeAtNs, readyNs) + this.transferNs(bytes);
    this.bytes += bytes;
    return this.freeAtNs;
  }

  /** How long so many bytes occupy the link, in whole nanoseconds. */
  transferNs(bytes: number): number {
    return Math.ceil(bytes / this.model.linkBytesPerNs);
  }
}
