/**
 * The types of the matchers, told to Vitest by merging with its own interface.
 * Holds declarations alone; what the matchers do is in the files beside this one.
 */

import type { ExploreOptions } from '../sim/explore.js';
import type { WriteWatch } from '../watch/write-watch.js';

/** What `expect` can say about machines, pages, watches and programs. */
export interface UffdMatchers<R> {
  /** Of a Machine or a Sim: no thread sleeps in the kernel, no event is unread. */
  toBeQuiescent(): R;
  /** Of a Machine or a Sim: no thread sleeps in a fault although its page is there. */
  toHaveNoStrandedWaiters(): R;
  /** Of a WriteWatch: exactly these pages were written, by address. */
  toHaveDirtyPages(pages: Iterable<number>): R;
  /** Of addresses or the result of a scan: every page is among them that was written. */
  toCoverWrites(watch: WriteWatch): R;
  /** Of a region or a range: every page is write-protected by a userfaultfd. */
  toBeWriteProtected(): R;
  /** Of a region or a range: no page is there. */
  toBeMissing(): R;
  /** Of a region or a range: every page is in memory, the zero page included. */
  toBePresent(): R;
  /** Of a region or a range: every page is the shared page of zeros. */
  toBeZeroPage(): R;
  /** Of a region or a range: every page is in swap. */
  toBeSwapped(): R;
  /** Of a region or a range: an access to any page gets SIGBUS, because its content is lost. */
  toBePoisoned(): R;
  /** Of a PageWatch or a region: no fill answered a fault from before its page was removed. */
  toHaveNoStalePages(): R;
  /** Of a PageWatch or a region: every page that is there came by a fill. */
  toHaveNoSilentPages(): R;
  /** Of a PageWatch or a region: no page reads zeros because its handler was closed. */
  toHaveNoPagesZeroedByClose(): R;
  /** Of a program for `explore`: it does the same each time under the same schedule. */
  toBeReproducible(options?: ExploreOptions): Promise<R>;
}

declare module 'vitest' {
  interface Matchers<T> extends UffdMatchers<T> {}
}
