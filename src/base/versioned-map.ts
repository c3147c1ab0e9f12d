/**
 * A map from numbers whose entries are the parts of a version: as long as memory is large, so a
 * snapshot must not copy it. Goes through its keys in ascending order, whatever came first.
 */

import type { Parts, Versions } from './versions.js';

/** A map of which versions keep what changes. Values are replaced, never changed in place. */
export class VersionedMap<K extends number, V> implements Parts<V | undefined> {
  private readonly items = new Map<K, V>();

  constructor(private readonly versions: Versions) {}

  get size(): number {
    return this.items.size;
  }

  get(key: K): V | undefined {
    return this.items.get(key);
  }

  has(key: K): boolean {
    return this.items.has(key);
  }

  set(key: K, value: V): void {
    this.versions.keep(this, key);
    this.items.set(key, value);
  }

  delete(key: K): void {
    this.versions.keep(this, key);
    this.items.delete(key);
  }

  /** Keys in ascending order, as they are now. */
  keys(): K[] {
    return [...this.items.keys()].sort((a, b) => a - b);
  }

  /** Entries in ascending order of key, as they are now. */
  entries(): [K, V][] {
    return [...this.items].sort(([a], [b]) => a - b);
  }

  take(key: number): V | undefined {
    return this.items.get(key as K);
  }

  give(key: number, value: V | undefined): void {
    if (value === undefined) this.items.delete(key as K);
    else this.items.set(key as K, value);
  }
}
