/**
 * To whom a frame belongs and where its owner's pages may be mapped: the start of a reverse walk.
 * Declared here and provided above: areas are the sites, files and anonymous memory the owners.
 */

import type { Pfn } from '../base/brand.js';

/**
 * Which of an owner's mappings of a page go: all of them, or not the private copies, or every trace
 * of them, markers too.
 */
export type UnmapScope = 'even-cows' | 'not-cows' | 'every-trace';

/** A place that may map pages of an owner, such as an area of an address space; mm provides it. */
export interface MappingSite {
  /** Removes mappings of the page indexes `[first, end)`. */
  unmap(first: number, end: number, scope: UnmapScope): void;
  /** Makes mappings of the page indexes `[first, end)` clean and read-only, as writeback does. */
  clean(first: number, end: number): void;
}

/** What a frame belongs to: the anonymous memory of some areas, or a file. */
export interface FrameOwner {
  readonly kind: 'anon' | 'file';
  /** Where its pages may be mapped: the start of every reverse walk. */
  readonly sites: Set<MappingSite>;
  /** Replaces the frame of a page that moved, where the owner keeps one itself. */
  moved?(index: number, from: Pfn, to: Pfn): void;
}

/** Where a run of frames goes back to when the last reference to its first one is dropped. */
export interface FramePool {
  /** Whether a frame is the first of one of the pool's runs. */
  owns(first: Pfn): boolean;
  release(first: Pfn): void;
}
