/** Reads a table of a document: the cells of its rows, by the words of its head. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../tools/files.js';

const cellsOf = (line: string): string[] =>
  line
    .replace(/^\||\|$/g, '')
    .split('|')
    .map((cell) => cell.trim().replaceAll('`', ''));

/** The rows below every head that begins with `| first |`, in the order of the document. */
export function rowsOf(document: string, first: string): Record<string, string>[] {
  const lines = readFileSync(join(root, document), 'utf8').split('\n');
  const rows: Record<string, string>[] = [];
  let head: string[] | undefined;
  for (const line of lines) {
    if (line.startsWith(`| ${first} |`)) head = cellsOf(line);
    else if (!line.startsWith('|')) head = undefined;
    else if (head !== undefined && !line.startsWith('|---')) {
      const cells = cellsOf(line);
      rows.push(Object.fromEntries(head.map((name, column) => [name, cells[column] ?? ''])));
    }
  }
  return rows;
}
