/** Lists the project's own files, from the disk and not from git: nothing built or installed. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of package.json, without a slash at its end. */
export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, '');

const notOurs = new Set(['.git', 'node_modules', 'dist', 'site', 'coverage']);

/** Lists the files below a folder of the project, as sorted paths from the root, with `/`. */
export function filesUnder(folder: string): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (notOurs.has(entry.name)) continue;
    if (entry.isDirectory()) found.push(...filesUnder(path));
    else if (entry.isFile()) found.push(path.replaceAll('\\', '/'));
  }
  return found.sort();
}
