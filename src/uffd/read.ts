/**
 * read(2) and poll(2) on a userfaultfd: faults before events, each first in, first out.
 * Reading a fault leaves its thread asleep; reading an event lets its operation go on.
 * Answers to: userfaultfd_ctx_read(), userfaultfd_poll().
 */

import { type Failure, fail, failed, type Result } from '../base/errno.js';
import { type Op, Wait, type WaitReason } from '../base/op.js';
import type { OpenFile } from '../file/open-file.js';
import type { UffdMsg } from '../uapi/msg.js';
import { POLLERR, POLLIN } from '../uapi/poll.js';
import { UffdContext } from './context.js';
import { type EventNotice, ForkNotice } from './event.js';
import { UffdFile } from './file.js';

/** Bytes of one message. */
export const MSG_SIZE = 32;

/** Who reads: a FORK message makes a descriptor there. */
export interface Reader {
  /** Name, for diagnosis. */
  readonly name: string;
  install(file: OpenFile): Result<number>;
}

/** Why a reader sleeps. */
export class ReadWait implements WaitReason {
  readonly kind = 'read';

  constructor(readonly context: UffdContext) {}

  describe(): string {
    return `a reader of ${this.context.name} waits for a message`;
  }
}

/** Why somebody sleeps in poll. */
export class PollWait implements WaitReason {
  readonly kind = 'poll';

  constructor(readonly context: UffdContext) {}

  describe(): string {
    return `poll waits until ${this.context.name} has a message`;
  }
}

/** Takes the next message without waiting; `undefined` when there is none. */
export function takeMessage(context: UffdContext, reader: Reader): Result<UffdMsg | undefined> {
  const fault = context.pending.shift();
  if (fault !== undefined) {
    context.waiting.push(fault);
    fault.wasRead = true;
    traceMessage(context, reader, 'pagefault', fault.serial);
    const { flags, address, ptid } = fault;
    return { event: 'pagefault', flags, address, ptid };
  }
  const notice = context.events[0];
  return notice === undefined ? undefined : takeEvent(context, notice, reader);
}

function traceMessage(
  context: UffdContext,
  { name: reader }: Reader,
  event: UffdMsg['event'],
  serial: number,
): void {
  const { trace } = context.mm.memory;
  if (!trace.active) return;
  const fault = serial === 0 ? undefined : serial;
  trace.emit({ kind: 'message', userfaultfd: context.name, reader, event, fault });
}

function takeEvent(context: UffdContext, notice: EventNotice, reader: Reader): Result<UffdMsg> {
  const msg = eventMessage(notice, reader);
  if (failed(msg)) return msg; // the event stays where it is
  context.events.shift();
  traceMessage(context, reader, notice.body.event, 0);
  notice.take();
  return msg;
}

function eventMessage(notice: EventNotice, reader: Reader): Result<UffdMsg> {
  const { body } = notice;
  if (body.event !== 'fork') return body;
  if (!(notice instanceof ForkNotice) || !(notice.childPort instanceof UffdContext)) {
    return fail('EIO', 'the event of a fork carries no context');
  }
  const fd = reader.install(new UffdFile(notice.childPort));
  if (failed(fd)) return fd;
  notice.childPort.name = `userfaultfd ${fd} (forked)`;
  return { event: 'fork', ufd: fd };
}

/** Takes the next message, waiting for one; EINTR when a signal ends the wait. */
export function* nextMessage(
  context: UffdContext,
  reader: Reader,
  blocking: boolean,
): Op<Result<UffdMsg>> {
  const early = notReady(context) ?? takeMessage(context, reader);
  if (early !== undefined) return early;
  if (!blocking) return fail('EAGAIN', 'no message is waiting');
  return yield* sleepForMessage(context, reader);
}

function* sleepForMessage(context: UffdContext, reader: Reader): Op<Result<UffdMsg>> {
  const wait = new Wait(new ReadWait(context));
  let signalled = false;
  wait.onSignal = () => {
    signalled = true;
    wait.wake();
  };
  context.readers.add(wait);
  try {
    for (;;) {
      yield wait;
      if (signalled) return fail('EINTR', 'a signal was caught');
      const message = takeMessage(context, reader);
      if (message !== undefined) return message;
      if (context.released) return fail('EBADF', 'the userfaultfd was closed');
    }
  } finally {
    context.readers.remove(wait);
  }
}

/** EINVAL before the handshake. */
export function notReady(context: UffdContext): Failure | undefined {
  return context.initialised
    ? undefined
    : fail('EINVAL', 'the UFFDIO_API handshake has not been done');
}

/** Takes messages into `lenBytes` bytes; hands each to `put`, which may fail to store it. */
export function* readMessages(
  file: UffdFile,
  reader: Reader,
  lenBytes: number,
  put: (msg: UffdMsg, offset: number) => Op<Failure | undefined>,
): Op<Result<number>> {
  const { context } = file;
  const unready = notReady(context);
  if (unready !== undefined) return unready;
  let done = 0;
  while (lenBytes - done >= MSG_SIZE) {
    const blocking = done === 0 && !file.nonblocking;
    const msg = yield* nextMessage(context, reader, blocking);
    if (failed(msg)) return done > 0 ? done : msg;
    const unwritable = yield* put(msg, done); // the message is gone either way
    if (unwritable !== undefined) return done > 0 ? done : unwritable;
    done += MSG_SIZE;
  }
  return done > 0 ? done : fail('EINVAL', `the buffer is smaller than ${MSG_SIZE} bytes`);
}

/** revents of poll(2) for POLLIN. */
export function poll(file: UffdFile): number {
  if (!file.context.initialised || !file.nonblocking) return POLLERR;
  return file.context.readable ? POLLIN : 0;
}

/** poll(2) for POLLIN without a timeout: sleeps until revents is not zero. */
export function* pollWait(file: UffdFile): Op<Result<number>> {
  if (poll(file) !== 0) return poll(file);
  const { readers } = file.context;
  const wait = new Wait(new PollWait(file.context));
  let signalled = false;
  wait.onSignal = () => {
    signalled = true;
    wait.wake();
  };
  readers.add(wait);
  try {
    while (poll(file) === 0) {
      yield wait;
      if (signalled) return fail('EINTR', 'a signal was caught');
    }
    return poll(file);
  } finally {
    readers.remove(wait);
  }
}
