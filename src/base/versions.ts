/**
 * Versions of large state: a part is kept before its first change after a version was marked, so
 * that marking costs nothing and going to a version costs what differs from it.
 * Versions form a tree; each knows its differences from its neighbour on the way to the live state,
 * and going to one turns that way round (Baker's rerooting). All stay reachable, in any order.
 */

import { assert } from './assert.js';

/** State in numbered parts, which change one by one. */
export interface Parts<V> {
  /** A part as it is now, as a value that later changes leave alone. */
  take(part: number): V;
  /** Makes a part what it was. */
  give(part: number, value: V): void;
}

type Differences = Map<Parts<unknown>, Map<number, unknown>>;

/** One state to come back to. */
export class Version {
  /** What this version has in place of its neighbour's parts. */
  differences: Differences = new Map();
  /** The neighbour on the way to the live state; none for the version that the state came from. */
  next: Version | undefined = undefined;
}

/** The versions of one machine's large state. */
export class Versions {
  #base: Version | undefined;

  /** Keeps a part as it is, if a version needs it: called before each change. */
  keep<V>(parts: Parts<V>, part: number): void {
    if (this.#base === undefined) return;
    const kept = keptParts(this.#base, parts);
    if (!kept.has(part)) kept.set(part, parts.take(part));
  }

  /** Whether a part may change without being kept first. */
  isFree<V>(parts: Parts<V>, part: number): boolean {
    return this.#base === undefined || this.#base.differences.get(parts)?.has(part) === true;
  }

  /** The state as it is now. */
  mark(): Version {
    const version = new Version();
    if (this.#base !== undefined) this.#base.next = version;
    this.#base = version;
    return version;
  }

  /** A part as it was when a version was marked. */
  read<V>(version: Version, parts: Parts<V>, part: number): V {
    for (let at: Version | undefined = version; at !== undefined; at = at.next) {
      const kept = at.differences.get(parts as Parts<unknown>);
      if (kept?.has(part) === true) return kept.get(part) as V;
    }
    return parts.take(part);
  }

  /** Makes the state what it was when a version was marked. */
  goTo(version: Version): void {
    const way: Version[] = [];
    for (let at: Version | undefined = version; at !== undefined; at = at.next) way.push(at);
    assert(way.at(-1) === this.#base, 'the version is one of another state');
    let from = way.pop() as Version;
    putBack(from.differences); // what happened since is gone
    for (const to of way.reverse()) {
      from.differences = taken(to.differences);
      from.next = to;
      putBack(to.differences);
      from = to;
    }
    version.differences = new Map();
    version.next = undefined;
    this.#base = version;
  }
}

function keptParts<V>({ differences }: Version, parts: Parts<V>): Map<number, unknown> {
  const known = differences.get(parts as Parts<unknown>);
  if (known !== undefined) return known;
  const kept = new Map<number, unknown>();
  differences.set(parts as Parts<unknown>, kept);
  return kept;
}

/** The same parts as they are now: the way back. */
function taken(differences: Differences): Differences {
  const back: Differences = new Map();
  for (const [parts, kept] of differences) {
    back.set(parts, new Map([...kept.keys()].map((part) => [part, parts.take(part)])));
  }
  return back;
}

function putBack(differences: Differences): void {
  for (const [parts, kept] of differences) {
    for (const [part, value] of kept) parts.give(part, value);
  }
}
