#!/usr/bin/env bash
# Ends what start.sh started: stop.sh FOLDER
folder=${1:?the folder that start.sh was given}
scancel --state=PENDING,RUNNING --quiet --user="$(id -un)" 2>/dev/null
for service in slurmd slurmctld; do
    [ -s "$folder/$service.pid" ] && kill "$(cat "$folder/$service.pid")" 2>/dev/null
done
exit 0
