/**
 * What is known of each frame beside its bytes: counts, flags, owner. Keeps for the versions what
 * changes; whoever changes a column says so before. Bounds and rules are the business of `Frames`.
 */

import type { Copier } from '../base/graph.js';
import type { Parts, Versions } from '../base/versions.js';
import type { FrameOwner } from './frame-owner.js';

/** A row of the table. */
interface FrameRecord {
  readonly refs: number;
  readonly maps: number;
  readonly flags: number;
  readonly index: number;
  readonly owner: FrameOwner | undefined;
}

/** One row for each frame, by number. */
export class FrameTable implements Parts<FrameRecord> {
  refs: Int32Array;
  maps: Int32Array;
  flags: Uint16Array;
  /** Page index of the owner; of a free frame the number of the next free one. */
  index: Float64Array;
  readonly owners: (FrameOwner | undefined)[] = [];

  constructor(
    frames: number,
    readonly versions: Versions,
  ) {
    this.refs = new Int32Array(frames);
    this.maps = new Int32Array(frames);
    this.flags = new Uint16Array(frames);
    this.index = new Float64Array(frames);
  }

  get size(): number {
    return this.refs.length;
  }

  /** Says that a row is about to change. */
  keep(pfn: number): void {
    this.versions.keep(this, pfn);
  }

  grow(frames: number): void {
    this.refs = grown(this.refs, new Int32Array(frames));
    this.maps = grown(this.maps, new Int32Array(frames));
    this.flags = grown(this.flags, new Uint16Array(frames));
    this.index = grown(this.index, new Float64Array(frames));
  }

  /** Becomes the first `end` rows of another machine's table. */
  become(other: FrameTable, end: number, copier: Copier): void {
    this.refs.set(other.refs.subarray(0, end));
    this.maps.set(other.maps.subarray(0, end));
    this.flags.set(other.flags.subarray(0, end));
    this.index.set(other.index.subarray(0, end));
    for (let pfn = 0; pfn < end; pfn++) this.owners[pfn] = copier.copy(other.owners[pfn]);
  }

  take(pfn: number): FrameRecord {
    return {
      refs: this.refs[pfn] ?? 0,
      maps: this.maps[pfn] ?? 0,
      flags: this.flags[pfn] ?? 0,
      index: this.index[pfn] ?? 0,
      owner: this.owners[pfn],
    };
  }

  give(pfn: number, { refs, maps, flags, index, owner }: FrameRecord): void {
    this.refs[pfn] = refs;
    this.maps[pfn] = maps;
    this.flags[pfn] = flags;
    this.index[pfn] = index;
    this.owners[pfn] = owner;
  }
}

function grown<A extends Int32Array | Uint16Array | Float64Array>(old: A, larger: A): A {
  larger.set(old);
  return larger;
}
