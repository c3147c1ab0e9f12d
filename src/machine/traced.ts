/**
 * Calls and page table entries as trace events. A call is wrapped only while somebody listens; a
 * call that was under way when the first listener came makes no events.
 */

import { Failure } from '../base/errno.js';
import { type Op, Wait } from '../base/op.js';
import type { EntryChange } from '../base/trace.js';
import { Signal } from '../fault/outcome.js';
import type { MachineMemory } from '../mm/memory.js';
import { Mm } from '../mm/mm.js';
import { NO_TABLE, type Slot, slotAt, type TableId, tableOf } from '../pgtable/arena.js';
import {
  type Pte,
  pteIsMigration,
  pteIsNone,
  pteIsPresent,
  pteIsProtNone,
  pteIsSwap,
  pteIsUffdWp,
  pteIsWritable,
  ptePfn,
} from '../pgtable/pte.js';
import { tablesOf } from '../pgtable/walk.js';

/** Whose call it is. */
export interface TracedCall {
  readonly who: string;
  readonly fd: number | undefined;
  readonly userfaultfd: string | undefined;
  readonly what: string;
}

/** The same operation, with its begin, its sleeps and its end as events if somebody listens. */
export function traced<T>({ trace }: MachineMemory, call: TracedCall, op: Op<T>): Op<T> {
  return trace.active ? new TracedOp(trace, call, op).run() : op;
}

class TracedOp<T> {
  readonly #id: number;

  constructor(
    readonly trace: MachineMemory['trace'],
    readonly what: TracedCall,
    readonly op: Op<T>,
  ) {
    this.#id = trace.nextId();
  }

  *run(): Op<T> {
    const { trace, op } = this;
    const { who, fd, userfaultfd, what } = this.what;
    const call = this.#id;
    let result = 'given up';
    trace.emit({ kind: 'enter', call, who, fd, userfaultfd, what });
    try {
      for (;;) {
        const { done, value } = op.next();
        if (done === true) {
          result = shown(value);
          return value;
        }
        if (value instanceof Wait) {
          trace.emit({ kind: 'sleep', call, who, fd, why: value.reason.describe() });
          yield value;
          trace.emit({ kind: 'wake', call, who, fd });
        } else yield value;
      }
    } catch (error) {
      result = error instanceof Error ? error.name : 'thrown';
      throw error;
    } finally {
      op.return(undefined as never); // does nothing once it has ended
      trace.emit({ kind: 'exit', call, who, fd, userfaultfd, what, result });
    }
  }
}

/** A result in a word: what a person wants to see of it first. */
function shown(value: unknown): string {
  if (value instanceof Failure) return value.code;
  if (value instanceof Signal) return `${value.name} ${value.code}`;
  if (value instanceof Uint8Array) return shownBytes(value);
  if (typeof value === 'object' && value !== null && 'failure' in value) {
    return shownFill(value as { failure: Failure | undefined; progress?: number });
  }
  return typeof value === 'number' || typeof value === 'bigint' ? `${value}` : 'ok';
}

/** What a load found as a number, low byte first; longer bytes by their count. */
function shownBytes(bytes: Uint8Array): string {
  if (bytes.length > 8) return `${bytes.length} bytes`;
  return `0x${bytes.reduceRight((value, byte) => value * 256n + BigInt(byte), 0n).toString(16)}`;
}

function shownFill({ failure, progress }: { failure: Failure | undefined; progress?: number }) {
  if (failure === undefined) return progress === undefined ? 'ok' : `${progress}`;
  return progress === undefined ? failure.code : `${failure.code} after ${progress}`;
}

/** Where a page table lies. */
interface Place {
  readonly mm: Mm;
  readonly base: number;
}

/** Makes events of changing entries while somebody listens. */
export function traceEntries(memory: MachineMemory, nameOf: (mm: Mm) => string): void {
  const { tables, trace } = memory;
  const places = new Map<TableId, Place>();
  const watch = (slot: Slot, before: Pte, after: Pte): void => {
    const change = changeOf(before, after);
    if (change === undefined) return;
    const table = tableOf(slot);
    const place = placeOf(memory, places, table);
    if (place === undefined) return;
    const addr = place.base + (slot - slotAt(table, 0)) * 4096;
    const pfn = pteIsPresent(after) ? ptePfn(after) : undefined;
    trace.emit({ kind: 'entry', change, process: nameOf(place.mm), addr, pfn });
  };
  trace.onSwitch = (active) => {
    places.clear();
    tables.onStore = active ? watch : undefined;
  };
}

/** The place of a page table; looked for again when it is used for another. */
function placeOf(
  memory: MachineMemory,
  places: Map<TableId, Place>,
  table: TableId,
): Place | undefined {
  const known = places.get(table);
  if (known !== undefined && known.mm.leaf(known.base) === table) return known;
  for (const mm of memory.viewers) {
    if (!(mm instanceof Mm) || mm.root === NO_TABLE) continue;
    for (const [leaf, base] of tablesOf(memory.tables, mm.root)) places.set(leaf, { mm, base });
  }
  return places.get(table);
}

/** What became of an entry, if programs can notice it. */
export function changeOf(before: Pte, after: Pte): EntryChange | undefined {
  if (pteIsPresent(after)) return presentChange(before, after);
  if (before === after) return undefined;
  if (pteIsNone(after)) return 'zap';
  if (pteIsMigration(after)) return 'migrate';
  return pteIsSwap(after) ? 'swap' : 'marker';
}

function presentChange(before: Pte, after: Pte): EntryChange | undefined {
  if (!pteIsPresent(before) || ptePfn(before) !== ptePfn(after)) return 'install';
  const [was, is] = [restrictions(before), restrictions(after)];
  if (was === is) return undefined;
  return is > was ? 'protect' : 'unprotect';
}

/** How much an entry forbids, to compare. */
const restrictions = (pte: Pte): number =>
  (pteIsProtNone(pte) ? 4 : 0) + (pteIsUffdWp(pte) ? 2 : 0) + (pteIsWritable(pte) ? 0 : 1);
