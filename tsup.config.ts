import { defineConfig, type Options } from 'tsup';
import { textExtensions } from './tools/text-modules.js';

const common: Options = {
  target: 'node20',
  treeshake: true,
  silent: true,
  clean: false, // the configs run at once: the build script empties dist before tsup instead
  tsconfig: 'tsconfig.build.json',
};

/** The library: one entry per sub-path; all ESM entries in one config, so that they share types. */
const library: Options = {
  ...common,
  platform: 'neutral',
  splitting: true,
  sourcemap: true,
  dts: { compilerOptions: { ignoreDeprecations: '6.0' } }, // tsup 8 sets baseUrl: TS5101 without it
  entry: { index: 'src/index.ts', 'fast-check': 'src/fast-check/index.ts' },
};

/** The command line tool: one file that needs nothing but Node. */
const cli: Options = {
  ...common,
  platform: 'node',
  format: ['esm'],
  entry: { cli: 'src/cli/main.ts' },
  splitting: false,
  noExternal: [/.*/],
  loader: Object.fromEntries(textExtensions.map((extension) => [extension, 'text'])),
  banner: {
    // bundled CommonJS packages call require() for Node's own modules
    js: [
      '#!/usr/bin/env node',
      "import { createRequire as bundleRequire } from 'node:module';",
      'const require = bundleRequire(import.meta.url);',
    ].join('\n'),
  },
};

export default defineConfig([
  // Vitest can only be imported: its kit has no CommonJS form
  { ...library, format: ['esm'], entry: { ...library.entry, vitest: 'src/vitest/index.ts' } },
  { ...library, format: ['cjs'] },
  cli,
]);
