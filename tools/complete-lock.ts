/**
 * Completes package-lock.json with the optional packages of other platforms that a registry did not
 * serve at install time: `npm ci` refuses a lock that lacks them. Runs after every `npm install`
 * that changed the lock (`npm run lock`). Never changes an entry that is there.
 */
import { readFileSync, writeFileSync } from 'node:fs';

interface Entry {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  cpu?: string[];
  os?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
}

type Packages = Record<string, Entry>;

/** Looks a name up as Node does: in the package's own node_modules, then in each parent's. */
function isLocked(packages: Packages, from: string, name: string): boolean {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('node_modules/') - 1))) {
    if (packages[`${at ? `${at}/` : ''}node_modules/${name}`]) return true;
    if (at === '') return false;
  }
}

function libcOf(name: string): string | undefined {
  if (name.includes('musl')) return 'musl';
  return name.includes('gnu') ? 'glibc' : undefined;
}

/** Reads the platform off the package's name, as in `@biomejs/cli-linux-arm64-musl`. */
function platformEntry(name: string, version: string, isDev: boolean): Entry {
  const os = /android|darwin|freebsd|openbsd|netbsd|openharmony|sunos|aix|win32|linux/.exec(name);
  const cpu = /-(arm64|ppc64|riscv64|s390x|loong64|x64|ia32|arm)\b/.exec(name)?.[1];
  const libc = os?.[0] === 'linux' ? libcOf(name) : undefined;
  return {
    version,
    ...(cpu && { cpu: [cpu] }),
    ...(isDev && { dev: true }),
    ...(libc && { libc: [libc] }),
    optional: true,
    ...(os && { os: [os[0]] }),
  };
}

function missingEntries(packages: Packages): Packages {
  const missing: Packages = {};
  for (const [path, entry] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (isLocked(packages, path, name)) continue;
      if (!/^\d+\.\d+\.\d+/.test(version)) {
        throw new Error(`${name}@${version} of ${path}: not an exact version`);
      }
      missing[`node_modules/${name}`] = platformEntry(name, version, entry.dev === true);
    }
  }
  return missing;
}

const file = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(file, 'utf8')) as { packages: Packages };
const missing = missingEntries(lock.packages);
const byPath = ([a]: [string, Entry], [b]: [string, Entry]) => (a < b ? -1 : 1);
lock.packages = Object.fromEntries(Object.entries({ ...lock.packages, ...missing }).sort(byPath));
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${Object.keys(missing).length} entries added`);
