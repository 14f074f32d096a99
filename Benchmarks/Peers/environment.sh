# Functions for the scripts that measure peers. Scripts/bench-peers and Scripts/bench-grid source this file from the package's folder.

# Makes an environment with the packages of its requirements; if a package has no wheel here, the others are still installed.
# make_environment FOLDER REQUIREMENTS [NAME=VALUE...]
make_environment() {
  local folder=$1 file=Benchmarks/Peers/$2 requirement
  ! cmp -s "$file" "$folder/requirements.stamp" || return 0
  echo "${0##*/}: making a Python environment in $folder" >&2
  rm -rf "$folder"
  python3 -m venv "$folder"
  shift 2
  if ! env "$@" "$folder/bin/pip" install -q --disable-pip-version-check -r "$file"; then
    grep -v '^#' "$file" | while read -r requirement; do
      env "$@" "$folder/bin/pip" install -q --disable-pip-version-check "$requirement" </dev/null ||
        echo "${0##*/}: not here, left out: $requirement" >&2
    done
  fi
  cp "$file" "$folder/requirements.stamp"
}

# Makes the corpus if it is missing.
made_corpus() {
  [ -e "$1/SHA256SUMS" ] || Benchmarks/Peers/make-corpus.sh "$1" >&2
  echo "$1"
}
