#!/bin/sh
# The first process of a guest whose disk is a Debian system: adds what runs /run/lab/command, and becomes its systemd.
set -e
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
units=/etc/systemd/system

# There is no terminal, no mirror and no file system to trim.
for unit in serial-getty@ttyS0.service getty@tty1.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
  e2scrub_all.timer fstrim.timer; do
  ln -sfn /dev/null "$units/$unit"
done
mkdir -p "$units/multi-user.target.wants" /etc/systemd/journald.conf.d
printf '[Journal]\nRateLimitBurst=0\nForwardToConsole=yes\nTTYPath=/dev/ttyS0\n' >/etc/systemd/journald.conf.d/lab.conf
cat >"$units/lab.service" <<'END'
[Unit]
After=multi-user.target
[Service]
Type=exec
OOMScoreAdjust=-900
ExecStart=/bin/sh -c 'sh /run/lab/command </dev/null >/run/lab/output 2>&1; echo $? >/run/lab/exit; sync; systemctl poweroff -ff'
END
ln -sfn ../lab.service "$units/multi-user.target.wants/lab.service"
# The disk of an earlier run: what would start by itself waits until the lab has begun.
for unit in poincon.service poincon-flows.service poincon-update.timer poincon-device-renew.timer; do
  mkdir -p "/run/systemd/system/$unit.d"
  printf '[Unit]\nConditionPathExists=/run/lab-begun\n' >"/run/systemd/system/$unit.d/lab.conf"
done
# The plant, as far as the station can tell: its authority, its repository.
ip address add 192.0.2.10/32 dev lo
exec /lib/systemd/systemd --show-status=0 </dev/null >/dev/null 2>&1
