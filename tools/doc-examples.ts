/**
 * Runs the examples of the documentation as tests. Each `ts` fence becomes a module of its own, so
 * its imports stay as a reader would write them, and its stack traces point into the document.
 * A fence with anything after `ts` (say `ts no-run`) is left out.
 */
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Plugin } from 'vitest/config';
import { filesUnder, root } from './files.js';

export interface Example {
  /** The line of the document on which the code starts, counted from 1. */
  line: number;
  code: string;
}

/** Finds the fences of a Markdown file, or those inside the doc comments of a TypeScript file. */
export function findExamples(file: string, text = readFileSync(file, 'utf8')): Example[] {
  const inSource = !file.endsWith('.md');
  const examples: Example[] = [];
  let open: Example | undefined;
  for (const [index, raw] of text.split('\n').entries()) {
    const line = inSource ? /^\s*\* ?(.*)$/.exec(raw)?.[1] : raw;
    if (line === undefined) {
      open = undefined; // the doc comment has ended
    } else if (!open) {
      if (/^\s*```(ts|typescript)\s*$/.test(line)) open = { line: index + 2, code: '' };
    } else if (/^\s*```\s*$/.test(line)) {
      examples.push(open);
      open = undefined;
    } else {
      open.code += `${line}\n`;
    }
  }
  return examples;
}

/** Lists the documents that have examples: README.md and what lies in docs/. */
export function documentsWithExamples(): string[] {
  return filesUnder('.')
    .filter((path) => /^(README|docs\/.*)\.md$/.test(path))
    .filter((path) => findExamples(join(root, path)).length > 0);
}

/** Names the module that the plugin serves for one example; `import()` of it runs the example. */
export function exampleModule(file: string, example: Example): string {
  return `${file}@${example.line}.ts`;
}

const exampleId = /^(.*\.(?:md|ts))@(\d+)\.ts$/;

/** Serves one example; blank lines in front keep the document's line numbers. */
function loadExample(file: string, line: number): string {
  const example = findExamples(file).find((candidate) => candidate.line === line);
  if (!example) throw new Error(`${file}:${line}: no example starts here`);
  return '\n'.repeat(line - 1) + example.code;
}

/** Whether an example consists of tests of its own, which cannot be inside another test. */
const declaresTests = ({ code }: Example): boolean => code.includes("from 'uffd-emulator/vitest'");

/** Serves a document as a test file: one test per example, or what tests the example has. */
function loadDocument(file: string): string {
  const name = relative(root, file);
  const tests = findExamples(file).map((example) => {
    const title = JSON.stringify(`${name}:${example.line}`);
    const load = `import(${JSON.stringify(exampleModule(file, example))})`;
    return declaresTests(example)
      ? `describe(${title}, async () => void (await ${load}));`
      : `test(${title}, () => ${load});`;
  });
  return `import { describe, test } from 'vitest';\n${tests.join('\n')}\n`;
}

/** The Vitest plugin, for a project whose `include` lists Markdown documents. */
export function docExamples(): Plugin {
  return {
    name: 'doc-examples',
    enforce: 'pre',
    resolveId: (id) => (exampleId.test(id) ? id : undefined),
    load(id) {
      const [path = ''] = id.split('?');
      const [, file, line] = exampleId.exec(path) ?? [];
      if (file) return { code: loadExample(file, Number(line)), map: null };
      if (path.endsWith('.md')) return { code: loadDocument(path), map: null };
      return undefined;
    },
  };
}
