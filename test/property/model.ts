/**
 * What every page should read, kept without page tables: for each process the pages that it maps,
 * for each file its pages. Knows private copies, holes, sizes, rights, fork and moves; nothing of
 * frames, entries or faults.
 */

/** Content of a file by page index; absent is a hole, which reads as zero. */
export class ModelFile {
  readonly bytes = new Map<number, number>();

  constructor(public pages: number) {}
}

/** One page of one process. */
export interface ModelPage {
  readonly file: ModelFile | undefined;
  readonly index: number;
  readonly shared: boolean;
  prot: number;
  /** Content of the private page; `undefined` while the file's shows through. */
  own: number | undefined;
}

/** What a load or a store should give. */
export type Expected = number | 'SEGV_MAPERR' | 'SEGV_ACCERR' | 'BUS_ADRERR';

/** The pages that one process maps. */
export class ModelSpace {
  readonly pages = new Map<number, ModelPage>();

  load(n: number): Expected {
    const page = this.pages.get(n);
    if (page === undefined) return 'SEGV_MAPERR';
    if ((page.prot & 7) === 0) return 'SEGV_ACCERR';
    if (page.own !== undefined) return page.own;
    if (page.file === undefined) return 0;
    return page.index < page.file.pages ? (page.file.bytes.get(page.index) ?? 0) : 'BUS_ADRERR';
  }

  /** What a store answers: 0 when it goes through. */
  mayStore(n: number): Expected {
    const page = this.pages.get(n);
    if (page === undefined) return 'SEGV_MAPERR';
    if ((page.prot & 2) === 0) return 'SEGV_ACCERR';
    const behind = page.file !== undefined && page.index >= page.file.pages;
    return behind && page.own === undefined ? 'BUS_ADRERR' : 0;
  }

  /** The page holds a value from now on: in the file where it is shared, privately elsewhere. */
  fill(n: number, value: number): void {
    const page = this.pages.get(n);
    if (page?.shared === true) page.file?.bytes.set(page.index, value);
    else if (page !== undefined) page.own = value;
  }

  /** The content goes: private pages read as at first. */
  drop(n: number): void {
    const page = this.pages.get(n);
    if (page !== undefined) page.own = undefined;
  }

  /** Faults a page in for writing: a private page of a file is copied; false where that fails. */
  populate(n: number): boolean {
    const now = this.load(n);
    const done = typeof now === 'number' && ((this.pages.get(n)?.prot ?? 0) & 2) !== 0;
    if (done) this.fill(n, now);
    return done;
  }

  /** Moves a page in place of what was at the target; where there is none, the target stays. */
  move(from: number, to: number): void {
    const page = this.pages.get(from);
    this.pages.delete(from);
    if (page !== undefined) this.pages.set(to, page);
  }

  fork(): ModelSpace {
    const child = new ModelSpace();
    for (const [n, page] of this.pages) child.pages.set(n, { ...page });
    return child;
  }
}

/** A file gets another size: what lies beyond it is gone, from private copies too. */
export function truncate(file: ModelFile, pages: number, spaces: Iterable<ModelSpace>): void {
  for (const index of [...file.bytes.keys()]) if (index >= pages) file.bytes.delete(index);
  const shrinks = pages < file.pages;
  file.pages = pages;
  if (!shrinks) return;
  for (const space of spaces) {
    for (const page of space.pages.values()) {
      if (page.file === file && page.index >= pages) page.own = undefined;
    }
  }
}
