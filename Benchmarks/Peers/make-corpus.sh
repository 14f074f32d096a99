#!/usr/bin/env bash
# Makes the measuring corpus: large JPEG and PNG files from real photographs and
# illustrations that Debian ships as wallpapers. Nothing is installed from those packages:
# they are downloaded and unpacked. The same tool versions give the same bytes.
#
#   make-corpus.sh FOLDER           everything (about 3 minutes on 2 cores, 0.7 GB)
#   make-corpus.sh FOLDER --small   without the 108 MP files and the batch
#
# Needs (installed here when missing and this is root):
#   libvips-tools libjpeg-turbo-progs libimage-exiftool-perl
# Sources (Debian 12 versions; the licenses are in each package's copyright file):
#   plasma-workspace-wallpapers 4:5.27.5-2   mate-backgrounds 1.26.0-1
#   lomiri-wallpapers-20.04 20.04.0-2        ukui-wallpapers 20.04.3-1.1
# How: photographs of 2560x1600 are enlarged 1.2 times, because a Bayer camera has less detail per pixel than a web photo. They are placed
# side by side on one sheet of 15360x9600, get camera-like noise (sigma 2.5, fixed seed), and are cut. So the bits per pixel stay near those
# of a phone camera.
set -euo pipefail
out=${1:?usage: make-corpus.sh FOLDER [--small]}; small=${2:-}
mkdir -p "$out"; out=$(cd "$out" && pwd)
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
export VIPS_CONCURRENCY=${VIPS_CONCURRENCY:-2}

need=()
command -v vips >/dev/null || need+=(libvips-tools)
command -v jpegtran >/dev/null || need+=(libjpeg-turbo-progs)
command -v exiftool >/dev/null || need+=(libimage-exiftool-perl)
if [ ${#need[@]} -gt 0 ]; then
  apt-get update -qq && apt-get install -y -qq --no-install-recommends "${need[@]}" >/dev/null
fi

src=$out/.src
if [ ! -e "$src/.done" ]; then
  mkdir -p "$src"
  ( cd "$tmp" && apt-get -qq -o APT::Sandbox::User=root download plasma-workspace-wallpapers \
      mate-backgrounds lomiri-wallpapers-20.04 ukui-wallpapers
    for d in *.deb; do dpkg -x "$d" "$src"; rm "$d"; done )
  touch "$src/.done"
fi
kde=$src/usr/share/wallpapers; bg=$src/usr/share/backgrounds

# ---- one sheet of photographs ---------------------------------------------------------
photos=()
for n in EveningGlow Path OneStandsOut FallenLeaf ColorfulCups BytheWater Kite ColdRipple; do
  photos+=("$kde/$n/contents/images/2560x1600.jpg")
done
photos+=("$bg/mate/nature/TwoWings.jpg" "$bg/mate/nature/RainDrops.jpg"
         "$bg/mate/nature/Blinds.jpg" "$bg/mate/nature/Dune.jpg"
         "$bg/Kleiber_by_Lukas_Baubkus.jpg")
tiles=()
i=0
for p in "${photos[@]}"; do
  t=$tmp/t$i.v
  vips thumbnail "$p" "$t" 3072 --height 1920 --size both --crop centre --no-rotate
  if [ "$(vipsheader -f bands "$t")" = 1 ]; then          # a gray photo joins as RGB
    vips bandjoin "$t $t $t" "$tmp/g.v"; vips copy "$tmp/g.v" "$t" --interpretation srgb
  fi
  tiles+=("$t"); i=$((i+1))
done
# 5 x 5 places for 13 photos: the first twelve come twice, mirrored
for k in $(seq 0 11); do
  vips flip "$tmp/t$k.v" "$tmp/t$i.v" horizontal; tiles+=("$tmp/t$i.v"); i=$((i+1))
done
order=(0 3 8 14 11  12 2 21 5 16  4 13 9 7 15  10 23 1 17 19  22 6 18 20 24)
list=; for o in "${order[@]}"; do list+="${tiles[$o]} "; done
vips arrayjoin "$list" "$tmp/flat.v" --across 5
vips gaussnoise "$tmp/n.v" 15360 9600 --mean 0 --sigma 2.5 --seed 20261122
vips add "$tmp/flat.v" "$tmp/n.v" "$tmp/sum.v"
vips cast "$tmp/sum.v" "$tmp/sheet0.v" uchar
vips copy "$tmp/sheet0.v" "$tmp/sheet.v" --interpretation srgb
rm -f "$tmp"/t*.v "$tmp/flat.v" "$tmp/n.v" "$tmp/sum.v" "$tmp/sheet0.v" "$tmp/g.v"
sheet=$tmp/sheet.v

cut()  { vips crop "$sheet" "$1" "$2" "$3" "$4" "$5"; }            # OUT X Y W H
jpeg() { vips jpegsave "$1" "$2" --Q "${3:-93}" --subsample-mode "${4:-on}" --strip; }

# ---- JPEG ------------------------------------------------------------------------------
cut "$tmp/12.v" 1800 900 4032 3024
cut "$tmp/24.v" 700 400 6000 4000
cut "$tmp/50.v" 3000 1500 8192 6144
jpeg "$tmp/12.v" "$out/photo-12mp-420.jpg"
jpeg "$tmp/24.v" "$out/photo-24mp-420.jpg"
jpeg "$tmp/50.v" "$out/photo-50mp-420.jpg"
if [ "$small" != --small ]; then
  cut "$tmp/108.v" 1600 300 12000 9000
  jpeg "$tmp/108.v" "$out/photo-108mp-420.jpg" 90
  rm "$tmp/108.v"
fi
jpeg "$tmp/24.v" "$out/photo-24mp-444.jpg" 93 off
jpegtran -copy none -progressive -outfile "$out/photo-24mp-progressive.jpg" "$out/photo-24mp-420.jpg"
jpegtran -copy none -restart 1 -outfile "$out/photo-24mp-restart.jpg" "$out/photo-24mp-420.jpg"
jpegtran -copy none -optimize -outfile "$out/photo-24mp-optimized.jpg" "$out/photo-24mp-420.jpg"
vips colourspace "$tmp/24.v" "$tmp/24g.v" b-w; jpeg "$tmp/24g.v" "$out/photo-24mp-gray.jpg"
vips icc_export "$tmp/12.v" "$tmp/12k.v" --output-profile cmyk
vips jpegsave "$tmp/12k.v" "$out/photo-12mp-cmyk.jpg" --Q 90
vips icc_export "$tmp/12.v" "$tmp/12p3.v" --output-profile p3
vips jpegsave "$tmp/12p3.v" "$out/photo-12mp-p3.jpg" --Q 90 --subsample-mode on
cp "$out/photo-12mp-420.jpg" "$out/photo-12mp-exif6.jpg"
exiftool -q -overwrite_original -n -Orientation=6 "$out/photo-12mp-exif6.jpg"

# ---- PNG -------------------------------------------------------------------------------
vips pngsave "$tmp/24.v" "$out/photo-24mp-rgb8.png" --compression 6 --filter all --strip
vips pngsave "$tmp/24.v" "$out/photo-24mp-interlaced.png" --compression 6 --filter all --interlace --strip
# 16 bit: the 8-bit values spread to 16 with a smooth sub-step signal in the low byte
vips cast "$tmp/12.v" "$tmp/u16.v" ushort; vips linear "$tmp/u16.v" "$tmp/f.v" 257 0
vips gaussnoise "$tmp/n16.v" 4032 3024 --mean 0 --sigma 80 --seed 16
vips add "$tmp/f.v" "$tmp/n16.v" "$tmp/f2.v"; vips cast "$tmp/f2.v" "$tmp/f3.v" ushort
vips copy "$tmp/f3.v" "$tmp/u16b.v" --interpretation rgb16
vips pngsave "$tmp/u16b.v" "$out/photo-12mp-rgb16.png" --compression 6 --filter all --bitdepth 16 --strip
vips pngsave "$tmp/12.v" "$out/photo-12mp-palette.png" --compression 6 --palette --Q 90 --strip
# flat-color illustration, 6000x4000 as its author made it
vips pngsave "$bg/Painting-Colors_by__herobrine7gamer.jpg" "$tmp/flatsrc.png" --compression 1
vips rank "$tmp/flatsrc.png" "$tmp/flatmed.v" 5 5 12
vips pngsave "$tmp/flatmed.v" "$out/art-24mp-flat.png" --compression 6 --filter all --strip
# RGBA: an illustration cut out along a ribbon with soft edges; clear where alpha is 0
vips thumbnail "$kde/SafeLanding/contents/images/5120x2880.jpg" "$tmp/art.v" 5336 --height 3000 --size both --crop centre
vips thumbnail "$bg/rhythm.jpg" "$tmp/rib.v" 5336 --height 3000 --size both --crop centre
vips extract_band "$tmp/rib.v" "$tmp/r.v" 0
vips gaussblur "$tmp/r.v" "$tmp/rb.v" 2.5
vips linear "$tmp/rb.v" "$tmp/a0.v" 4 -- -520; vips cast "$tmp/a0.v" "$tmp/a.v" uchar
vips relational_const "$tmp/a.v" "$tmp/on.v" more 0
vips linear "$tmp/on.v" "$tmp/on1.v" 0.00392156862745098 0
vips multiply "$tmp/art.v" "$tmp/on1.v" "$tmp/artm.v"; vips cast "$tmp/artm.v" "$tmp/artc.v" uchar
vips bandjoin "$tmp/artc.v $tmp/a.v" "$tmp/rgba.v"
vips copy "$tmp/rgba.v" "$tmp/rgba2.v" --interpretation srgb
vips pngsave "$tmp/rgba2.v" "$out/art-16mp-rgba8.png" --compression 6 --filter all --strip

# ---- batch: 60 different 12 MP photographs ------------------------------------------------
if [ "$small" != --small ]; then
  mkdir -p "$out/batch"
  for n in $(seq 0 59); do
    x=$(( (n % 10) * 1258 )); y=$(( (n / 10) * 1315 ))
    vips crop "$sheet" "$tmp/b.v" $x $y 4032 3024
    jpeg "$tmp/b.v" "$(printf '%s/batch/p%02d.jpg' "$out" "$n")"
  done
fi

# ---- manifest ----------------------------------------------------------------------------
( cd "$out"
  printf 'file\tbytes\tsize\tbands\tformat\tsubsampling\tbits/pixel\n'
  for f in *.jpg *.png; do
    w=$(vipsheader -f width "$f"); h=$(vipsheader -f height "$f"); b=$(stat -c %s "$f")
    sub=$(exiftool -s3 -YCbCrSubSampling "$f" 2>/dev/null || true)
    printf '%s\t%s\t%sx%s\t%s\t%s\t%s\t%s\n' "$f" "$b" "$w" "$h" "$(vipsheader -f bands "$f")" \
      "$(vipsheader -f format "$f")" "${sub:--}" "$(awk "BEGIN{printf \"%.2f\", $b*8/($w*$h)}")"
  done ) > "$out/MANIFEST.tsv"
( cd "$out" && sha256sum *.jpg *.png > SHA256SUMS )
column -t -s "$(printf '\t')" "$out/MANIFEST.tsv"
