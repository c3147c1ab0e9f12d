/**
 * What one access of the trace does to the guest's memory. Lackey records no data, so a stored word
 * is a function of its address and its step, and every load is folded into a sum: a page that was
 * stale for one load shows in that sum, even when the page is right again at the end. An access
 * that faults leaves nothing behind that matters: it can be made again from its beginning.
 */
import type { Thread } from '../../../machine/thread.js';
import { OP_LOAD, OP_MODIFY } from '../trace/access.js';
import { PAGE_BYTES } from './layout.js';

/** The 32-bit word that a store puts at an address in a step. */
export function storedWord(address: number, step: number): number {
  return Math.imul(~address ^ Math.imul(step, 0x9e3779b1), 0x85ebca6b);
}

/** Folds a loaded value into the sum of all loads. */
export function foldLoad(sum: number, value: number): number {
  return (Math.imul(sum, 31) + value) | 0;
}

/**
 * Makes one access of the guest; returns the sum over its loads, or throws what the access does.
 */
export function accessMemory(
  thread: Thread,
  op: number,
  address: number,
  size: number,
  step: number,
  sum: number,
): number {
  const end = address + size;
  const isWhole = ((address | size) & 3) === 0;
  if (op !== OP_LOAD && (address & (PAGE_BYTES - 1)) + size > PAGE_BYTES)
    touchLast(thread, end - 1);
  if (op === OP_LOAD || op === OP_MODIFY) {
    sum = isWhole ? loadWords(thread, address, end, sum) : loadBytes(thread, address, end, sum);
  }
  if (op === OP_LOAD) return sum;
  if (isWhole) storeWords(thread, address, end, step);
  else storeBytes(thread, address, end, step);
  return sum;
}

/** An access across two pages must not fault between its stores: the second page comes first. */
function touchLast(thread: Thread, address: number): void {
  thread.store8Sync(address, thread.load8Sync(address));
}

function loadWords(thread: Thread, address: number, end: number, sum: number): number {
  for (let at = address; at < end; at += 4) sum = foldLoad(sum, thread.load32Sync(at));
  return sum;
}

function loadBytes(thread: Thread, address: number, end: number, sum: number): number {
  for (let at = address; at < end; at++) sum = foldLoad(sum, thread.load8Sync(at));
  return sum;
}

function storeWords(thread: Thread, address: number, end: number, step: number): void {
  for (let at = address; at < end; at += 4) thread.store32Sync(at, storedWord(at, step) >>> 0);
}

function storeBytes(thread: Thread, address: number, end: number, step: number): void {
  for (let at = address; at < end; at++) thread.store8Sync(at, storedWord(at, step) & 0xff);
}
