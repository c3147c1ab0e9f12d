/**
 * The options of `migrate`: what the words on the command line mean, checked one by one. A wrong
 * one is an InputError that names the option and what it takes. Reads no file and opens no socket.
 */
import { accessSync, constants, existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '../exit.js';
import { DEFAULT_MODEL } from './model.js';
import { type Address, parseAddress } from './transport/address.js';
import { isMode, MODES, type Mode } from './wire/messages.js';

/** The options as the command line gives them. */
export interface RawOptions {
  readonly mode: string;
  readonly inProcess?: boolean;
  readonly port?: string;
  readonly listen?: string;
  readonly connect?: string;
  readonly vcpus: string;
  readonly startAt: string;
  readonly bandwidth: string;
  readonly latency: string;
  readonly dirtyLimit: string;
  readonly maxRounds: string;
  readonly json?: boolean;
  readonly report?: string;
  readonly allowTruncated?: boolean;
}

/** Where the destination is to be. */
export type Route =
  | { readonly kind: 'child'; readonly port: number }
  | { readonly kind: 'local' }
  | { readonly kind: 'remote'; readonly address: Address }
  | { readonly kind: 'be-destination'; readonly address: Address };

/** The options, checked. */
export interface MigrateOptions {
  readonly tracePath: string;
  /** The trace as it was given; undefined for the one that comes with the package. */
  readonly givenTrace: string | undefined;
  readonly allowTruncated: boolean;
  readonly mode: Mode;
  readonly route: Route;
  readonly vcpus: number;
  readonly startPercent: number;
  readonly bandwidthGbit: number;
  readonly latencyUs: number;
  readonly dirtyLimitPages: number;
  readonly maxRounds: number;
  readonly json: boolean;
  readonly reportPath: string | undefined;
}

/** What the options are when they are not given, as the command line would give them. */
export const DEFAULTS = {
  mode: 'precopy',
  vcpus: '1',
  startAt: '50',
  bandwidth: String(DEFAULT_MODEL.linkBytesPerNs * 8),
  latency: String(DEFAULT_MODEL.latencyNs / 1000),
  dirtyLimit: '64',
  maxRounds: '12',
} as const;

/** Checks the options of the command line. */
export function parseOptions(trace: string | undefined, raw: RawOptions): MigrateOptions {
  if (!isMode(raw.mode)) {
    throw new InputError(`unknown mode '${raw.mode}'; --mode takes ${MODES.join(', ')}`);
  }
  return {
    tracePath: trace ?? shippedTrace(),
    givenTrace: trace,
    allowTruncated: raw.allowTruncated === true,
    mode: raw.mode,
    route: routeOf(raw),
    vcpus: integer(raw.vcpus, '--vcpus', 1, 64),
    startPercent: number(raw.startAt, '--start-at', 0, 100),
    bandwidthGbit: number(raw.bandwidth, '--bandwidth', 0.001, 10_000),
    latencyUs: number(raw.latency, '--latency', 0, 1e6),
    dirtyLimitPages: integer(raw.dirtyLimit, '--dirty-limit', 0, 1e9),
    maxRounds: integer(raw.maxRounds, '--max-rounds', 1, 1000),
    json: raw.json === true,
    reportPath: checkedReport(raw.report),
  };
}

/** The trace that comes with the package: beside it, wherever this file was bundled to. */
export function shippedTrace(): string {
  const name = join('traces', 'sqlite-notes.trace.gz');
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, name))) {
    const parent = dirname(folder);
    if (parent === folder) throw new InputError(`${name} is missing; give the path of a trace`);
    folder = parent;
  }
  return join(folder, name);
}

function routeOf({ inProcess, port, listen, connect }: RawOptions): Route {
  const given = [inProcess, port, listen, connect].filter((option) => option !== undefined);
  if (given.length > 1) {
    throw new InputError('--in-process, --port, --listen and --connect exclude each other');
  }
  if (inProcess) return { kind: 'local' };
  if (listen !== undefined) {
    return { kind: 'be-destination', address: parseAddress(listen, '--listen') };
  }
  if (connect !== undefined) {
    return { kind: 'remote', address: parseAddress(connect, '--connect') };
  }
  return { kind: 'child', port: integer(port ?? '0', '--port', 0, 65_535) };
}

function number(text: string, option: string, min: number, max: number): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (value >= min && value <= max) return value;
  throw new InputError(`${option} takes a number from ${min} to ${max}, not '${text}'`);
}

function integer(text: string, option: string, min: number, max: number): number {
  const value = number(text, option, min, max);
  if (Number.isInteger(value)) return value;
  throw new InputError(`${option} takes a whole number, not '${text}'`);
}

/** A report that cannot be written is better refused before the work than after it. */
function checkedReport(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    accessSync(existsSync(path) ? path : dirname(path), constants.W_OK);
  } catch {
    throw new InputError(`--report ${path}: cannot be written; choose a folder that can`);
  }
  return path;
}
