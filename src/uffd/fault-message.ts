/**
 * One fault in the queues: the message that a reader gets and the sleep of the thread behind it.
 * Lives from the fault to the wake-up; a thread that faults again has a new one.
 */

import { Wait, type WaitReason } from '../base/op.js';
import type { UffdFault } from '../mm/uffd-port.js';

const RESOLUTIONS = {
  missing: 'UFFDIO_COPY, UFFDIO_ZEROPAGE or UFFDIO_MOVE of the page',
  minor: 'UFFDIO_CONTINUE of the page',
  wp: 'UFFDIO_WRITEPROTECT without MODE_WP',
  rwp: 'UFFDIO_RWPROTECT without MODE_RWP',
} as const;

/** What a message is made of. */
export interface FaultMessageInit {
  readonly flags: number;
  /** What the message says and what wake-ups compare: page-masked unless EXACT_ADDRESS. */
  readonly address: number;
  readonly ptid: number;
  readonly fault: UffdFault;
  /** Name of the userfaultfd. */
  readonly context: string;
}

/** Why a thread sleeps in a fault. */
export class FaultWait implements WaitReason {
  readonly kind = 'fault';

  constructor(
    readonly fault: UffdFault,
    readonly context: string,
  ) {}

  describe(): string {
    const { fault } = this;
    return (
      `${fault.faulter.name} waits in a ${fault.reason} fault on a ` +
      `${fault.write ? 'write' : 'read'} at 0x${fault.addr.toString(16)} of ${this.context}; ` +
      `${RESOLUTIONS[fault.reason]} would resolve it`
    );
  }
}

/** A fault that was queued. */
export class FaultMessage {
  readonly flags: number;
  readonly address: number;
  readonly ptid: number;
  readonly wait: Wait;
  /** A reader took the message. */
  wasRead = false;
  /** Number of its trace events; 0 while nobody traces. */
  serial = 0;
  /** Woken: the thread must look again. */
  ended = false;

  constructor(init: FaultMessageInit) {
    this.flags = init.flags;
    this.address = init.address;
    this.ptid = init.ptid;
    this.wait = new Wait(new FaultWait(init.fault, init.context));
    // A signal ends the sleep of a user-mode fault: the access repeats with a new message.
    if (init.fault.userMode) this.wait.onSignal = () => this.end();
  }

  /** Lets the thread go on. */
  end(): void {
    this.ended = true;
    this.wait.wake();
  }
}
