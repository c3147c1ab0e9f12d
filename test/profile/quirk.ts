/** One row of the table of quirks: a capability, a program, and what it sees with it and without. */
import type { Process, Quirks } from 'uffd-emulator';
import type { Capability } from '../../src/profile/matrix.js';
import { type PageFacts, facts as plainFacts } from '../mm/page-facts.js';
import { BASE, type GuestOptions, PAGE } from '../support/guest.js';

/** What a program sees: with the capability, and without it. */
export interface Quirk {
  readonly on: unknown;
  readonly off: unknown;
  /** Runs the program on 6.18 with the capability switched. */
  play(how: Play): unknown;
}

/** Rows by the name of the capability. */
export type QuirkTable = Partial<Record<Capability, Quirk>>;

/** A guest with the quirk. */
export type Play = (options?: GuestOptions) => PageFacts;

/** Guests with quirks; what a row asks for itself wins. */
export const playWith =
  (quirks: Quirks): Play =>
  (options = {}) =>
    plainFacts({ ...options, quirks: { ...quirks, ...options.quirks } });

/** A row. */
export const quirk = (on: unknown, off: unknown, play: Quirk['play']): Quirk => ({ on, off, play });

/** Areas as `start-end` in pages. */
export const areasOf = (proc: Process): string =>
  proc
    .maps()
    .map(({ start, end }) => `${(start - BASE) / PAGE}-${(end - BASE) / PAGE}`)
    .join(' ');
