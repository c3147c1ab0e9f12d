import { describe, expect, test } from 'vitest';
import { OPERATIONS } from '../../src/scenario/operations/table.js';
import { runScenario, type ScenarioOptions } from '../../src/scenario/run.js';

/** The result line of the last operation. */
function last(text: string, options: ScenarioOptions = {}): string | undefined {
  return runScenario(text, { config: { softDirty: false }, ...options })
    .transcript.split('\n')
    .filter((line) => line.startsWith('='))
    .at(-1);
}

test('every operation of the language has an entry', () => {
  const language =
    'file map munmap mprotect mlock munlock mremap madvise swapout fallocate ftruncate fwrite ' +
    'fread fmincore close dup reopen uffd api register unregister wake copy zeropage continue ' +
    'poison move wp rwp setmode ioctl event drain poll fdinfo read write rmw sysread syswrite ' +
    'vmread vmwrite pagemap scan peek vmflags smaps mincore migrate clearrefs fork exit setuid nop';
  expect([...OPERATIONS.keys()].sort()).toEqual(language.split(' ').sort());
});

describe('mappings', () => {
  test('map does not replace what is there, unless it is fixed', () => {
    expect(last('map A 2 anon\nmap A+1 2 anon')).toBe('= EEXIST');
    expect(last('map A 2 anon\nmap A+1 2 anon flags=fixed')).toBe('= ok');
  });

  test('mremap gives the new address, elsewhere in no window', () => {
    expect(last('map A 2 anon\nmremap A 2 2 to=C+1')).toBe('= C+1');
    expect(last('map A 2 anon\nmap A+2 1 anon prot=r\nmremap A 2 4 flags=maymove')).toBe(
      '= elsewhere',
    );
    expect(last('map A 2 anon\nmremap A 2 2 to=C rawflags')).toBe('= A+0');
  });

  test('madvise takes one name or number', () => {
    expect(last('map A 1 anon\nmadvise A 1 4')).toBe('= ok');
    expect(last('map A 1 anon\nmadvise A 1 DONTNEED,FREE')).toBe('= BADOP');
    expect(last('map A 1 anon\nmadvise A 1 99')).toBe('= EINVAL');
  });
});

describe('files', () => {
  test('fwrite fills whole pages and extends the file, fread shows them', () => {
    expect(last('file F shmem 1\nfwrite F 2\nfread F 0 4')).toBe('= 0:00 1:00 2:66 3:eof');
    expect(last('file F shmem 3 fill=seq7\nfread F 0 3')).toBe('= 0:07 1:08 2:09');
    expect(last('file F shmem 1\nfwrite F 1 2 fill=seq\nfread F 1 2')).toBe('= 1:10 2:11');
  });

  test('fwrite names what failed before its ok', () => {
    expect(last('file F shmem 1\nreopen F R\nfwrite R 0 2')).toBe('= fill EBADF fill EBADF ok');
  });

  test('fmincore shows the cached pages', () => {
    expect(last('file F shmem 3\nfwrite F 1\nfmincore F')).toBe('= 010');
    expect(last('file F shmem 0\nfmincore F')).toBe('= empty');
    expect(last('file F shmem 0\nftruncate F 1.0x10\nfmincore F')).toBe('= 00');
  });

  test('dup and reopen name another descriptor of the same file', () => {
    const text = 'file F shmem 1 fill=3\ndup F G\nclose F\n';
    expect(last(`${text}fread G 0`)).toBe('= 0:03');
    expect(last(`${text}reopen G R\nmap A 1 shared R`)).toBe('= EACCES');
  });
});

describe('userfaultfd', () => {
  test('uffd through the device says which step failed', () => {
    expect(last('uffd U via=dev', { kernel: '5.10' })).toBe('= open ENOENT');
    expect(last('setuid 7\nuffd U via=dev')).toBe('= open EACCES');
    expect(last('uffd U via=dev flags=0x10000')).toBe('= EINVAL');
    expect(last('uffd U via=proc')).toBe('= BADOP');
  });

  test('api shows the struct, on failure too', () => {
    expect(last('uffd U\napi U show', { kernel: '5.10' })).toBe(
      '= ok api=0xaa features=0x1ff ioctls=REGISTER,UNREGISTER,API',
    );
    expect(last('uffd U\napi U api=1 show')).toBe('= EINVAL api=0x0 features=0x0 ioctls=0');
  });

  test('a result field counts in units of the destination, negative as an errno', () => {
    const text = 'uffd U\napi U\nmap A 2 anon\nregister U A 2 missing\n';
    expect(last(`${text}copy U A 2`)).toBe('= ok copy=2');
    expect(last(`${text}copy U A 1\ncopy U A 1`)).toBe('= EEXIST copy=-EEXIST');
    expect(last(`${text}copy U A+1 1\nzeropage U A 2`)).toBe('= EAGAIN zeropage=1');
    expect(last(`${text}poison U A 0`)).toBe('= EINVAL updated=untouched');
  });

  test('copy fills its buffer unit by unit, and leaves it alone with another source', () => {
    const text =
      'uffd U\napi U\nmap A 4 anon\nmap B 1 anon\nregister U A 4 missing\nwrite B val=9\n';
    expect(last(`${text}copy U A 2 fill=seq\npeek A 2`)).toBe('= 0:10 1:11');
    expect(last(`${text}copy U A 2 fill=7\ncopy U A+2 1 src=BUF+1 fill=8\npeek A 3`)).toBe(
      '= 0-2:07',
    );
    expect(last(`${text}copy U A 1 src=B\npeek A 1`)).toBe('= 0:09*1,00*4095');
  });

  test('rwp and setmode are unknown ioctls before 7.3', () => {
    const text = 'uffd U\napi U\nmap A 1 anon\n';
    expect(last(`${text}rwp U A 1 on`)).toBe('= EINVAL');
    expect(last(`${text}setmode U`)).toBe('= EINVAL');
    expect(last(`${text}rwp U A 1 on`, { kernel: '7.3' })).toBe('= ENOENT');
    expect(last(`${text}setmode U`, { kernel: '7.3' })).toBe('= ok');
  });

  test('swapout pages out what can go', () => {
    expect(last('map A 2 anon\nwrite A\nswapout A 2\npagemap A 2')).toBe('= 0:S 1:-');
    expect(last('map A 2 anon\nread A\nswapout A 2')).toBe('= partial left=1');
    expect(last('swapout A 1')).toBe('= ENOMEM');
  });

  test('event, drain and poll of one that could sleep', () => {
    const text = 'uffd U flags=none\napi U\n';
    expect(last(`${text}drain U`)).toBe('= notnonblock');
    expect(last(`${text}poll U`)).toBe('= POLLERR');
    expect(last(`${text}T0 event U`)).toBe('= blocked');
  });
});

describe('accesses', () => {
  test('print what they loaded in hex, low byte first', () => {
    const text = 'map A 1 anon\nwrite A val=0x1234 size=2\n';
    expect(last(`${text}read A size=2`)).toBe('= 0x1234');
    expect(last(`${text}read A off=1`)).toBe('= 0x12');
    expect(last(`${text}rmw A val=0xff`)).toBe('= 0x34');
    expect(last(`${text}rmw A val=0xff\nread A`)).toBe('= 0x33');
    expect(last(`${text}read A size=3`)).toBe('= BADOP');
  });

  test('print a signal with its exact address', () => {
    expect(last('read A off=16')).toBe('= SIGSEGV/MAPERR addr=A+0.0x10');
    expect(last('map A 1 anon prot=r\nwrite A')).toBe('= SIGSEGV/ACCERR addr=A+0');
    expect(last('file F shmem 1\nmap A 2 shared F\nread A+1')).toBe('= SIGBUS/ADRERR addr=A+1');
  });

  test('of another process print how much was moved', () => {
    const text = 'map A 1 anon\nwrite A val=5\nfork P1\n';
    expect(last(`${text}vmread P1 A off=4088 n=16`)).toBe('= 8 data=00');
    expect(last(`${text}vmread P1 A n=2`)).toBe('= 2 data=05*1,00*1');
    expect(last(`${text}vmwrite P1 A n=3\nP1 peek A 1`)).toBe('= 0:41*3,00*4093');
  });
});

describe('observers', () => {
  test('pagemap joins pages that are alike and counts in their window', () => {
    expect(last('map B 4 anon\nwrite B+1\nread B+2\npagemap B 4')).toBe('= 0:- 1:PX 2:P 3:-');
    expect(last('pagemap B-1 2')).toBe('= 262143:- 0:-');
    expect(last('pagemap HA 2')).toBe('= 0-1:-');
    expect(last('pagemap A 300000')).toBe('= BADOP');
  });

  test('vmflags shows the areas of a window, or those that a range touches', () => {
    const text = 'map A 2 anon\nmap A+2 2 anon prot=r\n';
    expect(last(`${text}vmflags A+3`)).toBe('= 0-2:rw-p:- 2-4:r--p:-');
    expect(last(`${text}vmflags A+3 1`)).toBe('= 2-4:r--p:-');
    expect(last(`${text}madvise A 1 DONTFORK\nvmflags A`)).toBe(
      '= 0-1:rw-p:dc 1-2:rw-p:- 2-4:r--p:-',
    );
    expect(last(`${text}vmflags B`)).toBe('= none');
    expect(last('vmflags BUF')).toBe('= 0-4096:rw-p:-');
  });

  test('mincore has one digit for each page', () => {
    expect(last('map A 3 anon\nwrite A+1\nmincore A 3')).toBe('= 010');
    expect(last('mincore A 1')).toBe('= ENOMEM');
    expect(last('mincore A 8193')).toBe('= BADOP');
  });

  test('scan prints the regions it found', () => {
    const text = 'map A 4 anon\nwrite A+1\n';
    expect(last(`${text}scan A 4 mask=PRESENT`)).toBe('= 1 end=A+4 [A+1 1 WRITTEN|PRESENT]');
    expect(last(`${text}scan A 4 mask=PRESENT novec`)).toBe('= 0 end=A+4');
    expect(last(`${text}scan A 4 mask=PRESENT badvec`)).toBe('= EFAULT end=A+4');
    expect(last(`${text}scan A 4 vec=2000`)).toBe('= BADOP');
    expect(last(`${text}scan A 4`, { kernel: '6.1' })).toBe('= ENOTTY end=untouched');
  });
});
