import { describe, expect, test } from 'vitest';
import { runScenario, type ScenarioOptions } from '../../src/scenario/run.js';

/** Result lines of a scenario, without the operations as written. */
function results(text: string, options: ScenarioOptions = {}): string[] {
  const { transcript } = runScenario(text, options);
  return transcript.split('\n').filter((line) => line !== '' && !line.startsWith('> '));
}

/** A registered range of four pages, faults unread. */
const REGISTERED = 'uffd U\napi U\nmap A 4 anon\nregister U A 4 missing\n';
const registered = (text: string): string[] => results(REGISTERED + text).slice(4);

describe('a transcript', () => {
  test('repeats each operation and ends with a dot', () => {
    expect(runScenario('T0  nop # nothing\n\n# nothing at all\nnop')).toEqual({
      transcript: '> T0 nop\n= ok\n> nop\n= ok\n. end\n',
      status: 0,
      unmodelled: [],
    });
  });

  test('keeps the blank of an empty result', () => {
    expect(runScenario('pagemap A 0').transcript).toBe('> pagemap A 0\n= \n. end\n');
  });

  test('prints what an operation let finish behind it, in the order of the workers', () => {
    expect(registered('T1 read A\nT0 write A+1\nwake U A 4\nzeropage U A 4')).toEqual([
      '= blocked',
      '= blocked',
      '= ok',
      '= ok zeropage=4',
      '~ P0.T0 ok',
      '~ P0.T1 0x00',
      '. end',
    ]);
  });

  test('names at the end who is still blocked', () => {
    expect(registered('T1 read A\nT0 write A+1').at(-1)).toBe('. end blocked=P0.T0,P0.T1');
  });

  test('continues a result of several lines with |', () => {
    expect(registered('T0 read A+1\nT1 read A\ndrain U\njoin T0').slice(2)).toEqual([
      '= 2',
      '| PAGEFAULT flags=0 addr=A+0 tid=0',
      '| PAGEFAULT flags=0 addr=A+1 tid=0',
      '= blocked',
      '. end blocked=P0.T0,P0.T1',
    ]);
  });
});

describe('a line that cannot run', () => {
  test.each(['P1', 'P0', 'frob', 'M nop', 'map A', 'wake U Q 1', 'join', 'join X', 'kill 3'])(
    '%s is BADOP, and the run ends with status 2',
    (line) => {
      expect(runScenario(line)).toMatchObject({
        transcript: `> ${line}\n= BADOP\n. end\n`,
        status: 2,
      });
    },
  );

  test('is dead for a process that was never born, before its arguments are read', () => {
    expect(results('P1 frob\nP3.T0 read A\njoin P2')).toEqual([
      '= dead',
      '= dead',
      '= dead',
      '. end',
    ]);
  });

  test('is busy for a worker that sleeps, before its arguments are read', () => {
    expect(registered('T0 read A\nT0 frob').slice(0, 2)).toEqual(['= blocked', '= busy']);
  });

  test('is NOFD for a name that the process does not have, once its arguments parse', () => {
    expect(results('wake U A 1\nwake U A x\nclose U\nfread F 0')).toEqual([
      '= NOFD',
      '= BADOP',
      '= NOFD',
      '= NOFD',
      '. end',
    ]);
  });

  test('is UNMODELLED for what the emulator lacks, and the run ends with status 1', () => {
    const { transcript, status, unmodelled } = runScenario(
      'map A 1024 anon-shared\nwrite A\nmadvise A 512 COLLAPSE\nP1\nnop',
    );
    expect(transcript).toBe(
      '> map A 1024 anon-shared\n= ok\n> write A\n= ok\n> madvise A 512 COLLAPSE\n= UNMODELLED\n> P1\n= BADOP\n> nop\n= ok\n. end\n',
    );
    expect(status).toBe(1);
    expect(unmodelled).toEqual([
      'MADV_COLLAPSE of a file (huge pages in the page cache) is not modelled',
    ]);
  });
});

describe('names', () => {
  test('are closed when they are given again, after the new descriptor was made', () => {
    expect(registered('T0 read A\nuffd U').slice(1)).toEqual(['= ok', '~ P0.T0 0x00', '. end']);
  });

  test('are at most 32 in a process', () => {
    const lines = Array.from({ length: 33 }, (_, i) => `file F${i} shmem 1`);
    expect(results(`${lines.join('\n')}\nfile F0 shmem 1`).slice(31)).toEqual([
      '= ok',
      '= BADOP',
      '= ok',
      '. end',
    ]);
  });

  test('are copied by fork', () => {
    expect(results('file F shmem 1 fill=7\nfork P1\nclose F\nfread F 0\nP1 fread F 0')).toEqual([
      '= ok',
      '= ok',
      '= ok',
      '= NOFD',
      '= 0:07',
      '. end',
    ]);
  });
});

describe('processes', () => {
  test('a child exists once its fork has returned', () => {
    const text = 'uffd U\napi U features=EVENT_FORK\nmap A 1 anon\nregister U A 1 missing\n';
    expect(results(`${text}T0 fork P1\nP1 nop\nfork P1\nevent U\nP1 nop`).slice(4)).toEqual([
      '= blocked',
      '= dead',
      '= busy',
      '= FORK ufd=closed',
      '~ P0.T0 ok',
      '= ok',
      '. end',
    ]);
  });

  test('the operations of a process that ends vanish without a line', () => {
    expect(registered('T0 read A\nexit\nnop')).toEqual([
      '= blocked',
      '= exited',
      '= dead',
      '. end',
    ]);
    expect(registered('fork P1\nT0 read A\nkill P0\nP1 nop').slice(1)).toEqual([
      '= blocked',
      '= killed',
      '= ok',
      '. end',
    ]);
  });

  test('a copy whose buffer is gone kills its process', () => {
    expect(registered('munmap BUF 4096\ncopy U A 1\nnop').slice(1)).toEqual([
      '= died',
      '= dead',
      '. end',
    ]);
  });

  test('a caught signal starts a fault again with a new message', () => {
    expect(registered('T0 read A\nevent U\nsignal T0\nevent U\nwake U A 1\nfdinfo U')).toEqual([
      '= blocked',
      '= PAGEFAULT flags=0 addr=A+0 tid=0',
      '= ok',
      '= PAGEFAULT flags=0 addr=A+0 tid=0',
      '= ok',
      '= pending=1 total=1',
      '. end blocked=P0.T0',
    ]);
  });

  test('join gives the last result again, and idle when there is none', () => {
    expect(results('join T0\nmap A 1 anon\nT0 write A\njoin T0\nT0 frob\njoin T0')).toEqual([
      '= idle',
      '= ok',
      '= ok',
      '= ok',
      '= BADOP',
      '= BADOP',
      '. end',
    ]);
  });

  test('a thread that changed its user can look at nothing', () => {
    const text = 'map A 1 anon\nT0 setuid 1000\nT0 pagemap A 1\nT0 scan A 1\nT0 peek A 1';
    expect(results(`${text}\npagemap A 1`, { config: { softDirty: false } }).slice(1)).toEqual([
      '= ok',
      '= EACCES',
      '= EACCES',
      '= EACCES',
      '= 0:-',
      '. end',
    ]);
  });
});

describe('a FORK message', () => {
  const text =
    'uffd U\napi U features=EVENT_FORK\nmap A 1 anon\nregister U A 1 missing\n' +
    'T0 fork P1\nT1 fork P2\n';

  test('gives its descriptor the name of as=, the next one a number', () => {
    expect(results(`${text}drain U as=V\nfdinfo V\nfdinfo V1`).slice(6)).toEqual([
      '= 2',
      '| FORK ufd=V',
      '| FORK ufd=V1',
      '~ P0.T0 ok',
      '~ P0.T1 ok',
      '= pending=0 total=0',
      '= pending=0 total=0',
      '. end',
    ]);
  });

  test('numbers by the place among all messages read, after 12 characters of the name', () => {
    expect(results(`${text}event U n=2 as=ABCDEFGHIJKLMNO`).slice(6, 9)).toEqual([
      '= 2',
      '| FORK ufd=ABCDEFGHIJKLMNO',
      '| FORK ufd=ABCDEFGHIJKL1',
    ]);
  });
});

describe('an access', () => {
  test('across a page boundary is one instruction', () => {
    expect(
      results('map A 1 anon\nwrite A off=4092 size=8 val=1\npeek A 1\nread A off=4094 size=4'),
    ).toEqual([
      '= ok',
      '= SIGSEGV/MAPERR addr=A+1',
      '= 0:00',
      '= SIGSEGV/MAPERR addr=A+1',
      '. end',
    ]);
  });

  test('from inside the kernel counts whole pieces of a page', () => {
    expect(results('map A 1 anon\nsysread A off=4092\npeek A 1\nsyswrite A off=4088')).toEqual([
      '= ok',
      '= EFAULT',
      '= 0:00*4092,41*4',
      '= 8 data=00*4,41*4',
      '. end',
    ]);
  });

  test('to another process that does not exist is ESRCH', () => {
    expect(results('vmread P1 A\nvmwrite P0.T1 A')).toEqual(['= ESRCH', '= BADOP', '. end']);
  });
});

test('read-ahead that meets a page marked by another stream comes to an end', () => {
  const text =
    'file F reg 7 fill=seq0x31\nmap A 7 shared F\nT0 sysread A n=8\nfallocate F 6 2 punch\n' +
    'T1 swapout A 1\nT2 write A+5\nT3 swapout A+4 3\nfread F 0 7';
  const [read] = results(text, { readAhead: 8192 * 1024 }).slice(-2);
  expect(read).toContain('0:41*8');
});
