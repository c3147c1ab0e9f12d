/** Whether everything that an entry point exports says what it is, wherever it is declared. */
import { join } from 'node:path';
import ts from 'typescript';
import { root } from '../files.js';

function compilerOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
  return ts.parseJsonConfigFileContent(config, ts.sys, root).options;
}

/** The thing that an export names, behind any number of re-exports. */
function target(checker: ts.TypeChecker, symbol: ts.Symbol): ts.Symbol {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

function undocumented(checker: ts.TypeChecker, module: ts.Symbol, prefix: string): string[] {
  return checker.getExportsOfModule(module).flatMap((symbol) => {
    const named = target(checker, symbol);
    const name = prefix + symbol.name;
    if (named.flags & ts.SymbolFlags.ValueModule) return undocumented(checker, named, `${name}.`);
    return named.getDocumentationComment(checker).length > 0 ? [] : [name];
  });
}

/** Lists the exports of an entry point that have no doc comment; of a namespace, its members. */
export function undocumentedExports(entry: string): string[] {
  const file = join(root, entry);
  const program = ts.createProgram([file], compilerOptions());
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(file);
  const module = source && checker.getSymbolAtLocation(source);
  if (!module) throw new Error(`${entry} exports nothing`);
  return undocumented(checker, module, '');
}
