#!/bin/sh
# The guest's first process: the host's files below, a layer of memory above, one command inside, then off.
# What the command needs and says goes through the folder `lab` of the host (tag lab, mounted at /run/lab).
export PATH=/bin:/sbin
/bin/busybox mkdir /sbin
/bin/busybox --install -s /sbin

mount -t proc proc /proc
for module in $(cat /modules/order); do insmod "/modules/$module"; done

mkdir -p /lower /layer /new
nine=trans=virtio,version=9p2000.L,msize=524288
mount -t 9p -o "$nine,ro,cache=loose" host /lower
# A disk of its own instead, with the host's files beside.
root=$(sed -n 's/.*lab\.root=\([^ ]*\).*/\1/p' /proc/cmdline)
host=$(sed -n 's/.*lab\.host=\([^ ]*\).*/\1/p' /proc/cmdline)
if [ -n "$root" ]; then
  for module in $(cat /modules/order.disk); do insmod "/modules/$module"; done
  mount -t devtmpfs devtmpfs /dev
  mount -t ext4 "$root" /new
else
  mount -t tmpfs -o size=75% layer /layer
  mkdir /layer/upper /layer/work
  mount -t overlay -o lowerdir=/lower,upperdir=/layer/upper,workdir=/layer/work overlay /new
fi

for kind in proc sysfs devtmpfs; do
  case $kind in proc) at=/new/proc ;; sysfs) at=/new/sys ;; devtmpfs) at=/new/dev ;; esac
  mount -t $kind $kind $at
done
mkdir -p /new/dev/pts /new/dev/shm
mount -t devpts devpts /new/dev/pts
mount -t tmpfs tmpfs /new/dev/shm
mount -t tmpfs -o mode=755 tmpfs /new/run
mkdir /new/run/lab
mount -t 9p -o "$nine" lab /new/run/lab
if [ -n "$host" ]; then
  mkdir "/new$host"
  mount --move /lower "/new$host"
fi

# The host's modules are of another kernel.
modules=$(cat /new/run/lab/modules)
mkdir -p /new/lib/modules
mount -t tmpfs tmpfs /new/lib/modules
ln -s "$host$modules" "/new/lib/modules/$(uname -r)"
echo guest >/proc/sys/kernel/hostname
ifconfig lo 127.0.0.1 up

# A script that is to be the first process itself, as a service manager wants to be.
[ -e /new/run/lab/init ] && exec switch_root /new /bin/sh /run/lab/init

chroot /new /bin/sh /run/lab/command </new/dev/null >/new/run/lab/output 2>&1
echo $? >/new/run/lab/exit
sync
poweroff -f
