#!/bin/sh
# Packs what the guest starts from: busybox, the modules that reach the host's files, init.sh.
#   initramfs.sh KERNEL_FOLDER FILE
set -eu

kernel=$1
file=$(realpath "$2")
init=$(realpath "$(dirname "$0")/init.sh")
version=${kernel##*/linux-image-}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

mkdir -p "$root/bin" "$root/modules" "$root/proc" "$root/root"
cp "$(command -v busybox)" "$root/bin/busybox"
ln -s busybox "$root/bin/sh"
cp "$init" "$root/init"
chmod +x "$root/init"
# In the order in which they must be loaded; built-in ones have no file.
pack() {
  order=$root/modules/$1
  shift
  for module; do
    modprobe --dirname "$kernel" --set-version "$version" --show-depends "$module"
  done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' | while read -r path; do
    cp "$path" "$root/modules/"
    echo "${path##*/}" >>"$order"
  done
}
pack order virtio_pci 9pnet_virtio 9p overlay
# For a guest with a disk of its own.
pack order.disk virtio_blk ext4
cd "$root"
find . | cpio --create --format newc --quiet >"$file"
