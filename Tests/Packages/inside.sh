#!/bin/bash
# What Scripts/test-deb runs inside a Debian system without a toolchain: installs the packages of /test, uses them and removes them. Prints
# each check that holds.
set -euo pipefail
cd /test
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 HOME=/test/home
mkdir -p home out
fail() { echo "error: $1"; exit 1; }
holds() { echo "holds: $1"; }
install() { apt-get install -y -qq --no-install-recommends "$@" >out/apt.log 2>&1 || { cat out/apt.log; fail "apt-get install $*"; }; }
files() { find / -xdev \( -path /proc -o -path /test -o -path /tmp \) -prune -o -iname '*gesso*' -print | sort; }
# prepare SOURCE RESULT: the result must equal that of the program before it was packed.
prepare() {
  gesso prepare "fixtures/$1" -q --max-side 200 -o "out/$2" && cmp "out/$2" "expected/$2" || fail "the result of $1"
  holds "$1 becomes the same $2 as before packing"
}
# refused STATUS TEXT COMMAND...: the command must end with this status and one line of error, and write nothing.
refused() {
  local status=0 wanted=$1 text=$2
  shift 2
  "$@" -q -o out/refused.png 2>out/error || status=$?
  grep -q "$text" out/error && [ $status = "$wanted" ] && [ "$(wc -l <out/error)" = 1 ] && [ ! -e out/refused.png ] ||
    fail "'$*' ended with $status: $(cat out/error)"
  holds "'$*' is refused: $(cat out/error)"
}

for tool in swift clang gcc ld; do
  if command -v $tool >/dev/null; then fail "there is $tool, so that this proves nothing"; fi
done
[ -z "$(files)" ] || fail "there before: $(files)"

apt-get update -qq
install ./gesso_*.deb
for package in libwebp7 libtiff6 libheif1 gesso-decode; do
  if dpkg-query -W -f '${Status}' $package 2>/dev/null | grep -q ' installed'; then fail "$package came along"; fi
done
holds "gesso installs without what it only recommends and suggests"
[ "$(gesso --version | head -n 1)" = "gesso $(cat version)" ] || fail "its version is $(gesso --version)"
holds "gesso --version: $(gesso --version | tr '\n' ';')"
prepare jpeg/forest.jpg forest.jpg
prepare png/soft-alpha-rgba8.png soft.png

refused 3 'apt-get install libwebp7' gesso prepare fixtures/kinds/webp/lossy-q30-pillow.webp
refused 3 'apt-get install libtiff6' gesso prepare fixtures/kinds/tiff/rgb8-pillow.tif
refused 3 'HEIC.*install the package gesso-decode' gesso prepare fixtures/kinds/heic/grid-irot1.heic
gesso doctor >out/doctor || fail "doctor: $(cat out/doctor)"
grep -q 'libwebp: not installed.*libwebp7' out/doctor && grep -q 'libtiff: not installed.*libtiff6' out/doctor &&
  grep -q 'gesso-decode: not installed.*package gesso-decode' out/doctor && grep -q 'libcurl: libcurl/' out/doctor || fail "doctor: $(cat out/doctor)"
holds "gesso doctor names the three packages that are missing"

install libwebp7 libtiff6
prepare kinds/webp/lossy-q30-pillow.webp webp.png
prepare kinds/tiff/rgb8-pillow.tif tiff.png
prepare png/small-rgb8.png small.webp
install ./gesso-decode_*.deb
prepare kinds/heic/grid-irot1.heic heic.png
gesso doctor >out/doctor || fail "doctor: $(cat out/doctor)"
grep -q 'gesso-decode: libheif' out/doctor || fail "doctor: $(cat out/doctor)"
holds "gesso doctor finds gesso-decode"

# A job against the stand-in of the service, which needs libcurl, SQLite and libcrypto.
gesso img2img fixtures/jpeg/small-420.jpg --prompt fog --sandbox -q -o out/job/ || fail "img2img"
[ "$(find out/job -name '*.json' | wc -l)" = 1 ] || fail "img2img: $(ls out/job)"
holds "gesso img2img --sandbox downloads a result"

install man-db zsh fish
[ "$(man -w gesso)" = /usr/share/man/man1/gesso.1.gz ] || fail "man -w: $(man -w gesso)"
MANWIDTH=100 man gesso >out/manual 2>out/manual.errors
for text in '^NAME' 'gesso prepare' 'max-side' 'gesso jobs resolve' "$(cat version)"; do grep -q -- "$text" out/manual || fail "the manual has no $text"; done
[ ! -s out/manual.errors ] || fail "man: $(cat out/manual.errors)"
holds "man gesso: $(wc -l <out/manual) lines"
bash -c 'source /usr/share/bash-completion/completions/gesso; COMP_WORDS=(gesso prep) COMP_CWORD=1 COMP_LINE="gesso prep" COMP_POINT=10
  _gesso gesso prep gesso; echo "${COMPREPLY[@]}"' >out/bash 2>&1
grep -qw prepare out/bash || fail "bash completes 'gesso prep' to: $(cat out/bash)"
holds "bash completes gesso prep"
fish -c 'complete -C "gesso prep"' >out/fish 2>&1
grep -qw prepare out/fish || fail "fish completes 'gesso prep' to: $(cat out/fish)"
holds "fish completes gesso prep"
zsh -c 'autoload -U compinit && compinit -D -u && print $_comps[gesso] && autoload +X _gesso && print loaded' >out/zsh 2>&1
[ "$(tr '\n' ' ' <out/zsh)" = "_gesso loaded " ] || fail "zsh: $(cat out/zsh)"
holds "zsh loads its completion of gesso"

apt-get purge -y -qq gesso gesso-decode >out/apt.log 2>&1 || { cat out/apt.log; fail "apt-get purge"; }
[ -z "$(files)" ] || fail "left behind: $(files)"
if dpkg-query -W -f '${Package} ${db:Status-Status}\n' 'gesso*' 2>/dev/null | grep -v ' not-installed$'; then fail "dpkg has the packages above"; fi
holds "purged, the packages leave nothing behind"
