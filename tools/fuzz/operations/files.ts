/** Operations on objects: fwrite, fread, ftruncate, fallocate, fmincore, reopen, dup, close. */

import type { Draft } from '../draft.js';
import { drop, type FileObject, isShared } from '../model/page.js';
import type { Process, Worker } from '../model/process.js';
import { punchPage } from './mappings.js';
import type { Operation } from './operation.js';

interface Opened {
  readonly worker: Worker;
  readonly process: Process;
  /** One of the names that it has in the process. */
  readonly name: string;
  readonly file: FileObject;
}

function opened(draft: Draft): Opened | undefined {
  const process = draft.process();
  const files = [...process.files];
  const worker = draft.anyone(process);
  if (files.length === 0 || worker === undefined) return undefined;
  const [name, file] = draft.random.pick(files);
  return { worker, process, name, file };
}

const onFile =
  (write: (draft: Draft, opened: Opened) => void): Operation =>
  (draft) => {
    const found = opened(draft);
    if (found === undefined) return false;
    write(draft, found);
    return true;
  };

/** A page of the file, seldom the one behind its end. */
const somePage = (draft: Draft, { pages }: FileObject): number =>
  draft.random.below(Math.max(1, pages + (draft.random.chance(5) ? 1 : 0)));

const fwrite = onFile((draft, { worker, name, file }) => {
  const page = somePage(draft, file);
  const count = draft.random.chance(25) ? 2 : 1;
  draft.say(worker, 'fwrite', name, `${page}`, count > 1 ? '2' : '', draft.fillKey());
  for (let at = page; at < page + count; at++) file.cached.add(at);
  file.pages = Math.max(file.pages, page + count);
});

const fread = onFile((draft, { worker, name, file }) => {
  const count = draft.random.between(1, 3);
  draft.say(worker, 'fread', name, `${somePage(draft, file)}`, `${count}`);
});

const fmincore = onFile((draft, { worker, name }) => draft.say(worker, 'fmincore', name));

const MODES = [
  ['punch', 70],
  ['alloc', 10],
  ['keep', 5],
  ['zero', 4],
  ['zerokeep', 3],
  ['collapse', 2],
  ['insert', 2],
] as const;

/** A hole that begins or ends inside a page: the bytes become zeros, the page stays. */
function punchPart(draft: Draft, worker: Worker, name: string, page: number): void {
  const length = draft.random.pick(['b0x10', 'b0x800', '1', '1.0x800']);
  draft.say(worker, 'fallocate', name, `${page}.0x${draft.random.pick([1, 800])}`, length, 'punch');
}

/** These write a regular file out: what is read ahead then arrives from the disk later. */
const WRITE_OUT: readonly string[] = ['collapse', 'insert'];

const fallocate = onFile((draft, { worker, name, file }) => {
  const mode = draft.random.weighted(MODES);
  if (file.kind === 'reg' && WRITE_OUT.includes(mode)) return;
  const page = somePage(draft, file);
  const count = draft.random.between(1, 3);
  if (mode === 'punch' && draft.random.chance(12)) return punchPart(draft, worker, name, page);
  draft.say(worker, 'fallocate', name, `${page}`, `${count}`, mode);
  for (let at = page; at < page + count; at++) {
    if (mode === 'punch') punchPage(draft, file, at);
    if (mode === 'alloc' || (mode === 'keep' && at < file.pages)) file.cached.add(at);
  }
  if (mode === 'alloc') file.pages = Math.max(file.pages, page + count);
});

const ftruncate = onFile((draft, { worker, name, file }) => {
  const pages = Math.max(0, file.pages + draft.random.between(-2, 2));
  const half = draft.random.chance(12) && file.kind !== 'hugetlb' ? '.0x800' : '';
  draft.say(worker, 'ftruncate', name, `${pages}${half}`);
  file.pages = pages + (half === '' ? 0 : 1);
  for (const page of draft.world.pagesOf(file)) {
    if (page.offset >= file.pages && (isShared(page) || page.kind === 'priv')) drop(page);
  }
  for (const cached of [...file.cached]) if (cached >= file.pages) file.cached.delete(cached);
});

/** A descriptor that only reads; its shared mappings cannot become writable. */
const reopen = onFile((draft, { worker, process, name: old, file }) => {
  const name = `R${process.files.size}`;
  if (process.files.has(name) || process.files.size > 3) return;
  draft.say(worker, 'reopen', old, name);
  process.files.set(name, { ...file, name, isReadOnly: true });
});

/** The mappings stay when the name goes. */
const closeFile = onFile((draft, { worker, process, name: old }) => {
  draft.say(worker, 'close', old);
  process.files.delete(old);
});

const dupFile = onFile((draft, { worker, process, name: old, file }) => {
  const name = `D${process.files.size}`;
  if (process.files.has(name) || process.files.size > 3) return;
  draft.say(worker, 'dup', old, name);
  process.files.set(name, file);
});

/** Operations on objects. */
export const FILE_OPERATIONS = {
  fwrite,
  fread,
  fmincore,
  fallocate,
  ftruncate,
  reopen,
  closeFile,
  dupFile,
} as const;
