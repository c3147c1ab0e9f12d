/**
 * The library as users get it: bundled by tsup with the project's own options, ESM, into a
 * temporary folder. The sources through tsx would be other code: it names each function at run
 * time, every inner one when it is made, and leaves constants where a bundle has variables; a
 * fault takes up to twice as long there.
 */
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Options } from 'tsup';
import { root } from '../../tools/files.js';
import configs from '../../tsup.config.js';

/** What the package exports. */
export type Library = typeof import('../../src/index.js');

/** Builds the ESM bundle into a folder; answers its path. */
export async function buildLibrary(folder: string): Promise<string> {
  const options = [configs].flat().find(isEsmLibrary);
  if (options === undefined) throw new Error('tsup.config.ts builds no ESM library');
  const outDir = join(folder, 'library');
  await build({ ...options, config: false, dts: false, sourcemap: false, outDir });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir');
  return join(outDir, 'index.js');
}

function isEsmLibrary(options: unknown): options is Options {
  const { entry, format } = options as Options;
  const hasIndex = typeof entry === 'object' && 'index' in entry;
  return hasIndex && Array.isArray(format) && format.includes('esm');
}

/** Loads a bundle. */
export async function loadLibrary(path: string): Promise<Library> {
  return (await import(pathToFileURL(path).href)) as Library;
}
