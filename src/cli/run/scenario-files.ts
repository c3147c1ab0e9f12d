/**
 * Scenario files on disk: one by path, every `NAME.scn` of a folder, or standard input. What cannot
 * be read is an InputError that names it. Never looks into a scenario.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { hasCode, InputError, messageOf } from '../exit.js';

/** Ending of the name of a scenario file. */
export const SCENARIO_EXTENSION = '.scn';

const STDIN = 0;

/** One scenario to run. */
export interface ScenarioFile {
  /** Without folder and extension: `wp-02-unpopulated`. */
  readonly name: string;
  /** For messages: as the user gave it, or below the folder that the user gave. */
  readonly path: string;
  read(): string;
}

/** What a path on the command line stands for. */
export interface ScenarioInput {
  readonly isFolder: boolean;
  readonly files: readonly ScenarioFile[];
}

/** The scenarios that a path names; `-` is standard input. */
export function openScenarios(path: string): ScenarioInput {
  if (path === '-') {
    const read = () => readText(STDIN, 'standard input');
    return { isFolder: false, files: [{ name: 'stdin', path: '-', read }] };
  }
  if (!isFolder(path)) return { isFolder: false, files: [fileAt(path)] };
  const names = readdirSync(path).filter((name) => name.endsWith(SCENARIO_EXTENSION));
  if (names.length === 0) throw new InputError(`${path}: no ${SCENARIO_EXTENSION} file in it`);
  return { isFolder: true, files: names.sort().map((name) => fileAt(join(path, name))) };
}

function fileAt(path: string): ScenarioFile {
  return { name: basename(path, SCENARIO_EXTENSION), path, read: () => readText(path, path) };
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    throw unreadable(path, error);
  }
}

function readText(path: string | number, label: string): string {
  const text = readOr(path, label);
  if (text.includes('\0')) throw new InputError(`${label}: not a text`);
  return text;
}

function readOr(path: string | number, label: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw unreadable(label, error);
  }
}

function unreadable(path: string, error: unknown): InputError {
  const isMissing = hasCode(error, 'ENOENT', 'ENOTDIR');
  const why = isMissing ? 'no such file or folder' : messageOf(error);
  return new InputError(`${path}: ${why}`);
}
