/**
 * Every capability by itself: switched on and off in a 6.18 machine, one program shows the
 * difference. A new capability needs a row here; the huge pages have their own tests.
 */
import { describe, expect, test } from 'vitest';
import { type Capability, MATRIX } from '../../src/profile/matrix.js';
import { playWith, type Quirk } from './quirk.js';
import { QUIRKS_OF_MEMORY } from './quirks-of-memory.js';
import { QUIRKS_OF_UFFD } from './quirks-of-uffd.js';

const ROWS = Object.entries({ ...QUIRKS_OF_UFFD, ...QUIRKS_OF_MEMORY }) as [Capability, Quirk][];

/** Capabilities of huge pages, by their names. */
const ofHugePages = (name: string): boolean =>
  /huge|thp|collapse|dontneedFrees|splitMaps/i.test(name);

/** Names that the list of differences between kernels has under another name. */
const CALLED: Readonly<Record<string, readonly Capability[]>> = {
  apiFeatures: ['minorMode', 'exactAddress', 'wpNonAnon', 'wpUnpopulated', 'wpAsync', 'moveIoctl'],
  apiIoctls: ['rwpMode'],
  registerIoctls: ['continueIoctl', 'poisonIoctl', 'moveIoctl', 'rwpMode'],
  noVmaAboveErrno: ['noVmaAboveEnomem'],
  copyEofErrno: ['copyEofEnomem'],
  continueEofErrno: ['continueEofEfault'],
  remapEventLen: ['remapEventNewLen'],
  mergeMapBetween: ['mergeMapBetweenNext'],
  scanCategories: ['scanGuard', 'scanAccessed'],
  scanWrittenScope: ['scanWrittenOnlyWp'],
};

describe('a quirk', () => {
  test.each(ROWS)('%s makes its difference', async (name, row) => {
    expect(await row.play(playWith({ [name]: true }))).toEqual(row.on);
    expect(await row.play(playWith({ [name]: false }))).toEqual(row.off);
    expect(row.on).not.toEqual(row.off);
  });

  test('is in the table for every capability but those of huge pages', () => {
    const names = Object.keys(MATRIX).filter((name) => !ofHugePages(name));
    expect(ROWS.map(([name]) => name).sort()).toEqual(names.sort());
  });

  test('of several masks is one of the capabilities that they are made of', () => {
    const rows = new Set(ROWS.map(([name]) => name));
    for (const names of Object.values(CALLED)) {
      for (const name of names) expect(rows).toContain(name);
    }
  });
});
