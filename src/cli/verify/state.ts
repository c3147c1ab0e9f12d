/**
 * The state of the emulator and of the kernel after the first operations of a scenario: areas, page
 * table entries and queues. Both are asked in the scenario language itself, by operations that only
 * look, added behind the others; so what is shown is what each would show a scenario.
 */
import type { Named } from './named.js';

/** Runs a scenario and answers its transcript. */
export type Runner = (scenario: string) => Promise<string>;

/** What was seen, by what it was seen of. */
export type State = ReadonlyMap<string, string>;

interface Look {
  readonly label: string;
  readonly op: string;
  readonly textOf: (result: string) => string | undefined;
}

const WORKERS = ['M', 'T0', 'T1', 'T2', 'T3'];

const PAGEMAP_WORDS: Readonly<Record<string, string>> = {
  '-': 'none',
  P: 'present',
  S: 'swap',
  F: 'file',
  W: 'uffd-wp',
  X: 'exclusive',
  G: 'guard',
  D: 'soft-dirty',
};

/** `3:PXW` as words: what each bit of the pagemap word says. */
function pagemapWords(result: string): string | undefined {
  const letters = /^\d+:(\S+)$/.exec(result)?.[1];
  if (letters === undefined) return result === '' ? undefined : result;
  return [...letters].map((letter) => PAGEMAP_WORDS[letter] ?? letter).join(' ');
}

const contents = (result: string): string | undefined => /^\d+:([^.].*)$/.exec(result)?.[1];

function areas(result: string): string | undefined {
  return result === 'none' ? 'no area' : result;
}

const queue = (result: string): string | undefined =>
  result.startsWith('pending=') ? result : undefined;

/** Looks at one process, in the order in which they are shown. */
function looksAt(process: string, { windows, pages, uffds }: Named): Look[] {
  const look = (name: string, op: string, textOf: Look['textOf']): Look => ({
    label: `${process} ${name}`,
    op,
    textOf,
  });
  return [
    ...windows.map((window) => look(`areas of ${window}`, `vmflags ${window}`, areas)),
    ...pages.flatMap((page) => [
      look(`page ${page}`, `pagemap ${page} 1`, pagemapWords),
      look(`page ${page}`, `peek ${page} 1`, contents),
    ]),
    ...uffds.map((uffd) => look(`queue of ${uffd}`, `fdinfo ${uffd}`, queue)),
  ];
}

/** The state after the operations of a text. */
export async function stateAfter(run: Runner, operations: string, named: Named): Promise<State> {
  const blocked = blockedIn(await run(operations));
  const looks = named.processes.flatMap((process) => {
    const worker = WORKERS.find((name) => !blocked.has(`${process}.${name}`));
    // nobody is free to look
    if (worker === undefined) return [];
    return looksAt(process, named).map((look) => ({
      ...look,
      op: `${process}.${worker} ${look.op}`,
    }));
  });
  const added = looks.map(({ op }) => op).join('\n');
  const results = resultsOf(await run(`${operations}\n${added}`)).slice(-looks.length);
  const state = new Map<string, string>();
  for (const [index, { label, textOf }] of looks.entries()) {
    const result = results[index] ?? '';
    const text = result === 'dead' ? undefined : textOf(result);
    const before = state.get(label);
    // a page's contents go behind its bits
    if (text !== undefined) state.set(label, before === undefined ? text : `${before}: ${text}`);
  }
  return state;
}

function blockedIn(transcript: string): Set<string> {
  const last = transcript.trimEnd().split('\n').at(-1) ?? '';
  return new Set((/^\. end blocked=(.*)$/.exec(last)?.[1] ?? '').split(','));
}

function resultsOf(transcript: string): string[] {
  const lines = transcript.split('\n').filter((line) => line.startsWith('= '));
  return lines.map((line) => line.slice(2));
}
