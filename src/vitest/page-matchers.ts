/**
 * Matchers about single pages: what is there, and whether it is write-protected.
 * A range passes when all of its pages do.
 */

import { Process } from '../machine/process.js';
import { isWriteProtected, type PageState, pageStateOf } from '../watch/page-state.js';
import { aboutPages, addressesOf, type Pages, pagesOf } from './explain.js';
import type { PageRange } from './region.js';
import { type Verdict, verdict, wrongSubject } from './verdict.js';

const isRange = (value: unknown): value is PageRange =>
  typeof value === 'object' &&
  value !== null &&
  'process' in value &&
  value.process instanceof Process &&
  'addr' in value &&
  'length' in value;

type Holds = (process: Process, page: number) => boolean;

/** Judges whether every page of a range is as a rule says. */
function everyPage(matcher: string, claim: string, holds: Holds, got: unknown): Verdict {
  if (!isRange(got)) throw wrongSubject(matcher, 'a region or a range of its pages', got);
  const pages: Pages = pagesOf(got);
  const all = addressesOf(pages);
  const others = all.filter((page) => !holds(pages.process, page));
  return verdict(
    others.length === 0,
    () =>
      `expected the pages to be ${claim}, but ${others.length} of ${all.length} are not:\n` +
      aboutPages(pages, others),
    () => `expected the pages not all to be ${claim}:\n${aboutPages(pages, all)}`,
  );
}

const inState =
  (...states: readonly PageState[]): Holds =>
  (process, page) =>
    states.includes(pageStateOf(process, page));

/** Matchers of pages. */
export const pageMatchers = {
  toBeMissing: (got: unknown) => everyPage('toBeMissing', 'missing', inState('missing'), got),
  toBePresent: (got: unknown) =>
    everyPage('toBePresent', 'present', inState('present', 'zero'), got),
  toBeZeroPage: (got: unknown) => everyPage('toBeZeroPage', 'the zero page', inState('zero'), got),
  toBeSwapped: (got: unknown) => everyPage('toBeSwapped', 'in swap', inState('swapped'), got),
  toBePoisoned: (got: unknown) => everyPage('toBePoisoned', 'poisoned', inState('poisoned'), got),
  toBeWriteProtected: (got: unknown) =>
    everyPage('toBeWriteProtected', 'write-protected', isWriteProtected, got),
};

/** The pages that a matcher was given by address, in order and once each. */
export const sorted = (pages: Iterable<number>): number[] =>
  [...new Set(pages)].sort((a, b) => a - b);
