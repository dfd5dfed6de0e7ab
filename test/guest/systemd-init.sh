#!/bin/sh
# The first process of a guest with systemd: installs the units of this tree as the Debian package would, and becomes systemd.
# What is run then is /run/lab/command, as root; the machine is switched off when it ends.
set -e
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
tree=$(sed -n "s/^cd '\(.*\)'$/\1/p" /run/lab/command)
units=/etc/systemd/system

systemd-sysusers "$tree/systemd/sysusers/poincon.conf"
systemd-tmpfiles --create "$tree/systemd/tmpfiles/poincon.conf"
# Units see neither /tmp nor homes, where tree and Node may lie.
mkdir -p /opt/lab/tree /opt/poincon/releases
mount --bind "$tree" /opt/lab/tree
cp "$(command -v node)" /opt/lab/node
mkdir -p /usr/lib/poincon /etc/udev/rules.d
cp "$tree"/systemd/bin/* /usr/lib/poincon/
chmod 755 /usr/lib/poincon/*
cp "$tree"/systemd/udev/70-poincon.rules /etc/udev/rules.d/

# Of the host's own services none: what an emulated processor would do for them takes minutes.
rm -rf "$units" /lib/systemd/system/*.wants /lib/systemd/system-generators
# systemd takes a machine with this file for a container, and leaves out what one does not need.
rm -f /.dockerenv
mkdir -p "$units"
cp "$tree"/systemd/*.service "$tree"/systemd/*.timer "$tree"/systemd/*.path "$units/"
for name in sockets timers paths slices; do printf '[Unit]\nDescription=%s of the lab\n' "$name" >"$units/$name.target"; done
cat >"$units/sysinit.target" <<'END'
[Unit]
Wants=systemd-journald.service systemd-udevd.service
After=systemd-journald.service systemd-udevd.service
END
printf '[Unit]\nRequires=sysinit.target\nAfter=sysinit.target\nWants=paths.target\n' >"$units/basic.target"
mkdir -p /etc/systemd/journald.conf.d
printf '[Journal]\nStorage=volatile\nRateLimitBurst=0\nForwardToConsole=yes\nTTYPath=/dev/ttyS0\n' >/etc/systemd/journald.conf.d/lab.conf
cat >"$units/lab.target" <<'END'
[Unit]
Requires=basic.target poincon-restart.path
Wants=lab.service
END
cat >"$units/lab.service" <<'END'
[Unit]
After=basic.target
[Service]
Type=exec
ExecStart=/bin/sh -c 'sh /run/lab/command </dev/null >/run/lab/output 2>&1; echo $? >/run/lab/exit; sync; systemctl poweroff -ff'
END
exec /lib/systemd/systemd --unit=lab.target --show-status=0 </dev/null >/dev/null 2>&1
