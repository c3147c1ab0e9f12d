/**
 * Asks the agent about this machine: whether userfaultfd works, why not, and which options of the
 * kernel change transcripts. Reads one JSON line; changes nothing.
 */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { version } from 'node:os';
import { hasCode, messageOf } from '../exit.js';
import { NoKernelError } from './no-kernel.js';

/** What the agent says of the machine that it runs on. */
export interface KernelFacts {
  /** As uname(2) has it: `6.18.44-generic`. */
  readonly release: string;
  /** The stable release that it is built from, where the distribution says: `6.1.176`. */
  readonly stable: string;
  /** Features of UFFDIO_API, in hex. */
  readonly features: string;
  /** CONFIG_MEMORY_FAILURE; `null` where it cannot be told. */
  readonly memoryFailure: boolean | null;
  /** CONFIG_MEM_SOFT_DIRTY. */
  readonly softDirty: boolean;
  /** Whether a read of empty private memory maps the page of zeros that all share. */
  readonly zeroPage: boolean;
  /** Whether threads can have SCHED_FIFO; without it orders may differ. */
  readonly fifo: boolean;
  /** Whether the agent can make a swap device. */
  readonly swapPossible: boolean;
  readonly hugetlb: { readonly pages: number; readonly settable: boolean };
  readonly numaNodes: number;
  /** vm.mmap_min_addr in bytes; -1 where it cannot be read. */
  readonly mmapMinAddr: number;
  /** read_ahead_kb of the device of regular files; -1 where it cannot be read. */
  readonly readAheadKb: number;
}

interface Refusal {
  readonly release: string;
  readonly usable: false;
  readonly reason: string;
  readonly remedy: string;
}

type Answer = (Omit<KernelFacts, 'stable'> & { readonly usable: true }) | Refusal;

const PROBE_MS = 30_000;

/** Runs `agent --probe`; {@link NoKernelError} when userfaultfd cannot be used here. */
export async function probeKernel(program: string): Promise<KernelFacts> {
  const answer: Answer = JSON.parse(await output(program));
  if (answer.usable) return { ...answer, stable: stableRelease(answer.release) };
  throw new NoKernelError(
    `userfaultfd(2) says ${answer.reason} on Linux ${answer.release}`,
    answer.remedy,
  );
}

/** The line that it prints, also with status 2: then it says why. */
function output(program: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, ['--probe'], { timeout: PROBE_MS }, (error, stdout) => {
      if (error === null || stdout.startsWith('{')) resolve(stdout);
      else reject(cannotRun(program, error));
    });
  });
}

function cannotRun(program: string, error: Error): Error {
  if (!hasCode(error, 'EACCES', 'ENOEXEC')) {
    return new Error(`${program} --probe: ${messageOf(error)}`);
  }
  return new NoKernelError(
    `${program} may not be run`,
    'set TMPDIR to a folder on a file system without noexec',
  );
}

const UBUNTU_SIGNATURE = '/proc/version_signature';

/** `6.1.0-50-amd64` of Debian and `6.8.0-45-generic` of Ubuntu hide what they are built from. */
function stableRelease(release: string): string {
  const [, debian] = /Debian (\d+\.\d+\.\d+)/.exec(version()) ?? [];
  if (debian !== undefined || !existsSync(UBUNTU_SIGNATURE)) return debian ?? release;
  const [, ubuntu] = / (\d+\.\d+\.\d+)\s*$/.exec(readFileSync(UBUNTU_SIGNATURE, 'utf8')) ?? [];
  return ubuntu ?? release;
}
