#!/usr/bin/env bash
# Tests the manual pages and shell completions that the programs write: test_manual.sh PROGRAM_DIR.
# What groff and zsh have to say about them is asked only where they are installed.
set -euo pipefail

programs=$1
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

checks=0
broken() {
  echo "FAILED: $*"
  exit 1
}

# propose PROGRAM WORD...: what bash proposes for the last word, sorted, on one line.
propose() {
  local program=$1
  (
    source "$work/$program.bash"
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    "_${program//-/_}"
    printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd ' '
  )
}
# proposes EXPECTED PROGRAM WORD...
proposes() {
  local expected=$1 found
  shift
  found=$(propose "$@")
  [[ $found == "$expected" ]] || broken "'$*' proposes '$found', expected '$expected'"
  checks=$((checks + 1))
}

for program in cnn-train cnn-eval cnn-inspect cnn-export; do
  for form in man bash zsh; do "$programs/$program" --generate $form >"$work/$program.$form"; done
  options=$("$programs/$program" --help | grep -oE '^ +(-h,)?--[a-z0-9-]+' | grep -oE -- '--[a-z0-9-]+')
  [[ $(wc -w <<<"$options") -ge 10 ]] || broken "$program --help lists only: $options"
  for option in $options; do
    grep -qF -- "\\fB${option//-/\\-}\\fR" "$work/$program.man" || [[ $option == --help ]] ||
      broken "$option is missing in the manual page of $program"
    grep -qE -- "[' ]$option[' ]" "$work/$program.bash" || broken "$option is missing in bash's completion of $program"
    grep -qE -- "'\\*?$option[=[]" "$work/$program.zsh" || broken "$option is missing in zsh's completion of $program"
    checks=$((checks + 3))
  done
  if command -v groff >/dev/null; then
    warnings=$(groff -man -Tutf8 -ww -z "$work/$program.man" 2>&1)
    [[ -z $warnings ]] || broken "groff on the manual page of $program: $warnings"
  fi
  if command -v zsh >/dev/null; then zsh -n "$work/$program.zsh" || broken "zsh cannot read its completion of $program"; fi
done

mkdir "$work/files" "$work/files/pictures"
touch "$work/files/a.json" "$work/files/b.txt" "$work/files/c.safetensors"
cd "$work/files"
proposes "a.json pictures" cnn-train --config ""
proposes "a.json" cnn-train --config = "a"
proposes "pictures" cnn-train --init ""
proposes "" cnn-train --seeds ""
proposes "--dry-run" cnn-train --config a.json --dr
proposes "--find-lr" cnn-train --config a.json --find
proposes "c.safetensors pictures" cnn-eval --model ""
proposes "a.json b.txt c.safetensors pictures" cnn-eval --model c.safetensors --images b.txt ""
proposes "flip flip+shift" cnn-eval --tta fl
proposes "pictures" cnn-export --calibrate ""
proposes "b.txt" cnn-inspect --receptive-field conv1 b
echo "all $checks checks hold"
