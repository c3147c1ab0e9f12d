/** Rules about one file at a time: its columns, its header, its types, its words, its bits. */
import ts from 'typescript';
import { finding, nodesOf, type Source } from './source.js';

export function wideLines(sources: readonly Source[], max: number): string[] {
  return sources.flatMap(({ path, lines }) =>
    lines.flatMap((line, index) =>
      line.length > max ? [`${path}:${index + 1}: ${line.length} columns`] : [],
    ),
  );
}

export function anyTypes(sources: readonly Source[]): string[] {
  const isAny = (node: ts.Node): node is ts.Node => node.kind === ts.SyntaxKind.AnyKeyword;
  return sources.flatMap((source) =>
    nodesOf(source, isAny).map((node) => finding(source, node, 'says `any`')),
  );
}

/** A comment block on the first line that is the file's own: a blank line or an import follows. */
const comment = /^(\/\*[\s\S]*?\*\/|\/\/.*(?:\n\/\/.*)*)/.source;
const apart = /(?=[ \t]*\n[ \t]*\n|\s*(?:import|export (?:type )?[{*]))/.source;
const header = new RegExp(comment + apart);

/** How many lines of text the module header has; 0 when there is none. */
export function headerLength({ text }: Source): number {
  const found = header.exec(text)?.[1] ?? '';
  return found.split('\n').filter((line) => /\w/.test(line)).length;
}

export function badHeaders(sources: readonly Source[], min: number, max: number): string[] {
  return sources
    .map((source) => ({ path: source.path, length: headerLength(source) }))
    .filter(({ length }) => length < min || length > max)
    .map(({ path, length }) => `${path}: a module header of ${length} lines`);
}

const bitTokens = new Set([
  ts.SyntaxKind.AmpersandToken,
  ts.SyntaxKind.AmpersandEqualsToken,
  ts.SyntaxKind.BarToken,
  ts.SyntaxKind.BarEqualsToken,
  ts.SyntaxKind.CaretToken,
  ts.SyntaxKind.CaretEqualsToken,
  ts.SyntaxKind.LessThanLessThanToken,
  ts.SyntaxKind.GreaterThanGreaterThanToken,
  ts.SyntaxKind.GreaterThanGreaterThanGreaterThanToken,
]);

/** The operands of a bit operation; none for any other node. */
function bitOperands(node: ts.Node): readonly ts.Expression[] {
  if (ts.isPrefixUnaryExpression(node)) {
    return node.operator === ts.SyntaxKind.TildeToken ? [node.operand] : [];
  }
  if (!ts.isBinaryExpression(node) || !bitTokens.has(node.operatorToken.kind)) return [];
  return [node.left, node.right];
}

function isPteFlag(operand: ts.Expression): boolean {
  if (ts.isParenthesizedExpression(operand)) return isPteFlag(operand.expression);
  if (ts.isPropertyAccessExpression(operand)) return operand.name.text.startsWith('PTE_');
  return ts.isIdentifier(operand) && operand.text.startsWith('PTE_');
}

/** What a word means leaves pte.ts as a name: nobody else takes a PTE apart. */
export function pteBitOperations(sources: readonly Source[]): string[] {
  const isPteBits = (node: ts.Node): node is ts.Node => bitOperands(node).some(isPteFlag);
  return sources
    .filter(({ path }) => path !== 'src/pgtable/pte.ts')
    .flatMap((source) =>
      nodesOf(source, isPteBits).map((node) =>
        finding(source, node, `takes a PTE apart: ${node.getText(source.ast)}`),
      ),
    );
}
