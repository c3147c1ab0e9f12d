/**
 * Which machine of the emulator to compare a real kernel with: the nearest profile, and the build
 * options that the agent found. Pure; says in words what it chose.
 */
import { KERNELS, type KernelVersion } from '../../profile/matrix.js';
import type { Quirks } from '../../profile/profile.js';
import type { ScenarioOptions } from '../../scenario/run.js';
import type { KernelFacts } from './probe.js';

type Version = readonly [major: number, minor: number, patch: number];

/** Stable releases that lack what later ones of their series got, up to the last one observed. */
const EARLIER_STABLE: readonly { kernel: KernelVersion; patch: number; quirks: Quirks }[] = [
  { kernel: '6.18', patch: 15, quirks: { guardVmFlag: false, minAddrCheck: true } },
];

function versionOf(release: string): Version {
  const [, major = '0', minor = '0', patch = '0'] = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(release) ?? [];
  return [Number(major), Number(minor), Number(patch)];
}

const isAtMost = ([a, b]: Version, [major, minor]: Version): boolean =>
  a < major || (a === major && b <= minor);

/** The newest profile that is not newer than a release; the oldest if all are. */
export function nearestKernel(release: string): KernelVersion {
  const version = versionOf(release);
  return KERNELS.filter((name) => isAtMost(versionOf(name), version)).at(-1) ?? KERNELS[0];
}

/** The machine that plays the kernel that was probed, or the profile that the user prefers. */
export function machineFor(facts: KernelFacts, preferred?: KernelVersion): ScenarioOptions {
  const kernel = preferred ?? nearestKernel(facts.release);
  const [major, minor, patch] = versionOf(facts.release);
  const earlier = EARLIER_STABLE.find(
    (entry) => entry.kernel === `${major}.${minor}` && kernel === entry.kernel,
  );
  return {
    kernel,
    config: { softDirty: facts.softDirty, memoryFailure: facts.memoryFailure ?? true },
    ...(earlier !== undefined && patch <= earlier.patch ? { quirks: earlier.quirks } : {}),
    ...(facts.mmapMinAddr >= 0 ? { mmapMinAddr: facts.mmapMinAddr } : {}),
  };
}

/** Build options as `--config` takes them: only what differs from a kernel with everything. */
export function configWords({ config }: ScenarioOptions): string[] {
  const words: string[] = [];
  if (config?.memoryFailure === false) words.push('no-memory-failure');
  if (config?.softDirty === false) words.push('no-soft-dirty');
  return words;
}

/** What is compared with what, in one line. */
export function comparisonText(facts: KernelFacts, machine: ScenarioOptions): string {
  const { kernel = nearestKernel(facts.release) } = machine;
  const [major, minor] = versionOf(facts.release);
  const isExact = kernel === `${major}.${minor}`;
  const options = [...configWords(machine), ...Object.keys(machine.quirks ?? {})].join(', ');
  const profile = `profile ${kernel}${isExact ? '' : ' (the nearest there is)'}`;
  return `Linux ${facts.release} against ${profile}${options === '' ? '' : `, ${options}`}`;
}
