/**
 * What a snapshot must see: the state of the kernel lies in fields that code can list. A `#` field
 * is invisible to it, and would stay behind when a machine is restored or forked.
 */
import ts from 'typescript';
import { finding, nodesOf, type Source } from './source.js';

const stateFolders = /^src\/(phys|pgtable|file|mm|uffd)\//;

/** Classes that take their own state down, or of which none exists while nobody sleeps. */
const exempt = new Set(['Frames', 'FreeFrames', 'LentFrames', 'TableArena', 'EventNotice']);

function isHidden(node: ts.Node): node is ts.ClassElement {
  return ts.isClassElement(node) && node.name !== undefined && ts.isPrivateIdentifier(node.name);
}

function ownerOf({ parent }: ts.ClassElement): string {
  return ts.isClassLike(parent) ? (parent.name?.text ?? '') : '';
}

/** Bytes of frames that change without a word: a snapshot would not have them as they were. */
const unseenWrite = /(?:pageBytes\([^)]*\)|frames\.bytes)\.(?:set|fill|copyWithin)\(/;

export function unseenWrites(sources: readonly Source[]): string[] {
  return sources
    .filter(({ path }) => path !== 'src/phys/frames.ts')
    .flatMap(({ path, lines }) =>
      lines.flatMap((line, i) =>
        unseenWrite.test(line) ? [`${path}:${i + 1}: ${line.trim()}`] : [],
      ),
    );
}

export function hiddenState(sources: readonly Source[]): string[] {
  return sources
    .filter(({ path }) => stateFolders.test(path))
    .flatMap((source) =>
      nodesOf(source, isHidden)
        .filter((member) => !exempt.has(ownerOf(member)))
        .map((member) => finding(source, member, `a # member of ${ownerOf(member)}`)),
    );
}
