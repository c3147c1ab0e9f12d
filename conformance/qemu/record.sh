#!/bin/bash
# Records transcripts from a Debian kernel: boots it under QEMU with the agent as its only program,
# runs scenarios, and writes NAME.out for each into a folder. Usage, needs and limits: README.md.
set -euo pipefail

usage() {
  echo "usage: record.sh [--numa] KERNEL.deb|PACKAGE OUTDIR [SCENARIO...]" >&2
  exit 2
}

append=''
if [[ ${1:-} == --numa ]]; then
  append='numa=fake=2'
  shift
fi
[[ $# -ge 2 ]] || usage
kernel=$1
out=$(mkdir -p "$2" && cd "$2" && pwd)
shift 2

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
scenarios=$here/../scenarios
work=$(mktemp -d "${TMPDIR:-/tmp}/uffd-qemu.XXXXXX")
trap 'rm -rf "$work"' EXIT
# programs for administrators are not in every user's PATH
PATH=$PATH:/usr/sbin:/sbin
for tool in qemu-system-x86_64 cc cpio depmod mke2fs debugfs dpkg-deb; do
  command -v "$tool" >/dev/null || { echo "record.sh: $tool is missing, see README.md" >&2; exit 2; }
done
busybox=$(command -v busybox || true)
if [[ -z $busybox ]] || ldd "$busybox" >/dev/null 2>&1; then
  echo 'record.sh: a static busybox is missing (Debian: busybox-static)' >&2
  exit 2
fi

# --- the kernel and the modules that scenarios need ------------------------------------------------

unpack_kernel() {
  local deb=$kernel
  if [[ ! -f $deb ]]; then
    (cd "$work" && apt-get -o APT::Sandbox::User=root download "$kernel" >/dev/null)
    deb=$(ls "$work"/*.deb)
  fi
  dpkg-deb -x "$deb" "$work/kernel"
  # Debian's /lib is a link to usr/lib; newer packages unpack there
  for modules in "$work"/kernel/{,usr/}lib/modules/*; do [[ -d $modules ]] && break; done
  release=$(basename "$modules")
  find "$modules" -name '*.ko.xz' -exec xz -d {} +
  find "$modules" -name '*.ko.zst' -exec zstd -q -d --rm {} +
  depmod -b "${modules%/lib/modules/*}" "$release"
}

# Each module with everything that it depends on; what is built in is not there to be copied.
copy_modules() {
  local root=$work/initrd/lib/modules/$release name path rest
  mkdir -p "$root"
  for name in virtio_pci virtio_blk ext4 crc32c_generic zram lzo lzo-rle; do
    while IFS=: read -r path rest; do
      [[ $(basename "$path") == "$name.ko" ]] || continue
      for path in $path $rest; do
        mkdir -p "$root/$(dirname "$path")"
        cp "$modules/$path" "$root/$path"
      done
    done <"$modules/modules.dep"
  done
  cp "$modules"/modules.{order,builtin*} "$root"
  depmod -b "$work/initrd" "$release"
}

# --- what the kernel boots into --------------------------------------------------------------------

batch() {
  local names=("$@") name
  [[ ${#names[@]} -gt 0 ]] || names=($(cd "$scenarios" && ls ./*.scn | sed 's,^\./,,; s,\.scn$,,'))
  for name in "${names[@]}"; do
    printf '=== %s\n' "$name"
    cat "$scenarios/$name.scn"
    printf '\n'
  done
}

make_root() {
  mkdir -p "$work"/initrd/{bin,sbin,proc,sys,dev,run,var/tmp}
  cp "$busybox" "$work/initrd/bin/busybox"
  ln -s ../bin/busybox "$work/initrd/sbin/modprobe" # the kernel calls it by this path
  cp "$here/init" "$work/initrd/init"
  chmod 755 "$work/initrd/init"
  cc -O1 -static -o "$work/initrd/bin/agent" "$here"/../agent/*.c -lpthread
  copy_modules
  batch "$@" >"$work/initrd/batch"
  (cd "$work/initrd" && find . | cpio -o -H newc --quiet | gzip -1) >"$work/initrd.gz"
  truncate -s 512M "$work/disk.img"
  mke2fs -q -t ext4 "$work/disk.img"
}

boot() {
  local accel=tcg
  # two CPUs: with one, an emulated locked update is a load and a store; four levels of page tables
  [[ -w /dev/kvm ]] && grep -qE 'vmx|svm' /proc/cpuinfo && accel=kvm
  timeout "${UFFD_QEMU_SECONDS:-1800}" qemu-system-x86_64 -accel "$accel" -cpu max,la57=off \
    -smp "${UFFD_QEMU_CPUS:-2}" -m 4096 \
    -kernel "$(ls "$work"/kernel/boot/vmlinuz-*)" -initrd "$work/initrd.gz" \
    -append "console=ttyS0 panic=-1 quiet $append" -display none -serial "file:$work/console" \
    -monitor none -net none -no-reboot \
    -drive "file=$work/disk.img,format=raw,if=virtio,cache=unsafe"
}

collect() {
  debugfs -R "dump /transcripts $work/transcripts" "$work/disk.img" 2>/dev/null
  debugfs -R "dump /probe $out/probe.json" "$work/disk.img" 2>/dev/null
  if [[ ! -s $work/transcripts ]]; then
    echo 'record.sh: the kernel printed no transcript; the end of its console:' >&2
    tail -30 "$work/console" >&2
    exit 1
  fi
  awk -v out="$out" '
    /^=== / { file = ""; if ($3 == 3 || $3 == 4) slow = slow " " $2; else { file = out "/" $2 ".out"; printf "" >file; n++ } next }
    file != "" { print >file }
    END { print n " recorded" (slow == "" ? "" : "; not comparable (watchdog, stuck):" slow) }
  ' "$work/transcripts"
}

unpack_kernel
make_root "$@"
echo "booting Linux $release"
boot
collect
grep -a '^agent: ' "$work/console" >&2 || true
