#!/usr/bin/env bash
# Instructions that reading the committed pages takes, beside the committed baseline.
#
#   benches/extract_instructions.sh           fails when they have grown by more than a tenth
#   benches/extract_instructions.sh --renew   writes the baseline anew, for a commit that says why
#
# Counted by callgrind, so the figures do not depend on how busy the machine is. The development build is counted: the
# tests have built its dependencies already, and a change that costs a tenth shows in it as well. Tables that are built
# once per process are not counted. With ../shared beside the repository a sample of its pages is counted too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

baseline=benches/extract_instructions.txt
shared=../shared/data/pages/manifest.jsonl

if ! command -v valgrind >/dev/null; then
  echo "benches/extract_instructions.sh: valgrind is missing; hint: apt-get install valgrind" >&2
  exit 2
fi

program=$(cargo build --locked --quiet --bench extract --message-format=json |
  sed -n 's/.*"name":"extract".*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
if [[ ! -x $program ]]; then
  echo "benches/extract_instructions.sh: cargo named no program for the bench; hint: cargo build --bench extract" >&2
  exit 2
fi

count() {
  local log
  log=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect='*measured*' \
    "$program" --once "$@" 2>&1) || { printf '%s\n' "$log" >&2; return 1; }
  sed -n 's/.*Collected *: *\([0-9]*\).*/\1/p' <<<"$log"
}

declare -A now
now[own]=$(count benches/extract_pages.jsonl)
if [[ -f $shared ]]; then
  now[shared]=$(count --sample "$shared")
fi

if [[ ${1:-} == --renew ]]; then
  for set in own shared; do
    [[ -z ${now[$set]:-} ]] || printf '%s %s\n' "$set" "${now[$set]}"
  done >"$baseline"
  cat "$baseline"
  exit 0
fi

if [[ ! -f $baseline ]]; then
  echo "benches/extract_instructions.sh: $baseline is missing; hint: benches/extract_instructions.sh --renew" >&2
  exit 2
fi
failed=0
while read -r set before; do
  after=${now[$set]:-}
  if [[ -z $after ]]; then
    echo "$set: not counted, its pages are not here"
    continue
  fi
  echo "$set: $after instructions, baseline $before ($((after * 100 / before)) %)"
  if ((after * 10 > before * 11)); then
    echo "$set: grown by more than a tenth; hint: find the cause, or say in the commit why it is worth it and run" \
      "benches/extract_instructions.sh --renew" >&2
    failed=1
  fi
done <"$baseline"
exit "$failed"
