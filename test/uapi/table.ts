/**
 * The table of constants (table.json), written by hand from manual pages and observation, and the
 * constants that the sources export. Tests compare the two; nothing here is made from the other.
 */

import { readFileSync } from 'node:fs';
import * as fcntl from '../../src/uapi/fcntl.js';
import * as features from '../../src/uapi/features.js';
import * as mempolicy from '../../src/uapi/mempolicy.js';
import * as mman from '../../src/uapi/mman.js';
import * as pagemap from '../../src/uapi/pagemap.js';
import * as poll from '../../src/uapi/poll.js';
import * as siginfo from '../../src/uapi/siginfo.js';
import * as userfaultfd from '../../src/uapi/userfaultfd.js';

/** One row: a name, its value as C writes it, the release that brought it. */
export interface Row {
  readonly name: string;
  readonly value: string;
  readonly since: string;
}

/** Reads a file beside this one. */
export const readBeside = (path: string): string =>
  readFileSync(new URL(path, import.meta.url), 'utf8');

export const TABLE: readonly Row[] = JSON.parse(readBeside('./table.json'));

/** Source files that hold nothing but constants. */
export const CONSTANT_FILES: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  fcntl,
  features,
  mempolicy,
  mman,
  pagemap,
  poll,
  siginfo,
  userfaultfd,
};

/** All exported constants by name. */
export const CONSTANTS: ReadonlyMap<string, number> = new Map(
  Object.values(CONSTANT_FILES).flatMap((file) => Object.entries(file)),
);
