/**
 * Operations that look at the queue of a userfaultfd: event, drain, poll, fdinfo.
 * A FORK message makes a descriptor; it gets the name of `as=`, or is closed at once.
 */

import { failed } from '../../base/errno.js';
import type { Op } from '../../base/op.js';
import { uffdCalls, uffdFile } from '../../machine/uffd-calls.js';
import { fdinfo as figures } from '../../uffd/fdinfo.js';
import { poll as readiness } from '../../uffd/read.js';
import type { Args } from '../args.js';
import { messageText, setText } from '../format.js';
import { POLL_EVENTS } from '../names.js';
import type { Worker } from '../world.js';
import { bind, type OperationTable } from './operation.js';

const MESSAGE_BYTES = 32;
const EVENTS_MAX = 16;
const EVENT_BYTES_MAX = 512;
const DRAIN_MAX = 32;
const STEM_MAX = 12;

/** NAME, NAME1, NAME2…, each cut before its number. */
const numbered = (name: string, index: number): string =>
  index === 0 ? name : `${name.slice(0, STEM_MAX)}${index}`;

/** The text of one message; `name` is for the descriptor that it may carry. */
function textOf(worker: Worker, bytes: Uint8Array, name: string | undefined): string {
  const { member } = worker;
  return messageText(bytes, {
    worker: (tid) => member.world.workerName(tid),
    descriptor: (fd) => {
      if (name === undefined) member.process.main.fds.close(fd);
      else bind(worker, name, { fd, unit: 4096n });
      return name ?? 'closed';
    },
  });
}

const lines = (texts: readonly string[]): string => [`${texts.length}`, ...texts].join('\n');

function event(args: Args, worker: Worker): Op<string> {
  const { fd } = args.handle();
  const name = args.newNameKey('as');
  const count = args.boundedKey('n', 1, EVENTS_MAX);
  const size = args.boundedKey('size', count * MESSAGE_BYTES, EVENT_BYTES_MAX);
  return readOnce(worker, { fd, name, buffer: new Uint8Array(size), isSingle: count === 1 });
}

interface Read {
  readonly fd: number;
  readonly name: string | undefined;
  readonly buffer: Uint8Array;
  readonly isSingle: boolean;
}

function* readOnce(worker: Worker, { fd, name, buffer, isSingle }: Read): Op<string> {
  const read = yield* uffdCalls.read({ thread: worker.thread, fd }, buffer);
  if (failed(read)) return read.code;
  const texts: string[] = [];
  for (let at = 0; at < read; at += MESSAGE_BYTES) {
    const own = name === undefined ? undefined : numbered(name, at / MESSAGE_BYTES);
    texts.push(textOf(worker, buffer.subarray(at, at + MESSAGE_BYTES), own));
  }
  return isSingle ? (texts[0] ?? '') : lines(texts);
}

function drain(args: Args, worker: Worker): Op<string> {
  const { fd } = args.handle();
  return readAll(worker, fd, args.newNameKey('as'));
}

function* readAll(worker: Worker, fd: number, name: string | undefined): Op<string> {
  const file = uffdFile({ thread: worker.thread, fd });
  if (failed(file) || !file.nonblocking) return 'notnonblock';
  const texts: string[] = [];
  const buffer = new Uint8Array(MESSAGE_BYTES);
  let forks = 0;
  while (texts.length < DRAIN_MAX) {
    const read = yield* uffdCalls.read({ thread: worker.thread, fd }, buffer);
    if (failed(read) && texts.length === 0 && read.code !== 'EAGAIN') return read.code;
    if (failed(read)) break;
    const text = textOf(worker, buffer, name === undefined ? undefined : numbered(name, forks));
    if (text.startsWith('FORK')) forks++;
    texts.push(text);
  }
  return lines(texts.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
}

function poll(args: Args, { thread }: Worker): Op<string> {
  const { fd } = args.handle();
  return (function* () {
    const file = uffdFile({ thread, fd });
    return failed(file) ? file.code : setText(BigInt(readiness(file)), POLL_EVENTS, '|');
  })();
}

function fdinfo(args: Args, { thread }: Worker): Op<string> {
  const { fd } = args.handle();
  return (function* () {
    const file = uffdFile({ thread, fd });
    if (failed(file)) return file.code;
    const { pending, total } = figures(file.context);
    return `pending=${pending} total=${total}`;
  })();
}

/** Operations that look at the queue of a userfaultfd. */
export const MESSAGE_OPERATIONS: OperationTable = { event, drain, poll, fdinfo };
