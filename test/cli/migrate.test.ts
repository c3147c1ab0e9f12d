import { existsSync, readFileSync } from 'node:fs';
import { connect as connectTo, createServer, type Server } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { encodeHeader, FrameDecoder, FrameType } from '../../src/cli/migrate/wire/frame.js';
import { MODES } from '../../src/cli/migrate/wire/messages.js';
import { Cli } from './cli-process.js';
import { TestFolder, traceText } from './trace-file.js';

vi.setConfig({ testTimeout: 20_000 }); // each test starts processes, on a machine that may be busy

const cli = new Cli();
const folder = new TestFolder();
const text = traceText({ accesses: 40_000, pages: 150 });
const trace = folder.write('made-up.gz', gzipSync(text));

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Listens on a free port of loopback; returns the port. */
async function listenOn(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

/** A relay between a source and a destination; it shows what the source sends, frame by frame. */
function relayTo(port: number, onFrame: (type: number, payload: Buffer) => void): Promise<number> {
  const server = createServer((source) => {
    const destination = connectTo(port, '127.0.0.1');
    const decoder = new FrameDecoder();
    source.on('data', (chunk) => {
      for (const { type, payload } of decoder.push(Buffer.from(chunk))) {
        const copy = Buffer.from(payload);
        onFrame(type, copy);
        destination.write(Buffer.concat([encodeHeader(type, copy.length), copy]));
      }
    });
    destination.pipe(source);
    for (const end of [source, destination]) {
      end.on('error', () => server.close());
      end.on('close', () => {
        source.destroy();
        destination.destroy();
      });
    }
  });
  return listenOn(server);
}

/** Starts a destination of its own and returns its process and its port. */
async function startDestination() {
  const running = cli.start(['migrate', '--listen', '0', trace]);
  const match = await running.stderrMatch(/listening on 127\.0\.0\.1:(\d+); now run: (.*)/);
  return { running, port: Number(match[1]) };
}

const oneLine = /^uffd-emulator: [^\n]+\n$/;

describe('uffd-emulator migrate', () => {
  test.each(MODES)('ends with one line that says verified, in two processes: %s', async (mode) => {
    const { exitCode, stdout, stderr } = await cli.run(['migrate', '--mode', mode, trace]);
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    const last = stdout.trimEnd().split('\n').at(-1);
    expect(last).toMatch(/^\w+: [\d,]+ pages, \d+ rounds, [\d,]+ faults, .*: verified \(sha256 /);
  });

  test('gives the same JSON in one process and in two, apart from `wall`', async () => {
    const results = await Promise.all([
      cli.run(['migrate', '--json', '--mode', 'hybrid', trace]),
      cli.run(['migrate', '--json', '--mode', 'hybrid', '--in-process', trace]),
    ]);
    const [two, one] = results.map(({ stdout }) => JSON.parse(stdout));
    expect([two.wall.transport, one.wall.transport]).toEqual(['tcp, two processes', 'in-process']);
    expect({ ...two, wall: undefined }).toEqual({ ...one, wall: undefined });
    expect(one).toMatchObject({ format: 'uffd-emulator migration', outcome: 'verified' });
  });

  test('migrates between two terminals', async () => {
    const { running, port } = await startDestination();
    const source = await cli.run(['migrate', '--connect', String(port), trace]);
    const destination = await running.ended;
    expect([source.exitCode, destination.exitCode]).toEqual([0, 0]);
    expect(destination.stdout).toMatch(/^destination: \d+ pages, 0 missing faults: verified\n$/);
  });

  test('writes a report', async () => {
    const report = `${folder.path}/report.html`;
    const { stdout } = await cli.run(['migrate', '--in-process', '--report', report, trace]);
    expect(stdout).toContain(`report: ${report}`);
    expect(readFileSync(report, 'utf8').startsWith('<!doctype html>')).toBe(true);
  });

  test('prints no escape sequence where there is no terminal or NO_COLOR is set', async () => {
    const startOfEscape = String.fromCharCode(27);
    const plain = await cli.run(['migrate', '--in-process', trace]);
    expect((plain.stdout + plain.stderr).includes(startOfEscape)).toBe(false);
    const forced = await cli.run(['migrate', '--in-process', trace], { FORCE_COLOR: '1' });
    expect(forced.stdout.includes(startOfEscape)).toBe(true);
  });

  test('documents its exit codes', async () => {
    const { exitCode, stdout } = await cli.run(['migrate', '--help']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('Exit codes:');
    expect(stdout).not.toContain('migrate-destination');
  });
});

describe('bad input', () => {
  test.each([
    [['--mode', 'teleport'], "unknown mode 'teleport'; --mode takes precopy, postcopy, hybrid"],
    [['--vcpus', '0'], "--vcpus takes a number from 1 to 64, not '0'"],
    [['--vcpus', '1.5'], "--vcpus takes a whole number, not '1.5'"],
    [['--bandwidth', 'fast'], "--bandwidth takes a number from 0.001 to 10000, not 'fast'"],
    [['--port', '70000'], '--port takes a number from 0 to 65535'],
    [['--connect', 'nowhere'], "--connect takes PORT or HOST:PORT, not 'nowhere'"],
    [['--in-process', '--port', '7'], 'exclude each other'],
    [['--report', '/nowhere/at/all/x.html'], 'cannot be written; choose a folder that can'],
    [['--turbo'], "unknown option '--turbo'; see uffd-emulator --help"],
  ])('%j is one line on stderr and exit 2', async (options, message) => {
    const { exitCode, stdout, stderr } = await cli.run(['migrate', ...options, trace]);
    expect(stderr).toContain(message);
    expect(stderr).toMatch(oneLine);
    expect([exitCode, stdout]).toEqual([2, '']);
  });

  test.each([
    ['a missing file', () => `${folder.path}/nowhere`, 'there is no such file'],
    ['an empty file', () => folder.write('empty', ''), 'is empty'],
    ['a text of another kind', () => folder.write('text', 'hello\n'), 'is not a Lackey trace'],
    ['a truncated trace', () => folder.write('cut', text.slice(0, 9_999)), 'is truncated'],
    [
      'a truncated gzip',
      () => folder.write('cut.gz', gzipSync(text).subarray(0, 999)),
      'too early',
    ],
  ])('%s is one line on stderr and exit 2', async (_, make, message) => {
    const { exitCode, stdout, stderr } = await cli.run(['migrate', make()]);
    expect(stderr).toContain(message);
    expect(stderr).toMatch(oneLine);
    expect([exitCode, stdout]).toEqual([2, '']);
  });

  test.each(['--port', '--listen'])('a busy port is one line and exit 2: %s', async (option) => {
    const port = await listenOn(createServer());
    const { exitCode, stderr } = await cli.run(['migrate', option, String(port), trace]);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain(`port ${port} on 127.0.0.1 is in use; choose another port`);
    expect(exitCode).toBe(2);
  });

  test('a destination that does not listen is one line and exit 2', async () => {
    const server = createServer();
    const port = await listenOn(server);
    await new Promise((resolve) => server.close(resolve));
    const { exitCode, stderr } = await cli.run(['migrate', '--connect', String(port), trace]);
    expect(stderr).toContain(`start it first: uffd-emulator migrate --listen ${port}`);
    expect(stderr).toMatch(oneLine);
    expect(exitCode).toBe(2);
  });

  test('an unknown command, none at all, and an option without its value are exit 2', async () => {
    const calls = [['emigrate'], [], ['migrate', '--mode']];
    const ends = await Promise.all(calls.map((args) => cli.run(args)));
    expect(ends.map(({ exitCode }) => exitCode)).toEqual([2, 2, 2]);
    for (const { stderr } of ends) expect(stderr).toMatch(oneLine);
  });
});

describe('trouble on the way', () => {
  test.each(MODES)('a killed destination: the source says so and exits 1: %s', async (mode) => {
    const { running, port } = await startDestination();
    let pages = 0;
    const relay = await relayTo(port, (type) => {
      if (type === FrameType.PAGE && ++pages === 40) running.child.kill('SIGKILL');
    });
    const startedMs = performance.now();
    const args = ['migrate', '--mode', mode, '--connect', String(relay), trace];
    const { exitCode, stdout, stderr } = await cli.run(args);
    expect((await running.ended).exitCode).toBeNull();
    expect(stderr).toMatch(oneLine);
    expect(stderr).toMatch(/the destination (closed|is gone).* the guest is intact on the source/);
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(performance.now() - startedMs).toBeLessThan(9_000);
  });

  test('a page that was changed on its way: both sides exit 1', async () => {
    const victim = 0x4a00_0000 + 140 * 4096;
    const { running, port } = await startDestination();
    const relay = await relayTo(port, (type, payload) => {
      if (type === FrameType.PAGE && payload.readDoubleLE(0) === victim) payload[3000]! ^= 0xff;
    });
    const source = await cli.run(['migrate', '--connect', String(relay), trace]);
    const destination = await running.ended;
    expect(source.stderr).toContain('1 of 151 pages differ between the two sides: 0x4a08c000');
    expect(source.stdout).toMatch(/: MISMATCH\n$/);
    expect(destination.stdout).toMatch(/: MISMATCH\n$/);
    expect([source.exitCode, destination.exitCode]).toEqual([1, 1]);
  });

  test('a server of another kind: one line and exit 1', async () => {
    const port = await listenOn(createServer((socket) => socket.end('HTTP/1.1 400 Bad\r\n\r\n')));
    const { exitCode, stderr } = await cli.run(['migrate', '--connect', String(port), trace]);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain('does not speak the migration protocol');
    expect(exitCode).toBe(1);
  });

  test('a report is not written when the migration fails', async () => {
    const report = `${folder.path}/none.html`;
    const port = await listenOn(createServer((socket) => socket.destroy()));
    const args = ['migrate', '--connect', String(port), '--report', report, trace];
    expect((await cli.run(args)).exitCode).toBe(1);
    expect(existsSync(report)).toBe(false);
  });
});
