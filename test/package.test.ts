/**
 * Checks the package as its users get it: what is built, what is packed, what it imports. Builds
 * first when dist is older than the sources.
 */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { filesUnder, root } from '../tools/files.js';
import { importsOf, parse } from '../tools/tidy/source.js';

const dist = join(root, 'dist');

async function run(command: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(command, args, { cwd: root });
  return stdout.trim();
}

function isBuilt(): boolean {
  const entry = join(dist, 'index.js');
  if (!existsSync(entry)) return false;
  const built = statSync(entry).mtimeMs;
  return filesUnder('src').every((path) => statSync(join(root, path)).mtimeMs <= built);
}

function specifiersOf(file: string): string[] {
  const text = readFileSync(join(dist, file), 'utf8');
  return importsOf(parse(file, text)).map(({ specifier }) => specifier);
}

beforeAll(async () => {
  if (!isBuilt()) await run('npm', 'run', '-s', 'build');
}, 120_000);

test('publint and attw find nothing to say about it', { timeout: 60_000 }, async () => {
  await expect(run('npm', 'run', '-s', 'pack-check')).resolves.toContain('All good!');
});

test('`import` and `require` give the same names', async () => {
  const print = 'console.log(Object.keys(m).sort().join())';
  const [esm, cjs] = await Promise.all([
    run('node', '--input-type=module', '-e', `import * as m from 'uffd-emulator'; ${print}`),
    run('node', '--input-type=commonjs', '-e', `const m = require('uffd-emulator'); ${print}`),
  ]);
  expect(esm).not.toBe('');
  expect(cjs).toBe(esm);
});

/** Packages that the files of one entry import, chunks included. */
function packagesOf(entry: string): string[] {
  const files = readdirSync(dist).filter((file) => /(?:\.[cm]?js|\.d\.c?ts)$/.test(file));
  const entries = files.filter((file) => file.startsWith(`${entry}.`));
  const chunks = files.filter((file) => /-[\w-]{8}\.(?:[cm]?js|d\.c?ts)$/.test(file));
  const packages = [...entries, ...chunks].flatMap(specifiersOf);
  return [...new Set(packages.filter((specifier) => !specifier.startsWith('./')))].sort();
}

test('the library imports nothing but eventemitter3, an adapter its package besides', () => {
  expect(packagesOf('index')).toEqual(['eventemitter3']);
  expect(packagesOf('vitest')).toEqual(['eventemitter3', 'vitest']);
  expect(packagesOf('fast-check')).toEqual(['eventemitter3', 'fast-check']);
});

test('the command is one file that imports nothing but Node', async () => {
  const text = readFileSync(join(dist, 'cli.js'), 'utf8');
  expect(text.match(/^#!.*$/gm)).toEqual(['#!/usr/bin/env node']);
  expect(statSync(join(dist, 'cli.js')).mode & 0o111).toBe(0o111);
  expect(specifiersOf('cli.js').filter((name) => !isBuiltin(name))).toEqual([]);
  await expect(run('node', 'dist/cli.js', '--help')).resolves.toMatch(/uffd-emulator/);
});

test('the archive holds dist, src, the traces, the agent and what npm always adds', async () => {
  const [archive] = JSON.parse(await run('npm', 'pack', '--dry-run', '--json')) as [
    { files: { path: string }[] },
  ];
  const paths = archive.files.map(({ path }) => path);
  expect(paths).toContain('conformance/agent/main.c');
  const outside = paths.filter((path) => !/^(dist|src|traces|conformance\/agent)\//.test(path));
  const always = ['LICENSE', 'README.md', 'package.json'];
  expect(outside.sort()).toEqual([...always, 'conformance/FORMAT.md'].sort());
});

test('the lock names no registry', () => {
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
  expect(lock).not.toContain('"resolved"');
});
