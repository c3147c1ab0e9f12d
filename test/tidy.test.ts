/**
 * Holds src/ to the project's marks: layers, sizes, headers, documentation. Each rule is shown to
 * catch what it forbids before it is asked about the project.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { filesUnder, root } from '../tools/files.js';
import { undocumentedExports } from '../tools/tidy/exports.js';
import {
  foreignImports,
  importCircles,
  unplacedFolders,
  upwardImports,
} from '../tools/tidy/layers.js';
import { functionsOf, isTable, longFiles, longFunctions, median } from '../tools/tidy/size.js';
import { parse, readSources } from '../tools/tidy/source.js';
import { hiddenState, unseenWrites } from '../tools/tidy/state.js';
import { anyTypes, badHeaders, pteBitOperations, wideLines } from '../tools/tidy/style.js';
import { bannedWords } from '../tools/tidy/words.js';

const sources = readSources('src');
// Not test/: what the formatter leaves wide there are titles and tables of cases.
const programs = ['src', 'tools', 'bench', 'examples'].flatMap(readSourcesIfAny);

function readSourcesIfAny(folder: string) {
  return filesUnder('.').some((path) => path.startsWith(`${folder}/`)) ? readSources(folder) : [];
}

describe('the layers', () => {
  test('every folder has its place', () => {
    expect(unplacedFolders([parse('src/attic/a.ts', '')])).toEqual(['attic']);
    expect(unplacedFolders(sources)).toEqual([]);
  });

  test('a file imports from its own folder or from folders below', () => {
    const up = (path: string, from: string) => upwardImports([parse(path, `import '${from}';`)]);
    expect(up('src/mm/vma.ts', '../uffd/queue.js')).toHaveLength(1);
    expect(up('src/pgtable/walk.ts', '../phys/frames.js')).toHaveLength(1);
    expect(up('src/observe/smaps.ts', '../fault/fault.js')).toHaveLength(1);
    expect(up('src/file/shmem.ts', '../phys/frames.js')).toEqual([]);
    expect(up('src/uffd/queue.ts', '../mm/vma.js')).toEqual([]);
    expect(upwardImports(sources)).toEqual([]);
  });

  test('no file imports itself through others', () => {
    const circle = [
      parse('src/mm/a.ts', "import './b.js';"),
      parse('src/mm/b.ts', "export * from './a.js';"),
    ];
    expect(importCircles(circle)).toEqual(['src/mm/a.ts -> src/mm/b.ts -> src/mm/a.ts']);
    expect(importCircles(sources)).toEqual([]);
  });

  test('only cli and scenario know Node, only cli knows a package but eventemitter3', () => {
    const text = "import 'node:fs'; import 'path'; import 'commander'; import 'eventemitter3';";
    expect(foreignImports([parse('src/mm/a.ts', text)])).toHaveLength(3);
    expect(foreignImports([parse('src/scenario/a.ts', text)])).toHaveLength(1);
    expect(foreignImports([parse('src/cli/a.ts', text)])).toEqual([]);
    expect(foreignImports(sources)).toEqual([]);
  });
});

describe('the sizes', () => {
  test('a file has 400 lines at most and 120 at the median, tables and codecs aside', () => {
    expect(longFiles([parse('src/mm/a.ts', '\n'.repeat(402))], 400)).toHaveLength(1);
    expect(longFiles(sources, 400)).toEqual([]);
    const lengths = sources.filter((source) => !isTable(source)).map(({ lines }) => lines.length);
    expect(median(lengths)).toBeLessThanOrEqual(120);
  });

  test('a function has 60 lines at most and 10 at the median', () => {
    const text = `class A { m() {${'\n'.repeat(60)}} }\nconst f = () => 1;\n[].map((x) => x);`;
    expect(longFunctions([parse('src/mm/a.ts', text)], 60)).toEqual([
      'src/mm/a.ts:1: a function of 61 lines',
    ]);
    expect(functionsOf(parse('src/mm/a.ts', text)).map(({ isNamed }) => isNamed)).toEqual([
      true,
      true,
      false,
    ]);
    expect(longFunctions(sources, 60)).toEqual([]);
    const named = sources.flatMap(functionsOf).filter(({ isNamed }) => isNamed);
    expect(median(named.map(({ lines }) => lines))).toBeLessThanOrEqual(10);
  });

  test('a line has 100 columns at most', () => {
    expect(wideLines([parse('src/mm/a.ts', 'x'.repeat(101))], 100)).toHaveLength(1);
    expect(wideLines(programs, 100)).toEqual([]);
  });
});

describe('the text', () => {
  test('no type is `any`', () => {
    expect(anyTypes([parse('src/mm/a.ts', 'let a: any; // any')])).toHaveLength(1);
    expect(anyTypes(sources)).toEqual([]);
  });

  test('a file begins with a header of 2 to 8 lines', () => {
    const of = (text: string) => badHeaders([parse('src/mm/a.ts', text)], 2, 8);
    expect(of("/**\n * one\n * two\n * three\n */\nimport './b.js';\n")).toEqual([]);
    expect(of('// one\n// two\n// three\n\nexport const a = 1;\n')).toEqual([]);
    expect(
      of('/**\n * one\n * two\n * three: of a, not of the file\n */\nexport const a = 1;\n'),
    ).toHaveLength(1);
    expect(of("import './b.js';\n")).toHaveLength(1);
    expect(badHeaders(sources, 2, 8)).toEqual([]);
  });

  test('only pte.ts applies bit operators to PTE flags', () => {
    const text = 'f(w & PTE_WRITE, ~PTE.PTE_DIRTY, w | (PTE_USER), PTE_USER === w, w & 1);';
    expect(pteBitOperations([parse('src/mm/a.ts', text)])).toHaveLength(3);
    expect(pteBitOperations([parse('src/pgtable/pte.ts', text)])).toEqual([]);
    expect(pteBitOperations(sources)).toEqual([]);
  });

  test('the state of the kernel is in fields that a snapshot can list', () => {
    const text = 'class A { #hidden = 1; private seen = 2; } class Frames { #own = 3; }';
    expect(hiddenState([parse('src/mm/a.ts', text)])).toEqual(['src/mm/a.ts:1: a # member of A']);
    expect(hiddenState([parse('src/machine/a.ts', text)])).toEqual([]);
    expect(hiddenState(sources)).toEqual([]);
    const write = 'frames.pageBytes(pfn).set(bytes);\nmm.memory.frames.bytes.fill(0);';
    expect(unseenWrites([parse('src/mm/a.ts', write)])).toHaveLength(2);
    expect(unseenWrites(sources)).toEqual([]);
  });

  test('everything that the package exports is documented', () => {
    for (const entry of ['src/index.ts', 'src/vitest/index.ts', 'src/fast-check/index.ts']) {
      expect(undocumentedExports(entry)).toEqual([]);
    }
  });

  test('no file carries a banned word', () => {
    const planted = `x\n// ${'TO'}DO\n${'/wo'}rk/main\nXXXX`;
    expect(bannedWords('a', planted).map((found) => found.slice(0, 3))).toEqual(['a:2', 'a:3']);
    const found = filesUnder('.').flatMap((path) =>
      bannedWords(path, readFileSync(join(root, path), 'utf8')),
    );
    expect(found).toEqual([]);
  });
});
