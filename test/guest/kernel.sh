#!/bin/sh
# Prints the folder of a Debian kernel for the guest, and fetches it first where it is not there yet (70 MB, once).
#   kernel.sh CACHE → CACHE/linux-image-VERSION: boot/vmlinux, lib/modules/VERSION with modules.dep
# Nothing is installed. Two callers at once wait for each other; a fetch that was cut off leaves nothing behind.
set -eu

newest() {
  apt-cache show --no-all-versions linux-image-amd64 2>/dev/null | sed -n 's/^Depends: .*\(linux-image-[^ ,]*\).*/\1/p'
}

# The kernel without its wrapping, which an emulated processor takes five seconds to unpack and this one less than one.
# Where it begins and how long it is say the fields setup_sects, payload_offset and payload_length (x86/boot.rst); the
# last four bytes are its size.
unwrap() {
  number() { od --address-radix n --skip-bytes "$2" --read-bytes "$3" --format "u$3" "$1" | tr -d ' '; }
  from=$((($(number "$1" 497 1) + 1) * 512 + $(number "$1" 584 4)))
  tail --bytes "+$((from + 1))" "$1" | head --bytes "$(($(number "$1" 588 4) - 4))" | xz --decompress
}

cache=$1
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9

package=$(newest)
if [ -z "$package" ]; then
  # Without package lists, a kernel of last time is as good.
  for kept in "$cache"/linux-image-*; do [ -d "$kept" ] && package=${kept##*/}; done
fi
if [ -z "$package" ]; then
  apt-get update -qq >&2
  package=$(newest)
fi
[ -n "$package" ] || { echo 'no package linux-image-amd64: run apt-get update' >&2; exit 1; }

if [ ! -d "$cache/$package" ]; then
  fresh="$cache/fresh"
  rm -rf "$fresh"
  trap 'rm -rf "$fresh"' EXIT
  mkdir "$fresh" "$fresh/$package"
  cd "$fresh"
  fetch() { apt-get download -qq -o APT::Sandbox::User=root "$package" >&2; }
  # Lists that are older than the archive name a file that is gone.
  fetch || { apt-get update -qq >&2 && fetch; }
  # Left out: what a guest without network, screen, sound and disks' controllers never loads, half of it all.
  dpkg-deb --fsys-tarfile "$package"_*.deb | tar --extract --directory "$package" \
    --exclude './lib/modules/*/kernel/sound' --exclude './lib/modules/*/kernel/drivers/gpu' \
    --exclude './lib/modules/*/kernel/drivers/net' --exclude './lib/modules/*/kernel/drivers/infiniband' \
    ./boot ./lib/modules
  depmod --basedir "$fresh/$package" "${package#linux-image-}"
  unwrap "$package/boot/vmlinuz-${package#linux-image-}" >"$package/boot/vmlinux"
  mv "$package" "$cache/"
fi
echo "$cache/$package"
