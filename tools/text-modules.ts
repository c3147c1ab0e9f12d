/**
 * Lets tests import what the command line tool carries as text, as its bundle does: style sheets,
 * pages, and browser scripts that are embedded in a report. The list of extensions is the bundle's.
 */
import type { Plugin } from 'vitest/config';

/** What the bundler (tsup.config.ts) and the tests read as text. */
export const textExtensions = ['.css', '.html', '.iife.min.js'] as const;

export function textModules(): Plugin {
  return {
    name: 'text-modules',
    enforce: 'pre',
    async resolveId(id, importer) {
      if (!textExtensions.some((extension) => id.endsWith(extension))) return undefined;
      const found = await this.resolve(id, importer, { skipSelf: true });
      return found ? `${found.id}?raw` : undefined;
    },
  };
}
