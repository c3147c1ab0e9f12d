/**
 * The ioctl masks that handshake, registration and fdinfo report.
 * Answers to: UFFD_API_IOCTLS, UFFD_API_RANGE_IOCTLS.
 */

import { VM_UFFD_MINOR, VM_UFFD_RWP, VM_UFFD_WP } from '../mm/vma-flags.js';
import type { KernelProfile } from '../profile/profile.js';
import {
  _UFFDIO_API,
  _UFFDIO_CONTINUE,
  _UFFDIO_COPY,
  _UFFDIO_MOVE,
  _UFFDIO_POISON,
  _UFFDIO_REGISTER,
  _UFFDIO_RWPROTECT,
  _UFFDIO_SET_MODE,
  _UFFDIO_UNREGISTER,
  _UFFDIO_WAKE,
  _UFFDIO_WRITEPROTECT,
  _UFFDIO_ZEROPAGE,
} from '../uapi/userfaultfd.js';

const maskOf = (...numbers: number[]): bigint =>
  numbers.reduce((mask, nr) => mask | (1n << BigInt(nr)), 0n);

/** Ioctls of every userfaultfd. */
export const apiIoctls = (profile: KernelProfile): bigint =>
  maskOf(_UFFDIO_REGISTER, _UFFDIO_UNREGISTER, _UFFDIO_API) |
  (profile.has('rwpMode') ? maskOf(_UFFDIO_SET_MODE) : 0n);

/** Ioctls of a range of base pages that is registered in every mode. */
export function rangeIoctls(profile: KernelProfile): bigint {
  let mask = maskOf(_UFFDIO_WAKE, _UFFDIO_COPY, _UFFDIO_ZEROPAGE, _UFFDIO_WRITEPROTECT);
  if (profile.has('continueIoctl')) mask |= maskOf(_UFFDIO_CONTINUE);
  if (profile.has('poisonIoctl')) mask |= maskOf(_UFFDIO_POISON);
  if (profile.has('moveIoctl')) mask |= maskOf(_UFFDIO_MOVE);
  if (profile.has('rwpMode')) mask |= maskOf(_UFFDIO_RWPROTECT);
  return mask;
}

/** Ioctls of huge pages that are registered in every mode. */
function hugeIoctls(profile: KernelProfile): bigint {
  const mask = rangeIoctls(profile) & ~maskOf(_UFFDIO_ZEROPAGE, _UFFDIO_MOVE);
  return profile.has('wpNonAnon') ? mask : mask & ~maskOf(_UFFDIO_WRITEPROTECT);
}

/** What REGISTER answers for the modes (VM_UFFD_* bits) of a range. */
export function registeredIoctls(
  profile: KernelProfile,
  modes: number,
  pages: 'base' | 'huge',
): bigint {
  let mask = pages === 'huge' ? hugeIoctls(profile) : rangeIoctls(profile);
  if ((modes & VM_UFFD_WP) === 0) mask &= ~maskOf(_UFFDIO_WRITEPROTECT);
  if ((modes & VM_UFFD_MINOR) === 0) mask &= ~maskOf(_UFFDIO_CONTINUE);
  if ((modes & VM_UFFD_RWP) === 0) mask &= ~maskOf(_UFFDIO_RWPROTECT);
  return mask;
}
