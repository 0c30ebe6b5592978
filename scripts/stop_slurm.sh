#!/usr/bin/env bash
# Stop a cluster that start_slurm.sh has started, with its jobs, and wait until it has gone. Its folder stays.
set -euo pipefail

[ $# -eq 1 ] || {
    echo "usage: $0 FOLDER" >&2
    exit 2
}
folder=$(cd "$1" && pwd)
export SLURM_CONF=$folder/slurm.conf

process_of() { # the process of FOLDER/NAME.pid, if it runs and is that program
    local pid
    pid=$(cat "$folder/$1.pid" 2>/dev/null) || return 0
    if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$1" ]; then
        echo "$pid"
    fi
}

stop() {
    local pid
    pid=$(process_of "$1")
    [ -n "$pid" ] || return 0
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 100); do
        if [ -z "$(process_of "$1")" ]; then
            return
        fi
        sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null || true
}

if [ -n "$(process_of slurmctld)" ]; then
    timeout 10 scancel --quiet --state=RUNNING,PENDING,SUSPENDED --user=root 2>/dev/null || true
    for _ in $(seq 100); do
        jobs=$(timeout 5 squeue --noheader --states=RUNNING,COMPLETING,PENDING 2>/dev/null) || break
        [ -n "$jobs" ] || break
        sleep 0.1
    done
fi
for program in slurmd slurmctld munged; do
    stop "$program"
done
if [ "$(readlink /run/slurm/conf)" = "$folder" ]; then
    rm -f /run/slurm/conf
    rmdir --ignore-fail-on-non-empty /run/slurm
fi
