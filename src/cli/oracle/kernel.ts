/**
 * Which machine of the emulator to compare a real kernel with: the nearest profile, and the build
 * options that the agent found. Pure; says in words what it chose.
 */
import { KERNELS, type KernelVersion } from '../../profile/matrix.js';
import { kernelProfile, type Quirks } from '../../profile/profile.js';
import type { ScenarioOptions } from '../../scenario/run.js';
import type { KernelFacts } from './probe.js';

type Version = readonly [major: number, minor: number, patch: number];

interface StableSeries {
  readonly kernel: KernelVersion;
  /** First and last patch level that is known to be so. */
  readonly from: number;
  readonly to: number;
  readonly quirks: Quirks;
}

/** Before a change to PAGEMAP_SCAN that came to stable kernels in 2026. */
const EARLIER_SCAN: Quirks = { scanNoneWritten: false, scanHoleWritten: false };

/** Stable releases that differ from the one that their profile was observed on. */
const STABLE: readonly StableSeries[] = [
  { kernel: '6.1', from: 176, to: Number.POSITIVE_INFINITY, quirks: { minAddrCheck: false } },
  { kernel: '6.12', from: 0, to: 100, quirks: EARLIER_SCAN },
  {
    kernel: '6.18',
    from: 0,
    to: 15,
    quirks: { guardVmFlag: false, minAddrCheck: true, ...EARLIER_SCAN },
  },
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

/** Whether a release is of a version that has a profile of its own. */
export function hasOwnProfile(release: string): boolean {
  const [major, minor] = versionOf(release);
  return nearestKernel(release) === `${major}.${minor}`;
}

/** The machine that plays the kernel that was probed, or the profile that the user prefers. */
export function machineFor(facts: KernelFacts, preferred?: KernelVersion): ScenarioOptions {
  const kernel = preferred ?? nearestKernel(facts.release);
  const [major, minor, patch] = versionOf(facts.stable);
  const stable = STABLE.find(
    (series) =>
      series.kernel === kernel &&
      series.kernel === `${major}.${minor}` &&
      series.from <= patch &&
      patch <= series.to,
  );
  return {
    kernel,
    config: {
      softDirty: facts.softDirty,
      memoryFailure: facts.memoryFailure ?? true,
      zeroPage: facts.zeroPage,
    },
    ...(stable === undefined ? {} : { quirks: stable.quirks }),
    ...(facts.mmapMinAddr >= 0 ? { mmapMinAddr: facts.mmapMinAddr } : {}),
    ...(facts.readAheadKb >= 0 ? { readAhead: facts.readAheadKb * 1024 } : {}),
  };
}

/** Build options as `--config` takes them: only what differs from a kernel with everything. */
export function configWords({ config }: ScenarioOptions): string[] {
  const words: string[] = [];
  if (config?.memoryFailure === false) words.push('no-memory-failure');
  if (config?.softDirty === false) words.push('no-soft-dirty');
  if (config?.zeroPage === false) words.push('no-zero-page');
  return words;
}

function quirkWords({ quirks, rmwReadsFirst }: ScenarioOptions): string[] {
  const words = Object.entries(quirks ?? {}).map(([name, isOn]) => (isOn ? name : `no ${name}`));
  return rmwReadsFirst === true ? [...words, 'rmw-reads-first'] : words;
}

/** What is compared with what, in one line. */
export function comparisonText(facts: KernelFacts, machine: ScenarioOptions): string {
  const nearest = nearestKernel(facts.release);
  const { kernel = nearest } = machine;
  const isNearest = kernel === nearest && !hasOwnProfile(facts.release);
  const words = [...configWords(machine), ...quirkWords(machine)].map((word) => `, ${word}`);
  const profile = `profile ${kernel}${isNearest ? ' (the nearest there is)' : ''}`;
  const { release, stable } = facts;
  const built = release.startsWith(stable) ? '' : ` (${stable})`;
  return `Linux ${release}${built} against ${profile}${words.join('')}`;
}

/** That the kernel has other features than the nearest profile; undefined if it has not. */
export function featuresDoubt(facts: KernelFacts, machine: ScenarioOptions): string | undefined {
  const nearest = nearestKernel(facts.release);
  const { kernel = nearest } = machine;
  const { features } = kernelProfile(kernel);
  if (kernel !== nearest || BigInt(facts.features) === BigInt(features)) return undefined;
  return (
    `this kernel offers features ${facts.features}, profile ${kernel} has ` +
    `0x${features.toString(16)}: differences may come from that`
  );
}
