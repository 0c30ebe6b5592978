#!/usr/bin/env bash
# Stop a cluster that start_slurm.sh has started, with its jobs, and wait until it has gone. Its folder stays.
set -euo pipefail

[ $# -eq 1 ] || {
    echo "usage: $0 FOLDER" >&2
    exit 2
}
folder=$(cd "$1" && pwd)
export SLURM_CONF=$folder/slurm.conf

# runs PID NAME: whether a process runs, and is that program
runs() {
    local program state
    read -r _ program state _ 2>/dev/null <"/proc/$1/stat" || return
    [ "$program" = "($2)" ] && [ "$state" != Z ]
}

# stop NAME: end the process of FOLDER/NAME.pid; the file goes before the process does
stop() {
    local pid
    pid=$(cat "$folder/$1.pid" 2>/dev/null) || return 0
    runs "$pid" "$1" || return 0
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 100); do
        runs "$pid" "$1" || return 0
        sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null || true
}

if runs "$(cat "$folder/slurmctld.pid" 2>/dev/null)" slurmctld &&
    runs "$(cat "$folder/slurmd.pid" 2>/dev/null)" slurmd; then
    timeout 10 scancel --quiet --state=RUNNING,PENDING,SUSPENDED --user=root 2>/dev/null || true
    for _ in $(seq 100); do
        jobs=$(timeout 5 squeue --noheader --states=RUNNING,COMPLETING,PENDING 2>/dev/null) || break
        [ -n "$jobs" ] || break
        sleep 0.1
    done
fi
stop slurmd
# what a slurmd that was killed has left to itself: the processes of its jobs
left=()
for environment in /proc/[0-9]*/environ; do
    told=$(tr '\0' '\n' 2>/dev/null <"$environment") || continue
    if grep -qx "SLURM_CONF=$SLURM_CONF" <<<"$told" && grep -q "^SLURM_JOB_ID=" <<<"$told"; then
        left+=("$(basename "$(dirname "$environment")")")
    fi
done
for pid in $(pgrep slurmstepd || true); do
    if tr '\0' '\n' 2>/dev/null <"/proc/$pid/environ" | grep -qx "SLURM_CONF=$SLURM_CONF"; then
        left+=("$pid")
    fi
done
if [ ${#left[@]} -gt 0 ]; then
    kill -TERM "${left[@]}" 2>/dev/null || true
    sleep 1
    kill -KILL "${left[@]}" 2>/dev/null || true
fi
stop slurmctld
stop munged
if [ "$(readlink /run/slurm/conf)" = "$folder" ]; then
    rm -f /run/slurm/conf
    rmdir --ignore-fail-on-non-empty /run/slurm
fi
