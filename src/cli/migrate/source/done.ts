/**
 * DONE: what the destination counted and measured, decoded and checked, and the row of the table
 * that comes from it. The source itself knows only which pages it sent.
 */
import { FailedError } from '../../exit.js';
import type { FaultEvent, FaultKind, FaultLog } from '../timeline/fault-log.js';
import { FAULT_KINDS } from '../timeline/fault-log.js';
import type { HeatMapData } from '../timeline/heat-map.js';
import { numberIn, textIn } from '../wire/messages.js';
import type { SourceSession } from './session.js';

type Message = Record<string, unknown>;

/** The faults of the destination as they travel. */
export type FaultTotals = Pick<FaultLog, 'events' | 'total' | 'stallNs' | 'longestStallNs'>;

/** What the destination says when its guest has finished. */
export interface Done {
  readonly sha256: string;
  readonly checksum: number;
  readonly finishedAtNs: number;
  readonly completeAtNs: number;
  readonly pages: number;
  readonly zeroPages: number;
  readonly bytes: number;
  readonly faults: FaultTotals;
  readonly heat: HeatMapData;
}

/** Decodes DONE. */
export function parseDone(message: Message): Done {
  const faults = messageIn(message, 'faults');
  return {
    sha256: textIn(message, 'sha256'),
    checksum: numberIn(message, 'checksum'),
    finishedAtNs: numberIn(message, 'finishedAtNs'),
    completeAtNs: numberIn(message, 'completeAtNs'),
    pages: numberIn(message, 'pages'),
    zeroPages: numberIn(message, 'zeroPages'),
    bytes: numberIn(message, 'bytes'),
    faults: {
      total: numberIn(faults, 'total'),
      stallNs: numberIn(faults, 'stallNs'),
      longestStallNs: numberIn(faults, 'longestStallNs'),
      events: listIn(faults, 'events').map(parseFault),
    },
    heat: parseHeat(messageIn(message, 'heat')),
  };
}

/** Adds the row of the post-copy, when there was one. */
export function addPostcopyRound(session: SourceSession, lackingPages: number, done: Done): void {
  if (lackingPages === 0) return;
  session.rounds.push({
    round: session.rounds.length + 1,
    kind: 'postcopy',
    pagesSent: done.pages,
    zeroPages: done.zeroPages,
    pagesDirtied: 0,
    faults: done.faults.total,
    bytes: done.bytes,
    startNs: session.handover?.resumeAtNs ?? 0,
    endNs: done.completeAtNs,
    stalledNs: done.faults.stallNs,
    downtimeNs: 0,
  });
}

function parseFault(value: unknown): FaultEvent {
  const message = asMessage(value, 'a fault');
  return {
    kind: parseKind(message['kind']),
    atNs: numberIn(message, 'atNs'),
    page: numberIn(message, 'page'),
    isWrite: message['isWrite'] === true,
    vcpu: textIn(message, 'vcpu'),
    stallNs: numberIn(message, 'stallNs'),
  };
}

function parseKind(value: unknown): FaultKind {
  const kind = FAULT_KINDS.find((known) => known === value);
  if (!kind) throw damaged('the kind of a fault');
  return kind;
}

function parseHeat(message: Message): HeatMapData {
  return {
    binNs: numberIn(message, 'binNs'),
    pagesPerRow: numberIn(message, 'pagesPerRow'),
    rows: listIn(message, 'rows').map((row) => {
      if (!Array.isArray(row)) throw damaged('the heat map');
      return row.map(Number);
    }),
  };
}

function messageIn(message: Message, field: string): Message {
  return asMessage(message[field], field);
}

function asMessage(value: unknown, what: string): Message {
  if (typeof value !== 'object' || value === null) throw damaged(what);
  return { ...value };
}

function listIn(message: Message, field: string): unknown[] {
  const value = message[field];
  if (!Array.isArray(value)) throw damaged(field);
  return value;
}

function damaged(what: string): FailedError {
  return new FailedError(`the destination's report cannot be read: ${what}`);
}
