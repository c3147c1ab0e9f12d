/**
 * Objects that refer to each other, taken down or copied as a whole by listing their fields.
 * Taking down keeps identities: what is put back are the very objects, as they were.
 * Left alone are functions, which belong to whoever made the object, and typed arrays: those that
 * change have an owner who keeps them in versions. No recursion: chains may be long.
 */

/** What a walk does with an object: enters it, leaves it as it is, or leaves it out of a copy. */
export type GraphRule = (object: object) => 'enter' | 'share' | 'omit';

/** An object that takes its own state down. */
export interface SelfSaving {
  /** Answers how the state is put back. */
  saveState(): () => void;
}

/** An object that makes its copy by itself; its fields are copied afterwards. */
export interface SelfCopying {
  /** A new object; parts of it that stand for parts of this one are entered in the copier. */
  copyWith(copier: Copier): object;
}

type Fields = Record<string, unknown>;

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

const isField = (value: unknown): boolean =>
  typeof value !== 'function' && !ArrayBuffer.isView(value);

/** Takes down everything that can be reached; the answer puts it back. */
export function saveGraph(root: object, rule: GraphRule): () => void {
  const seen = new Set<object>([root]);
  const undo: (() => void)[] = [];
  const meet = (value: unknown): void => {
    if (isObject(value) && !ArrayBuffer.isView(value) && rule(value) === 'enter') seen.add(value);
  };
  for (const object of seen) undo.push(saveObject(object, meet));
  return () => {
    for (const putBack of undo) putBack();
  };
}

function saveObject(object: object, meet: (value: unknown) => void): () => void {
  if ('saveState' in object) return (object as SelfSaving).saveState();
  if (Array.isArray(object)) return saveArray(object, meet);
  if (object instanceof Map) return saveMap(object, meet);
  if (object instanceof Set) return saveSet(object, meet);
  return saveFields(object as Fields, meet);
}

function saveArray(array: unknown[], meet: (value: unknown) => void): () => void {
  const items = [...array];
  items.forEach(meet);
  return () => {
    array.length = 0;
    for (const item of items) array.push(item);
  };
}

function saveMap(map: Map<unknown, unknown>, meet: (value: unknown) => void): () => void {
  const entries = [...map];
  for (const [key, value] of entries) {
    meet(key);
    meet(value);
  }
  return () => {
    map.clear();
    for (const [key, value] of entries) map.set(key, value);
  };
}

function saveSet(set: Set<unknown>, meet: (value: unknown) => void): () => void {
  const items = [...set];
  items.forEach(meet);
  return () => {
    set.clear();
    for (const item of items) set.add(item);
  };
}

function saveFields(object: Fields, meet: (value: unknown) => void): () => void {
  const fields = Object.entries(object).filter(([, value]) => isField(value));
  for (const [, value] of fields) meet(value);
  return () => {
    for (const name of Object.keys(object)) if (isField(object[name])) object[name] = undefined;
    for (const [name, value] of fields) object[name] = value;
  };
}

/** Copies objects once each, so that the copies refer to each other as the originals do. */
export class Copier {
  readonly #copies = new Map<object, object>();
  readonly #unfilled: [from: object, to: object][] = [];

  constructor(readonly rule: GraphRule) {}

  /** Says what stands for an object in the copy. */
  enter(from: object, to: object): void {
    this.#copies.set(from, to);
  }

  /** The copy of a value; what lies behind it is there after {@link Copier.finish}. */
  copy<T>(value: T): T {
    if (!isObject(value) || ArrayBuffer.isView(value)) return value;
    const known = this.#copies.get(value);
    if (known !== undefined) return known as T;
    const treatment = this.rule(value);
    if (treatment !== 'enter') return (treatment === 'share' ? value : undefined) as T;
    const made = this.#make(value);
    this.#copies.set(value, made);
    this.#unfilled.push([value, made]);
    return made as T;
  }

  /** Fills every copy that was made. */
  finish(): void {
    for (const [from, to] of this.#unfilled) this.#fill(from, to);
  }

  #make(object: object): object {
    if ('copyWith' in object) return (object as SelfCopying).copyWith(this);
    if (Array.isArray(object)) return [];
    if (object instanceof Map) return new Map();
    if (object instanceof Set) return new Set();
    return Object.create(Object.getPrototypeOf(object)) as object;
  }

  #fill(from: object, to: object): void {
    if (Array.isArray(from)) for (const item of from) (to as unknown[]).push(this.copy(item));
    else if (from instanceof Map) this.#fillMap(from, to as Map<unknown, unknown>);
    else if (from instanceof Set) this.#fillSet(from, to as Set<unknown>);
    else this.#fillFields(from as Fields, to as Fields);
  }

  #fillMap(from: Map<unknown, unknown>, to: Map<unknown, unknown>): void {
    for (const [key, value] of from) to.set(this.copy(key), this.copy(value));
  }

  #fillSet(from: Set<unknown>, to: Set<unknown>): void {
    for (const item of from) if (!this.#isOmitted(item)) to.add(this.copy(item));
  }

  #fillFields(from: Fields, to: Fields): void {
    for (const [name, value] of Object.entries(from)) {
      if (isField(value)) to[name] = this.copy(value);
      else if (typeof value !== 'function') to[name] ??= value; // bytes that nobody changes
    }
  }

  #isOmitted(item: unknown): boolean {
    return isObject(item) && !this.#copies.has(item) && this.rule(item) === 'omit';
  }
}
