/**
 * Random programs: a step is a name and four numbers, which the player of a test turns into calls.
 * Plain data, so that a failing program shrinks to a short one and prints as text.
 */
import fc from 'fast-check';
import { FaultLivelockError, KernelError, PendingError, SignalError } from 'uffd-emulator';
import { BASE, PAGE } from '../support/guest.js';

/** Pages of the window that programs work in; it crosses a page table. */
export const WINDOW = 24;

/** First page of the window: 12 pages below the end of a page table. */
const FIRST = BASE + (512 - 12) * PAGE;

export const pageAt = (n: number): number => FIRST + (n % WINDOW) * PAGE;

/** Which page of the window an address lies in. */
export const pageNumber = (addr: number): number => Math.floor((addr - FIRST) / PAGE);

/** One call: what, and numbers to take its arguments from. */
export type Step = readonly [name: string, a: number, b: number, c: number, d: number];

/** Programs of these calls; a name that is listed twice comes twice as often. */
export const programs = (names: readonly string[], maxLength = 60): fc.Arbitrary<Step[]> => {
  const number = fc.nat({ max: 999 });
  const step = fc.tuple(fc.constantFrom(...names), number, number, number, number);
  return fc.array(step, { minLength: 1, maxLength, size: 'max' });
};

/** A part of the samples that a property takes by default, or by UFFD_RUNS. */
export const runs = (part: number): { numRuns: number } => ({
  numRuns: Math.ceil((fc.readConfigureGlobal()?.numRuns ?? 100) * part),
});

/** Picks one of a list by a number of a step. */
export function pick<T>(list: readonly T[], n: number): T {
  const one = list[n % list.length];
  if (one === undefined) throw new Error('nothing to pick from');
  return one;
}

/** How a call ended: a value, or the errno, signal or wait that stopped it. Nothing else may. */
export type Outcome =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly code: string };

/** Makes a call; an error that Linux has no counterpart for passes through and fails the test. */
export function attempt(call: () => unknown): Outcome {
  try {
    return { ok: true, value: call() };
  } catch (error) {
    if (error instanceof KernelError) return { ok: false, code: error.code };
    if (error instanceof SignalError) return { ok: false, code: error.code };
    if (error instanceof PendingError) return { ok: false, code: 'would wait' };
    if (error instanceof FaultLivelockError) return { ok: false, code: 'livelock' };
    throw error;
  }
}
