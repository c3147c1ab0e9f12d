/**
 * Makes the kernel agent from its C sources, once: the program lies in a folder of the user's own
 * below the temporary folder, under a hash of the sources and flags, so that the next run finds it.
 * Never runs what somebody else could have put there.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { hasCode } from '../exit.js';
import { NoKernelError } from './no-kernel.js';

const FLAGS = ['-O1', '-Wall', '-Wextra'];
const LIBRARIES = ['-lpthread'];
const FOLDER_MODE = 0o700;
const OTHERS_MAY_WRITE = 0o022;

/** The sources that come with the package that this file is of, wherever it was bundled to. */
export function agentSources(from = dirname(fileURLToPath(import.meta.url))): string[] {
  const folder = join(packageFolder(from), 'conformance', 'agent');
  if (!existsSync(folder)) throw noSources();
  return readdirSync(folder)
    .filter((file) => /\.[ch]$/.test(file))
    .sort()
    .map((file) => join(folder, file));
}

/** The nearest folder above that is this package; no other one's files are to be compiled. */
function packageFolder(from: string): string {
  let folder = from;
  while (!isThisPackage(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw noSources();
    folder = parent;
  }
  return folder;
}

function isThisPackage(file: string): boolean {
  if (!existsSync(file)) return false;
  const { name }: { name?: string } = JSON.parse(readFileSync(file, 'utf8'));
  return name === 'uffd-emulator';
}

function noSources(): NoKernelError {
  return new NoKernelError(
    'the sources of the agent (conformance/agent) are missing',
    'install the package again',
  );
}

/** Answers the path of the compiled agent; compiles it when it is not there yet. */
export async function compiledAgent(sources = agentSources()): Promise<string> {
  const folder = cacheFolder(hashOf(sources));
  const program = join(folder, 'agent');
  if (existsSync(program)) return program;
  const scratch = mkdtempSync(join(folder, 'making-'));
  try {
    const made = join(scratch, 'agent');
    await compile(sources, made);
    renameSync(made, program); // whole or not at all, also when two compile at once
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return program;
}

function hashOf(sources: readonly string[]): string {
  const hash = createHash('sha256').update([...FLAGS, ...LIBRARIES].join(' '));
  for (const source of sources) hash.update(`\0${basename(source)}\0`).update(readFileSync(source));
  return hash.digest('hex').slice(0, 16);
}

/** A folder that is the user's alone; a fresh one if somebody else has taken the usual name. */
function cacheFolder(hash: string): string {
  const uid = process.getuid?.() ?? 0;
  const folder = join(tmpdir(), `uffd-emulator-agent-${uid}-${hash}`);
  try {
    mkdirSync(folder, { mode: FOLDER_MODE });
    return folder;
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw notWritable(error);
  }
  const found = lstatSync(folder);
  const isOurs = found.isDirectory() && found.uid === uid && (found.mode & OTHERS_MAY_WRITE) === 0;
  return isOurs ? folder : mkdtempSync(`${folder}-`);
}

function notWritable(error: unknown): unknown {
  if (!hasCode(error, 'EACCES', 'EROFS', 'ENOENT', 'ENOTDIR', 'ENOSPC')) return error;
  return new NoKernelError(
    `the agent cannot be kept in ${tmpdir()}`,
    'set TMPDIR to a folder that can be written',
  );
}

async function compile(sources: readonly string[], program: string): Promise<void> {
  const units = sources.filter((source) => source.endsWith('.c'));
  try {
    await promisify(execFile)('cc', [...FLAGS, '-o', program, ...units, ...LIBRARIES]);
  } catch (error) {
    throw compilerTrouble(error);
  }
}

const firstLine = (text: string): string => text.trim().split('\n')[0] ?? '';

function compilerTrouble(error: unknown): NoKernelError {
  const remedy = 'install a C compiler and the headers of libc (Debian: gcc and libc6-dev)';
  if (hasCode(error, 'ENOENT', 'EACCES'))
    return new NoKernelError('there is no cc in PATH', remedy);
  const said = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
  return new NoKernelError(`cc cannot compile the agent (${firstLine(said)})`, remedy);
}
