/**
 * The first fault: a thread reads a page that is not there, sleeps, and goes on with the page.
 * Run it with `npx tsx examples/01-first-fault.ts`.
 */
import * as linux from 'uffd-emulator';

const guest = new linux.Machine({ kernel: '6.18' }).spawn({ name: 'guest' });
const vcpu = guest.createThread('vcpu0');

const len = 16 * 4096;
const flags = linux.MAP_PRIVATE | linux.MAP_ANONYMOUS;
const start = guest.main.mmapSync({ length: len, prot: linux.PROT_READ, flags });

const uffd = guest.main.userfaultfdSync(linux.O_CLOEXEC);
uffd.apiSync();
uffd.registerSync({ start, len, mode: linux.UFFDIO_REGISTER_MODE_MISSING });

const load = vcpu.load8(start + 0x2345); // nothing is there: the thread falls asleep
console.log(vcpu.waitsFor);

const message = await uffd.readMsg();
if (message.event === 'pagefault') await message.copy(new Uint8Array(4096).fill(42));
console.log(await load); // 42
