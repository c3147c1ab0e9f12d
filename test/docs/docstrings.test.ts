/**
 * Runs the examples in the doc comments of src/, each as a module of its own, as a reader would
 * paste it. Expects no more than that: an example states its own facts, and throws when one fails.
 */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { exampleModule, findExamples } from '../../tools/doc-examples.js';
import { filesUnder, root } from '../../tools/files.js';

describe('an example in a doc comment runs', () => {
  for (const path of filesUnder('src')) {
    const file = join(root, path);
    for (const example of findExamples(file)) {
      test(`${path}:${example.line}`, async () => {
        await expect(
          import(/* @vite-ignore */ exampleModule(file, example)),
        ).resolves.toBeDefined();
      });
    }
  }
});

test('finds the fences of a doc comment, and none outside of one', () => {
  const fence = '```';
  const doc = ['/**', ` * ${fence}ts`, ' * one();', ` * ${fence}`, ' */'];
  const text = [...doc, 'const x = 1;', `${fence}ts`, 'two();', fence].join('\n');
  expect(findExamples('x.ts', text)).toEqual([{ line: 3, code: 'one();\n' }]);
});
