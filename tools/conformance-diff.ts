/**
 * Compares the emulator with the recorded transcripts, for a person.
 * `tsx tools/conformance-diff.ts [--kernel K] [--data FOLDER] [THEME | SCENARIO]...`
 * Without a name: a table by theme. With a theme: its scenarios. With a scenario: where it first
 * differs, with the lines before. Ends with status 1 when anything differs.
 */
import { parseArgs } from 'node:util';
import { Conformance, type Outcome, type Verdict } from './conformance.js';

const CONTEXT_LINES = 12;

function tally(outcomes: readonly Outcome[]): string {
  const count = (verdict: Verdict): number =>
    outcomes.filter((outcome) => outcome.verdict === verdict).length;
  const parts = (['equal', 'differing', 'unmodelled', 'crashed'] as const).map(
    (verdict) => `${String(count(verdict)).padStart(4)} ${verdict}`,
  );
  return parts.join('  ');
}

/** Where an outcome first differs, in one line. */
function summary({ verdict, reason, expected, got, firstDifference, name }: Outcome): string {
  const head = `${name.padEnd(44)} ${verdict}`;
  if (verdict === 'equal') return head;
  if (verdict !== 'differing') return `${head}: ${reason.split('\n').slice(0, 2).join(' ')}`;
  const at = `line ${firstDifference + 1}`;
  return `${head}: ${at}: "${expected[firstDifference]}" got "${got[firstDifference]}"`;
}

/** The lines before the first difference, and both versions of it. */
function context(outcome: Outcome): string[] {
  const { expected, got, firstDifference: at } = outcome;
  const before = expected.slice(Math.max(0, at - CONTEXT_LINES), at).map((line) => `  ${line}`);
  const after = (lines: readonly string[], mark: string): string[] =>
    lines.slice(at, at + 3).map((line) => `${mark} ${line}`);
  return [summary(outcome), ...before, ...after(expected, '-'), ...after(got, '+')];
}

function byTheme(outcomes: readonly Outcome[]): string[] {
  const themes = [...new Set(outcomes.map(({ theme }) => theme))];
  const lines = themes.map((theme) => {
    const own = outcomes.filter((outcome) => outcome.theme === theme);
    return `${theme.padEnd(12)} ${tally(own)}`;
  });
  return [...lines, `${'all'.padEnd(12)} ${tally(outcomes)}`];
}

function report(wanted: readonly string[], outcomes: readonly Outcome[]): string[] {
  const [only] = outcomes;
  if (only !== undefined && wanted.includes(only.name) && outcomes.length === 1) {
    return only.verdict === 'crashed' ? [only.name, only.reason] : context(only);
  }
  return wanted.length === 0 ? byTheme(outcomes) : outcomes.map(summary);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kernel: { type: 'string', multiple: true },
    data: { type: 'string' },
    list: { type: 'boolean' },
  },
});
const conformance = new Conformance(values.data);
let isEqual = true;
for (const kernel of values.kernel ?? conformance.kernels) {
  const names = conformance.names(kernel).filter((name) => {
    const theme = name.replace(/-\d.*$/, '');
    return positionals.length === 0 || positionals.includes(name) || positionals.includes(theme);
  });
  const outcomes = names.map((name) => conformance.play(kernel, name));
  console.log(`== ${kernel}`);
  for (const line of report(positionals, outcomes)) console.log(line);
  const failing = outcomes.filter(({ verdict }) => verdict !== 'equal');
  if (values.list) for (const outcome of failing) console.log(summary(outcome));
  isEqual &&= failing.every(({ verdict }) => verdict === 'unmodelled');
}
process.exitCode = isEqual ? 0 : 1;
