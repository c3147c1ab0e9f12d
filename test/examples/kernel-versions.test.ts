/**
 * Holds the tables of docs/kernel-versions.md to the profiles: every capability has a row, and the
 * row has the marks of the matrix. A new capability needs a row, and a sentence that says what it is.
 */
import { describe, expect, test } from 'vitest';
import { KERNELS, MATRIX, RELEASES } from '../../src/profile/matrix.js';
import { kernelProfile } from '../../src/profile/profile.js';
import { rowsOf } from './tables.js';

const document = 'docs/kernel-versions.md';

describe(document, () => {
  const rows = rowsOf(document, 'Name');

  test('has the marks of every capability', () => {
    const marks = (cells: readonly (string | undefined)[]) => cells.join(' ');
    const written = rows.map((row) => [row['Name'], marks(KERNELS.map((name) => row[name]))]);
    const known = Object.entries(MATRIX).map(([name, line]) => [name, marks(line.split(/ +/))]);
    expect(Object.fromEntries(written)).toEqual(Object.fromEntries(known));
    expect(written).toHaveLength(known.length);
  });

  test('says of every capability what it is', () => {
    const silent = rows.filter((row) => (row['What it says'] ?? '').length < 10);
    expect(silent.map((row) => row['Name'])).toEqual([]);
  });

  test('names release and features of every version', () => {
    const versions = rowsOf(document, 'Version');
    expect(
      versions.map((row) => [row['Version'], row['Plays'], row['Features of UFFDIO_API']]),
    ).toEqual(
      KERNELS.map((name, column) => [
        name,
        RELEASES[column],
        `0x${kernelProfile(name).features.toString(16)}`,
      ]),
    );
  });
});
