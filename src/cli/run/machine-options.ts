/**
 * The options of the command line that say which kernel to play: `--kernel` and `--config`. Shared
 * by the commands that run scenarios. A wrong one is an InputError that names what it takes.
 */
import type { Command } from 'commander';
import { type Capability, KERNELS, type KernelVersion, MATRIX } from '../../profile/matrix.js';
import type { KernelConfig, Quirks } from '../../profile/profile.js';
import type { ScenarioOptions } from '../../scenario/run.js';
import { InputError } from '../exit.js';

/** The options as the command line gives them. */
export interface RawMachineOptions {
  readonly kernel?: string;
  readonly config?: string;
}

/** What `--config` takes, for a help text. */
export const CONFIG_HELP = `The kernel is one built with everything, as Debian's are; --config
takes features away or adds them, as a list of words with commas:
  no-memory-failure   CONFIG_MEMORY_FAILURE off: a poisoned page gives BUS_ADRERR
  no-soft-dirty       CONFIG_MEM_SOFT_DIRTY off: pagemap never shows D
  no-zero-page        a read of empty private memory allocates a page at once
  rmw-reads-first     a locked update faults as a read first, as under an emulated CPU
  two-nodes           memory on two nodes, between which pages can be moved
and any capability by which kernel versions differ, such as no-guard-vm-flag or min-addr-check.`;

/** Adds `--kernel` and `--config` to a command. */
export function addMachineOptions(command: Command, defaultKernel: string): Command {
  return command
    .option('--kernel <version>', `${KERNELS.join(', ')} (default: ${defaultKernel})`)
    .option('--config <words>', 'features to take away or to add');
}

const BUILD_OPTIONS: Readonly<Record<string, keyof KernelConfig>> = {
  'memory-failure': 'memoryFailure',
  'soft-dirty': 'softDirty',
  'zero-page': 'zeroPage',
};

const kebab = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `-${letter}`).toLowerCase();

const CAPABILITIES = new Map(
  Object.keys(MATRIX).map((name) => [kebab(name), name as Capability] as const),
);

/** The kernel version that `--kernel` names. */
export function parseKernel(text: string | undefined): KernelVersion | undefined {
  const known = KERNELS.find((name) => name === text);
  if (text === undefined || known !== undefined) return known;
  throw new InputError(`unknown kernel '${text}'; --kernel takes ${KERNELS.join(', ')}`);
}

/** What `--config` changes of a machine. */
export function parseConfig(text: string | undefined, machine: ScenarioOptions): ScenarioOptions {
  let changed = machine;
  for (const word of (text ?? '').split(',')) if (word !== '') changed = withWord(changed, word);
  return changed;
}

/** The machine that both options ask for. */
export function parseMachine(raw: RawMachineOptions): ScenarioOptions {
  const kernel = parseKernel(raw.kernel);
  return parseConfig(raw.config, kernel === undefined ? {} : { kernel });
}

function withWord(machine: ScenarioOptions, word: string): ScenarioOptions {
  const isOn = !word.startsWith('no-');
  const name = isOn ? word : word.slice('no-'.length);
  const build = BUILD_OPTIONS[name];
  if (build !== undefined) return { ...machine, config: { ...machine.config, [build]: isOn } };
  if (name === 'rmw-reads-first') return { ...machine, rmwReadsFirst: isOn };
  if (name === 'two-nodes') return { ...machine, nodes: isOn ? 2 : 1 };
  // a capability may itself begin with no-: its whole name goes first
  const whole = CAPABILITIES.get(word);
  const capability = whole ?? CAPABILITIES.get(name);
  if (capability === undefined) throw new InputError(unknownWord(word));
  const quirks: Quirks = { ...machine.quirks, [capability]: whole !== undefined };
  return { ...machine, quirks };
}

function unknownWord(word: string): string {
  return (
    `unknown word '${word}'; --config takes no-memory-failure, no-soft-dirty, no-zero-page, ` +
    'rmw-reads-first or a capability ' +
    `(${[...CAPABILITIES.keys()].slice(0, 3).join(', ')}, …), with or without no-`
  );
}
