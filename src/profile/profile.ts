/**
 * The profile of one kernel version: the questions that mechanism may ask.
 * Immutable. A machine may override single capabilities to study one quirk alone.
 */

import { type EntryTypes, entryTypes } from './entry-types.js';
import {
  type Capability,
  FEATURES_OF,
  FIRST_FEATURES,
  KERNELS,
  type KernelVersion,
  MATRIX,
  RELEASES,
} from './matrix.js';

/** How a kernel was built and booted; it is assumed to have everything. */
export interface KernelConfig {
  /** CONFIG_MEMORY_FAILURE: a poisoned page gives BUS_MCEERR_AR. @defaultValue `true` */
  readonly memoryFailure: boolean;
  /** CONFIG_MEM_SOFT_DIRTY: pagemap bit 55 works. @defaultValue `true` */
  readonly softDirty: boolean;
  /**
   * Whether a read of empty private memory maps the page of zeros that all share. Some guests are
   * booted to allocate a page at once; what maps zeros otherwise, UFFDIO_ZEROPAGE and the split of
   * a huge page, does so there too. @defaultValue `true`
   */
  readonly zeroPage: boolean;
}

/** Capabilities to switch on or off against the version's own. */
export type Quirks = Partial<Record<Capability, boolean>>;

/** What one kernel version can do, as mechanism asks for it. */
export class KernelProfile {
  /** Features that UFFDIO_API reports. */
  readonly features: number;
  /** The release that uname(2) names. */
  readonly release: string;
  /** Numbers of the kinds of entries without a page, as pagemap shows them. */
  readonly entryTypes: EntryTypes;
  readonly #capabilities: ReadonlySet<Capability>;

  constructor(
    readonly version: KernelVersion,
    readonly config: KernelConfig,
    quirks: Quirks = {},
  ) {
    const column = KERNELS.indexOf(version);
    this.release = RELEASES[column] ?? version;
    this.#capabilities = capabilitiesOf(column, quirks);
    this.features = featuresOf(this.#capabilities);
    this.entryTypes = entryTypes((name) => this.has(name));
  }

  /** Whether this kernel has or does something. */
  has(capability: Capability): boolean {
    return this.#capabilities.has(capability);
  }
}

const NAMES = Object.keys(MATRIX) as Capability[];

/** What each version has, by column. */
const COLUMNS = KERNELS.map((_, column) => {
  return new Set(NAMES.filter((name) => MATRIX[name].split(/ +/)[column] === 'y'));
});

function capabilitiesOf(column: number, quirks: Quirks): ReadonlySet<Capability> {
  const own = COLUMNS[column] ?? new Set<Capability>();
  if (Object.keys(quirks).length === 0) return own;
  return new Set(NAMES.filter((name) => quirks[name] ?? own.has(name)));
}

function featuresOf(capabilities: ReadonlySet<Capability>): number {
  let features = FIRST_FEATURES;
  for (const capability of capabilities) features |= FEATURES_OF[capability] ?? 0;
  return features;
}

const EVERYTHING: KernelConfig = { memoryFailure: true, softDirty: true, zeroPage: true };

/** Profile of a kernel version by name; `RangeError` names the versions there are. */
export function kernelProfile(
  version: string,
  config: Partial<KernelConfig> = {},
  quirks: Quirks = {},
): KernelProfile {
  const known = KERNELS.find((name) => name === version);
  if (known === undefined) {
    throw new RangeError(`kernel: ${version} is not one of ${KERNELS.join(', ')}`);
  }
  for (const name of Object.keys(quirks)) {
    if (!(name in MATRIX)) throw new RangeError(`quirks: ${name} is not a capability`);
  }
  return new KernelProfile(known, { ...EVERYTHING, ...config }, quirks);
}
