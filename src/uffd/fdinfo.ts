/**
 * /proc/PID/fdinfo/FD of a userfaultfd: how many faults wait, and what was agreed.
 * Read only. Answers to: userfaultfd_show_fdinfo().
 */

import { UFFD_API } from '../uapi/userfaultfd.js';
import type { UffdContext } from './context.js';
import { apiIoctls, rangeIoctls } from './masks.js';

const INITIALISED = 2 ** 31;

/** The figures of fdinfo. */
export interface Fdinfo {
  /** Faults that nobody has read. */
  readonly pending: number;
  /** Faults unread or read and not resolved. */
  readonly total: number;
  /** Enabled features, with the internal bit 31 of an initialised context. */
  readonly features: number;
  /** Ioctls of the context and of its ranges. */
  readonly ioctls: bigint;
  /** The three lines as the kernel prints them. */
  readonly text: string;
}

/** Reads the figures. */
export function fdinfo(context: UffdContext): Fdinfo {
  const { profile } = context.mm.memory;
  const pending = context.pending.length;
  const total = pending + context.waiting.length;
  const state = context.initialised && profile.has('apiStateInFeatures') ? INITIALISED : 0;
  const features = context.features + state;
  const ioctls = apiIoctls(profile) | rangeIoctls(profile);
  const api = `${hex(UFFD_API)}:${hex(features)}:${ioctls.toString(16)}`;
  const text = `pending:\t${pending}\ntotal:\t${total}\nAPI:\t${api}\n`;
  return { pending, total, features, ioctls, text };
}

const hex = (value: number): string => value.toString(16);
