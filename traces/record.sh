#!/bin/sh
# Records sqlite-notes.trace.gz anew: needs valgrind and sqlite3. Run it in this folder.
#
# GLIBC_TUNABLES keeps memset and memcpy on their vector loops; without it `rep stosb` shows as
# one access per byte. Instruction fetches (lines with I) are dropped: they would be two thirds of the lines.
set -eu
cd "$(dirname "$0")"
never=100000000
env -i PATH="$PATH" HOME=/nonexistent \
  GLIBC_TUNABLES="glibc.cpu.x86_rep_stosb_threshold=$never:glibc.cpu.x86_rep_movsb_threshold=$never" \
  valgrind --tool=lackey --trace-mem=yes --log-fd=9 \
  sqlite3 :memory: < sqlite-notes.sql 9>&1 > /dev/null \
  | grep -v '^I' | gzip -9 -n > sqlite-notes.trace.gz
