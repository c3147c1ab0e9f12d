/**
 * What the terminal can show: colours only where they are wanted and understood, and a plain table.
 * NO_COLOR, FORCE_COLOR and streams that are no terminals are respected through picocolors' rules.
 */
import pc from 'picocolors';

/** The colours that the tool uses. */
export interface Colors {
  bold(text: string): string;
  dim(text: string): string;
  cyan(text: string): string;
  green(text: string): string;
  red(text: string): string;
}

/** The colours for a stream: none when it is no terminal or the user wants none. */
export function colorsFor(stream: { readonly isTTY?: boolean }, env = process.env): Colors {
  const isWanted = stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  return pc.createColors(isWanted || env['FORCE_COLOR'] === '1');
}

/** A column of a table: its heading and on which side its cells stand. */
export interface Column {
  readonly heading: string;
  readonly align: 'left' | 'right';
}

/** Lays cells out under their headings, two blanks apart; returns lines without line ends. */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string[] {
  const widths = columns.map(({ heading }, index) =>
    Math.max(heading.length, ...rows.map((row) => (row[index] ?? '').length)),
  );
  const lineOf = (cells: readonly string[]) =>
    columns
      .map(({ align }, index) => {
        const cell = cells[index] ?? '';
        const width = widths[index] ?? 0;
        return align === 'left' ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd();
  return [lineOf(columns.map(({ heading }) => heading)), ...rows.map(lineOf)];
}
