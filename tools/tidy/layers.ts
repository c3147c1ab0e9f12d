/**
 * The layers of src/: a file imports from its own folder or from folders below it, no two files
 * import each other in a circle, and only the outermost folders know Node or a package.
 */
import { isBuiltin } from 'node:module';
import { finding, importsOf, type Source } from './source.js';

/** The picture of the layers: each folder with those it stands on directly. */
const standsOn: Readonly<Record<string, readonly string[]>> = {
  base: [],
  uapi: ['base'],
  profile: ['uapi'],
  phys: ['profile'],
  pgtable: ['profile'],
  file: ['phys'],
  mm: ['pgtable', 'file'],
  fault: ['mm'],
  uffd: ['fault'],
  syscall: ['fault'],
  observe: ['mm'],
  sched: ['base'],
  machine: ['sched', 'syscall', 'uffd', 'observe'],
  scenario: ['machine'],
  sim: ['machine'],
  watch: ['machine'],
  trace: ['machine'],
  history: ['machine'],
  vitest: ['sim', 'watch'],
  'fast-check': ['sim'],
  viz: ['machine'],
  cli: ['viz', 'scenario'],
  // files in src/ itself: the entry points of the library
  '': ['viz', 'scenario', 'sim', 'watch', 'trace', 'history'],
};

const knowsNode = new Set(['cli', 'scenario']);

/** The folder of src/ that a file belongs to; empty for a file in src/ itself. */
function folderOf(path: string): string {
  return path.split('/').slice(1, -1)[0] ?? '';
}

/** The folder itself and every folder below it. */
function reach(folder: string, seen = new Set<string>()): Set<string> {
  seen.add(folder);
  for (const below of standsOn[folder] ?? []) if (!seen.has(below)) reach(below, seen);
  return seen;
}

export function unplacedFolders(sources: readonly Source[]): string[] {
  return [...new Set(sources.map(({ path }) => folderOf(path)))].filter((name) => !standsOn[name]);
}

export function upwardImports(sources: readonly Source[]): string[] {
  return sources.flatMap((source) => {
    const allowed = reach(folderOf(source.path));
    return importsOf(source)
      .filter(({ path }) => path !== undefined && !allowed.has(folderOf(path)))
      .map(({ node, specifier }) => finding(source, node, `imports ${specifier} from above`));
  });
}

function mayImportPackage(folder: string, specifier: string): boolean {
  if (folder === 'cli' || specifier === folder) return true; // an adapter knows its package
  if (isBuiltin(specifier)) return knowsNode.has(folder);
  return specifier === 'eventemitter3';
}

export function foreignImports(sources: readonly Source[]): string[] {
  return sources.flatMap((source) =>
    importsOf(source)
      .filter(({ path }) => path === undefined)
      .filter(({ specifier }) => !mayImportPackage(folderOf(source.path), specifier))
      .map(({ node, specifier }) => finding(source, node, `imports ${specifier}`)),
  );
}

/** Finds circles by depth-first search: an import of a file that is still open closes one. */
export function importCircles(sources: readonly Source[]): string[] {
  const imports = new Map(sources.map((source) => [source.path, importsOf(source)]));
  const done = new Set<string>();
  const open: string[] = [];
  const circles: string[] = [];
  const enter = (path: string): void => {
    const start = open.indexOf(path);
    if (start >= 0) circles.push([...open.slice(start), path].join(' -> '));
    if (start >= 0 || done.has(path)) return;
    open.push(path);
    for (const { path: next } of imports.get(path) ?? []) if (next) enter(next);
    open.pop();
    done.add(path);
  };
  for (const path of imports.keys()) enter(path);
  return circles;
}
