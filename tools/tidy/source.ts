/**
 * A TypeScript file as the tidy rules see it: its text, its lines and its syntax tree. Rules are
 * plain functions from sources to findings (`path:line: what is wrong`), so that a test can hand
 * them planted text as well as the files of src/.
 */
import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import ts from 'typescript';
import { filesUnder, root } from '../files.js';

export interface Source {
  /** From the project's root, with `/`: `src/mm/vma.ts`. */
  path: string;
  text: string;
  lines: readonly string[];
  ast: ts.SourceFile;
}

export function parse(path: string, text: string): Source {
  const lines = text.replace(/\n$/, '').split('\n');
  return { path, text, lines, ast: ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true) };
}

export function readSources(folder: string): Source[] {
  return filesUnder(folder)
    .filter((path) => path.endsWith('.ts'))
    .map((path) => parse(path, readFileSync(join(root, path), 'utf8')));
}

/** Visits every node, parents first. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

/** Lists the nodes of a file that a predicate accepts. */
export function nodesOf<T extends ts.Node>(source: Source, is: (node: ts.Node) => node is T): T[] {
  const found: T[] = [];
  walk(source.ast, (node) => {
    if (is(node)) found.push(node);
  });
  return found;
}

export function lineOf(source: Source, node: ts.Node): number {
  return source.ast.getLineAndCharacterOfPosition(node.getStart(source.ast)).line + 1;
}

export function finding(source: Source, node: ts.Node, message: string): string {
  return `${source.path}:${lineOf(source, node)}: ${message}`;
}

/** One module specifier of a file, wherever it stands: `from`, `import()`, `require()`, a type. */
export interface Import {
  node: ts.Node;
  specifier: string;
  /** The file of the project that it names; undefined for a package. */
  path: string | undefined;
}

function isImportCall({ expression }: ts.CallExpression): boolean {
  if (expression.kind === ts.SyntaxKind.ImportKeyword) return true;
  return ts.isIdentifier(expression) && expression.text === 'require';
}

function specifierOf(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier;
  if (ts.isImportTypeNode(node)) {
    return ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined;
  }
  return ts.isCallExpression(node) && isImportCall(node) ? node.arguments[0] : undefined;
}

export function importsOf(source: Source): Import[] {
  const found: Import[] = [];
  walk(source.ast, (node) => {
    const literal = specifierOf(node);
    if (!literal || !ts.isStringLiteralLike(literal)) return;
    const specifier = literal.text;
    const path = specifier.startsWith('.')
      ? posix.join(posix.dirname(source.path), specifier).replace(/\.js$/, '.ts')
      : undefined;
    found.push({ node, specifier, path });
  });
  return found;
}
