#!/usr/bin/env bash
# Ends what start.sh started, and waits until it has ended: stop.sh FOLDER
folder=${1:?the folder that start.sh was given}
scancel --quiet --user="$(id -un)" 2>/dev/null
for service in slurmd slurmctld; do
    id=$(cat "$folder/$service.pid" 2>/dev/null) && kill "$id" 2>/dev/null || continue
    for _ in $(seq 100); do
        # a service that nobody waits for stays as a zombie
        grep -qs '^State:.[^Z]' "/proc/$id/status" || break
        sleep 0.1
    done
done
exit 0
