/**
 * A difference as a person reads it: the lines before it, both versions of the first line that
 * differs, and the state around it. `-` is the kernel, `+` the emulator, as in a diff from what is
 * right to what we say. Lays out; asks nobody.
 */
import type { Colors } from '../terminal.js';
import type { Findings, Moment } from './investigate.js';
import type { State } from './state.js';

const CONTEXT_LINES = 8;

/** Lines without line ends. */
export function differenceLines(findings: Findings, colors: Colors): string[] {
  const { before, after, since } = findings;
  const lines = diffLines(findings, colors);
  if (before !== undefined) lines.push(...stateLines('state before it', before, colors));
  if (since !== undefined) lines.push(`  states differ since line ${since.line}: ${since.text}`);
  if (before !== undefined && after !== undefined) {
    const title = 'state after it, where something changed';
    lines.push(...stateLines(title, changed(before, after), colors));
  }
  return [...lines, ''];
}

function diffLines({ difference, transcript }: Findings, colors: Colors): string[] {
  const { at, kernelLine, emulatorLine } = difference;
  const lines = transcript.split('\n').slice(Math.max(0, at - CONTEXT_LINES), at);
  return [
    ...lines.map((line) => `    ${colors.dim(line)}`),
    colors.red(`  - ${kernelLine ?? '(its transcript has ended)'}`),
    colors.green(`  + ${emulatorLine ?? '(its transcript has ended)'}`),
  ];
}

function stateLines(title: string, moment: Moment, colors: Colors): string[] {
  const rows = joinedPages(rowsOf(moment));
  if (rows.length === 0) return [];
  const width = Math.max(...rows.map(({ label }) => label.length));
  const lines = rows.flatMap(({ label, kernel, emulator }) => {
    const head = label.padEnd(width);
    if (kernel === emulator) return [`    ${head}  ${kernel ?? ''}`];
    return [
      colors.red(`  - ${head}  ${kernel ?? '(nothing)'}`),
      colors.green(`  + ${head}  ${emulator ?? '(nothing)'}`),
    ];
  });
  return [colors.bold(`  ${title}:`), ...lines];
}

interface Row {
  readonly label: string;
  readonly kernel: string | undefined;
  readonly emulator: string | undefined;
}

function rowsOf({ kernel, emulator }: Moment): Row[] {
  const labels = [...new Set([...kernel.keys(), ...emulator.keys()])];
  return labels.map((label) => ({
    label,
    kernel: kernel.get(label),
    emulator: emulator.get(label),
  }));
}

const PAGE_LABEL = /^(.* page \w+\+)(\d+)(?:-(\d+))?$/;

/** Neighbouring pages that say the same in one row: `page A+0-7`. */
function joinedPages(rows: readonly Row[]): Row[] {
  const joined: Row[] = [];
  for (const row of rows) {
    const last = joined.at(-1);
    const label = last === undefined ? undefined : labelOfBoth(last, row);
    if (label === undefined) joined.push(row);
    else joined[joined.length - 1] = { ...row, label };
  }
  return joined;
}

function labelOfBoth(a: Row, b: Row): string | undefined {
  if (a.kernel !== b.kernel || a.emulator !== b.emulator) return undefined;
  const [, base, first, last = first] = PAGE_LABEL.exec(a.label) ?? [];
  const [, nextBase, next] = PAGE_LABEL.exec(b.label) ?? [];
  const isNext = base !== undefined && base === nextBase && Number(last) + 1 === Number(next);
  return isNext ? `${base}${first}-${next}` : undefined;
}

/** What either side shows differently than before, or the two differently from each other. */
function changed(before: Moment, after: Moment): Moment {
  const isSteady = (label: string): boolean =>
    before.kernel.get(label) === after.kernel.get(label) &&
    before.emulator.get(label) === after.emulator.get(label);
  const only = (state: State): State => new Map([...state].filter(([label]) => !isSteady(label)));
  return { kernel: only(after.kernel), emulator: only(after.emulator) };
}
