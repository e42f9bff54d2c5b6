#!/usr/bin/env bash
# Starts SLURM on this machine, as root and without systemd: start.sh FOLDER. Its state goes to FOLDER, which is emptied.
# Installs Debian's packages if need be, and writes /etc/slurm.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:?a folder for the state of SLURM}
if ! command -v slurmctld munged sbatch >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurm-wlm munge >/dev/null
fi
rm -rf "$folder"
mkdir -p "$folder/state" "$folder/spool" /etc/slurm
host=$(hostname -s)
memory=$(awk '/MemTotal/ {print int($2 / 1024 * 0.8)}' /proc/meminfo)
sed -e "s#@HOST@#$host#g; s#@CPUS@#$(nproc)#g; s#@MEMORY@#$memory#g; s#@FOLDER@#$folder#g" "$here/slurm.conf.in" >/etc/slurm/slurm.conf
cp "$here/gres.conf" /etc/slurm/gres.conf
getent hosts "$host" >/dev/null || echo "127.0.0.1 $host" >>/etc/hosts
if ! munge -n 2>/dev/null | unmunge >/dev/null 2>&1; then
    install -d -o munge -g munge -m 755 /run/munge /var/log/munge /var/lib/munge
    su -s /bin/sh munge -c 'munged --force'
fi
slurmctld
slurmd
for _ in $(seq 120); do
    [ "$(sinfo --noheader --format %T | sort -u)" = idle ] && exit 0
    sleep 0.5
done
echo "the node did not become idle:" >&2
tail -n 20 "$folder"/slurm*.log >&2
exit 1
