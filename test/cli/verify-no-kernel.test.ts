/**
 * `verify` where there is no kernel that it may use: each run is a process with less than this one
 * has. Needs root to give rights away, and Linux.
 */
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { root } from '../../tools/files.js';

vi.setConfig({ testTimeout: 30_000 }); // compiles the agent, on a machine that may be busy

const NOBODY = 65534;
const EXIT_UNREADABLE = 77;
const UNPRIVILEGED = '/proc/sys/vm/unprivileged_userfaultfd';

const isRootOnLinux = process.platform === 'linux' && process.getuid?.() === 0;
const isOpenToAll = existsSync(UNPRIVILEGED) && readFileSync(UNPRIVILEGED, 'utf8').trim() === '1';

const folder = mkdtempSync(join(tmpdir(), 'uffd-emulator-verify-'));
chmodSync(folder, 0o777);
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const scenario = join(folder, 'a.scn');
writeFileSync(scenario, 'nop\n');

let folders = 0;

/** Runs the command as a user, with a temporary folder in which nothing is compiled yet. */
function verifyAs(uid: number, env: NodeJS.ProcessEnv = {}) {
  const fresh = mkdtempSync(join(folder, `tmp${folders++}-`));
  chmodSync(fresh, 0o777);
  const child = join(root, 'test', 'cli', 'verify-child.ts');
  const args = ['--import', 'tsx', child, String(uid), scenario];
  const options = { cwd: root, env: { ...process.env, TMPDIR: fresh, ...env } };
  return new Promise<{ code: number | string | null | undefined; stderr: string }>((resolve) => {
    execFile(process.execPath, args, options, (error, _stdout, stderr) => {
      resolve({ code: error === null ? 0 : error.code, stderr });
    });
  });
}

test.runIf(isRootOnLinux && !isOpenToAll)(
  'a user without permission is told so, with the remedy, and status 2',
  async (context) => {
    const { code, stderr } = await verifyAs(NOBODY);
    if (code === EXIT_UNREADABLE) context.skip('the checkout is closed to other users');
    expect(stderr).toMatch(
      /^no usable kernel: userfaultfd\(2\) says EPERM on Linux \S+\. Remedy: /,
    );
    expect(stderr).toMatch(/run as root \(CAP_SYS_PTRACE\), or set vm\.unprivileged_userfaultfd/);
    expect(code).toBe(2);
  },
);

test.runIf(process.platform === 'linux')(
  'without cc the compiler to install is named, and the status is 2',
  async () => {
    const { code, stderr } = await verifyAs(process.getuid?.() ?? 0, {
      PATH: join(folder, 'none'),
    });
    expect(stderr).toBe(
      'no usable kernel: there is no cc in PATH. Remedy: ' +
        'install a C compiler and the headers of libc (Debian: gcc and libc6-dev)\n',
    );
    expect(code).toBe(2);
  },
);

test.runIf(process.platform === 'linux')(
  'with a cc that fails its first words are told, and the status is 2',
  async () => {
    const cc = join(folder, 'cc');
    writeFileSync(cc, '#!/bin/sh\necho "agent.h: no such header" >&2\nexit 1\n');
    chmodSync(cc, 0o755);
    const { code, stderr } = await verifyAs(process.getuid?.() ?? 0, { PATH: folder });
    expect(stderr).toMatch(/cc cannot compile the agent \(agent\.h: no such header\)/);
    expect(code).toBe(2);
  },
);
