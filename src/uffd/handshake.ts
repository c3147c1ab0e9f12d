/**
 * UFFDIO_API: the handshake that makes a context usable and settles its features.
 * On failure the caller's struct reads as zeros; a context keeps what it had.
 * Answers to: userfaultfd_api().
 */

import { type Failure, fail } from '../base/errno.js';
import type { Caller } from '../mm/caller.js';
import type { KernelProfile } from '../profile/profile.js';
import {
  UFFD_FEATURE_EVENT_FORK,
  UFFD_FEATURE_RWP,
  UFFD_FEATURE_RWP_ASYNC,
  UFFD_FEATURE_WP_ASYNC,
  UFFD_FEATURE_WP_UNPOPULATED,
} from '../uapi/features.js';
import { UFFD_API } from '../uapi/userfaultfd.js';
import type { UffdContext } from './context.js';
import { apiIoctls } from './masks.js';

/** `struct uffdio_api`, all 64 bits of each field. */
export interface ApiArgs {
  readonly api: bigint;
  readonly features: bigint;
}

/** What the kernel writes back: what it supports, or zeros. */
export interface ApiAnswer {
  readonly api: bigint;
  readonly features: bigint;
  readonly ioctls: bigint;
}

/** The struct after a failure. */
export const API_ZEROS: ApiAnswer = { api: 0n, features: 0n, ioctls: 0n };

const bit = (features: bigint, feature: number): boolean => (features & BigInt(feature)) !== 0n;

/** Checks a request; what may already be initialised is the caller's last question. */
export function checkApi(caller: Caller, args: ApiArgs): Failure | undefined {
  const { profile } = caller.mm.memory;
  if (args.api !== BigInt(UFFD_API)) return fail('EINVAL', 'api is not UFFD_API');
  const checks = [() => mayFork(caller, args.features), () => known(profile, args.features)];
  if (profile.has('apiFeatureCheckFirst')) checks.reverse();
  for (const check of checks) {
    const failure = check();
    if (failure !== undefined) return failure;
  }
  return undefined;
}

function mayFork(caller: Caller, features: bigint): Failure | undefined {
  if (!bit(features, UFFD_FEATURE_EVENT_FORK) || caller.capable('CAP_SYS_PTRACE')) return undefined;
  return fail('EPERM', 'UFFD_FEATURE_EVENT_FORK needs CAP_SYS_PTRACE');
}

function known(profile: KernelProfile, features: bigint): Failure | undefined {
  if (bit(features, UFFD_FEATURE_RWP_ASYNC) && !bit(features, UFFD_FEATURE_RWP)) {
    return fail('EINVAL', 'UFFD_FEATURE_RWP_ASYNC needs UFFD_FEATURE_RWP');
  }
  if ((features & ~BigInt(profile.features)) === 0n) return undefined;
  return fail('EINVAL', `features has bits that ${profile.version} does not know`);
}

/** What a successful handshake answers: everything that is supported, not what was asked for. */
export const supported = (profile: KernelProfile): ApiAnswer => ({
  api: BigInt(UFFD_API),
  features: BigInt(profile.features),
  ioctls: apiIoctls(profile),
});

/** Enables the requested features, or refuses a second handshake. */
export function initialise(context: UffdContext, features: bigint): Failure | undefined {
  if (context.initialised) return fail('EINVAL', 'the handshake was done before');
  const asked = Number(features);
  const implied = (asked & UFFD_FEATURE_WP_ASYNC) !== 0 ? UFFD_FEATURE_WP_UNPOPULATED : 0;
  context.features = asked | implied;
  context.initialised = true;
  return undefined;
}
