/** How long files and functions are, in lines as a reader scrolls them: code, comments, blanks. */
import ts from 'typescript';
import { finding, lineOf, nodesOf, type Source } from './source.js';

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

/** Tables and codecs are as long as what they tabulate. */
export function isTable(source: Source): boolean {
  return /^src\/(uapi|profile)\//.test(source.path);
}

export function longFiles(sources: readonly Source[], max: number): string[] {
  return sources
    .filter((source) => !isTable(source) && source.lines.length > max)
    .map(({ path, lines }) => `${path}: ${lines.length} lines`);
}

export interface Measured {
  source: Source;
  node: ts.FunctionLikeDeclaration;
  lines: number;
  isNamed: boolean;
}

function hasBody(node: ts.Node): node is ts.FunctionLikeDeclaration {
  return ts.isFunctionLike(node) && 'body' in node && node.body !== undefined;
}

/** A callback has no name; a function given to a variable or a property has that one. */
function isNamed(node: ts.FunctionLikeDeclaration): boolean {
  if (!ts.isArrowFunction(node) && !ts.isFunctionExpression(node)) return true;
  const { parent } = node;
  return (
    ts.isVariableDeclaration(parent) ||
    ts.isPropertyDeclaration(parent) ||
    ts.isPropertyAssignment(parent)
  );
}

export function functionsOf(source: Source): Measured[] {
  return nodesOf(source, hasBody).map((node) => {
    const end = source.ast.getLineAndCharacterOfPosition(node.getEnd()).line + 1;
    return { source, node, lines: end - lineOf(source, node) + 1, isNamed: isNamed(node) };
  });
}

export function longFunctions(sources: readonly Source[], max: number): string[] {
  return sources
    .flatMap(functionsOf)
    .filter(({ lines }) => lines > max)
    .map(({ source, node, lines }) => finding(source, node, `a function of ${lines} lines`));
}
