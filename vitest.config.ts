import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { docExamples, documentsWithExamples } from './tools/doc-examples.js';
import { textModules } from './tools/text-modules.js';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  plugins: [textModules()],
  resolve: {
    alias: [
      { find: /^uffd-emulator$/, replacement: here('./src/index.ts') },
      { find: /^uffd-emulator\/(vitest|fast-check)$/, replacement: here('./src/$1/index.ts') },
    ],
  },
  test: {
    reporters: ['default', './tools/closing-line-reporter.ts'],
    pool: 'forks',
    css: true, // or Vitest empties the style sheets that are imported as text
    setupFiles: ['test/setup.ts'],
    isolate: false, // files of one worker share the modules: half the time of a run is imports
    testTimeout: 60_000, // a bound for hangs, not a measure of speed
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/{property,conformance,docs,examples}/**'],
        },
      },
      {
        extends: true,
        test: { name: 'examples', include: ['test/examples/**/*.test.ts'], isolate: true },
      },
      {
        extends: true,
        test: { name: 'property', include: ['test/property/**/*.test.ts'] },
      },
      {
        extends: true,
        test: {
          name: 'conformance',
          include: ['test/conformance/**/*.test.ts'],
        },
      },
      {
        extends: true,
        plugins: [docExamples()],
        test: {
          name: 'docs',
          include: [...documentsWithExamples(), 'test/docs/**/*.test.ts', 'examples/*.test.ts'],
        },
      },
    ],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text', 'json-summary'],
    },
  },
});
