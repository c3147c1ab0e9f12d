import { describe, expect, test } from 'vitest';
import { missingParts, modelledParts, unmodelledLine } from '../../tools/fuzz/parts.js';

describe('the parts that the emulator has', () => {
  test('each part is either modelled or missing with the line that showed it', () => {
    const missing = missingParts();
    for (const part of modelledParts()) expect(missing.has(part)).toBe(false);
    for (const line of missing.values()) expect(line).toMatch(/^\S+ /);
  });

  test('guards and PAGEMAP_SCAN are modelled', () => {
    expect(modelledParts()).toContain('guard');
    expect(modelledParts()).toContain('scan');
  });

  test('the first line that is not modelled is named', () => {
    const transcript = '> map A 1 anon\n= ok\n> swapout A 1\n= UNMODELLED\n. end\n';
    expect(unmodelledLine(transcript)).toBe('swapout A 1');
    expect(unmodelledLine('> map A 1 anon\n= ok\n. end\n')).toBeUndefined();
  });
});
