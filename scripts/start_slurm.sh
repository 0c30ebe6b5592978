#!/usr/bin/env bash
# Start a SLURM cluster of one node (Debian packages slurm-wlm and munge) on this machine, for tests and for trying out:
#
#     scripts/start_slurm.sh FOLDER     # made if missing; receives configuration, key, state, logs and pids
#     scripts/stop_slurm.sh FOLDER
#     scripts/start_slurm.sh FOLDER     # goes on with the state that it holds; where it runs already nothing is done
#
# Then SLURM_CONF=FOLDER/slurm.conf sbatch, squeue, snakemake --profile profiles/slurm. Needs root, neither systemd nor
# cgroups. All daemons listen on free ports of 127.0.0.1, with a key of their own. Outside of FOLDER only the link
# /run/slurm/conf is made: there programs within a job find the configuration, from which Snakemake's plugin takes
# SLURM_CONF away.
# A machine that has a SLURM of its own is left alone.
set -euo pipefail

die() {
    echo "$1" >&2
    exit "${2:-1}"
}

[ $# -eq 1 ] || die "usage: $0 FOLDER" 2
for program in munged slurmctld slurmd sbatch python3; do
    PATH=$PATH:/usr/sbin command -v "$program" >/dev/null ||
        die "$program is not installed (Debian packages slurm-wlm and munge: apt-get install slurm-wlm munge)" 3
done
PATH=$PATH:/usr/sbin
unset SLURM_CONF # of another cluster, or of this one before it has one
[ "$(id -u)" = 0 ] || die "SLURM's daemons are started as root; you are $(id -un)" 3

is_running() { # is_running NAME: whether the process of FOLDER/NAME.pid runs, and is that program
    [ -s "$folder/$1.pid" ] || return
    read -r _ program state _ 2>/dev/null <"/proc/$(cat "$folder/$1.pid")/stat" || return
    [ "$program" = "($1)" ] && [ "$state" != Z ]
}

# wait_until WHAT COMMAND...: at most 20 seconds
wait_until() {
    local what=$1
    shift
    for _ in $(seq 200); do
        if "$@" >/dev/null 2>&1; then
            return
        fi
        sleep 0.1
    done
    die "$what"
}

# Nothing is left running where one of the three does not start.
give_up() {
    status=$?
    [ "$status" -ne 0 ] || return
    "$(dirname "$0")/stop_slurm.sh" "$folder"
    echo "SLURM did not start; the last words of $folder/*.log:" >&2
    tail -n 5 "$folder"/*.log >&2
}

mkdir -p "$1"
folder=$(cd "$1" && pwd)
host=$(hostname -s)
if [ ! -e "$folder/slurm.conf" ]; then
    [ -z "$(ls -A "$folder")" ] || die "$folder holds something else; give a new folder" 2
fi

# --- another SLURM's machine is left alone
for program in slurmctld slurmd; do
    for pid in $(pidof "$program"); do
        [ "$pid" = "$(cat "$folder/$program.pid" 2>/dev/null)" ] ||
            die "$program runs here already (process $pid): this machine has a SLURM of its own; use that one" 4
    done
done
for configuration in /etc/slurm/slurm.conf /etc/slurm-llnl/slurm.conf; do
    [ ! -e "$configuration" ] || die "$configuration exists: this machine has a SLURM of its own; use that one" 4
done
if [ -e /run/slurm/conf ]; then
    [ "$(readlink /run/slurm/conf)" = "$folder" ] ||
        die "/run/slurm/conf exists: this machine has, or had, a SLURM of its own; use that one" 4
fi

# --- configuration, once per folder
if [ ! -e "$folder/slurm.conf" ]; then
    chmod 755 "$folder"
    mkdir -m 700 "$folder/key"
    mkdir "$folder/state" "$folder/spool"
    (umask 077 && head -c 1024 /dev/urandom >"$folder/key/munge.key")
    read -r controller_port node_port < <(python3 - <<'END'
import socket

sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(one.getsockname()[1] for one in sockets))
END
    )
    read -r cpus memory < <(slurmd -C | sed -nE 's/.* CPUs=([0-9]+).* RealMemory=([0-9]+).*/\1 \2/p')
    cat >"$folder/slurm.conf.new" <<END
ClusterName=local
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmctldPort=$controller_port
SlurmdPort=$node_port
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
# bound to 127.0.0.1 alone
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
CredType=cred/munge
MpiDefault=none
# No cgroups: processes are followed through /proc, and memory is looked at every five seconds.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=5
JobAcctGatherParams=OverMemoryKill
# A node that comes back takes jobs again, whatever it was down for.
ReturnToService=2
SlurmdTimeout=30
# So long squeue still shows a job that ended; at least three times slurm-init-seconds-before-status-checks.
MinJobAge=300
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,bf_interval=5
# What can never run is refused instead of waiting for ever.
EnforcePartLimits=ALL
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=500
AccountingStorageType=accounting_storage/none
# One line for each job that ended.
JobCompType=jobcomp/filetxt
JobCompLoc=$folder/jobs.log
# less than slurmd finds: with more the node would be drained
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus RealMemory=$((memory * 95 / 100)) State=UNKNOWN
PartitionName=main Nodes=$host Default=YES DefaultTime=01:00:00 MaxTime=7-00:00:00 State=UP
END
    mv "$folder/slurm.conf.new" "$folder/slurm.conf"
fi
export SLURM_CONF=$folder/slurm.conf
trap give_up EXIT
mkdir -p /run/slurm
ln -sfn "$folder" /run/slurm/conf

# --- the three daemons
# forced: where others cannot come into FOLDER munged would not start, and root is the only one to use the cluster
is_running munged || munged --force --key-file="$folder/key/munge.key" --socket="$folder/munge.socket" \
    --pid-file="$folder/munged.pid" --log-file="$folder/munged.log" --seed-file="$folder/key/munged.seed" \
    --num-threads=2 2>>"$folder/munged.log"
wait_until "munged did not answer" bash -c "munge --no-input --socket '$folder/munge.socket' | unmunge --socket '$folder/munge.socket'"
is_running slurmctld || slurmctld
wait_until "slurmctld did not answer" scontrol ping
is_running slurmd || slurmd -N "$host"
wait_until "the node is not ready" bash -c "sinfo --noheader --nodes=$host --format=%T | grep -Eqx 'idle|mixed|allocated'"
sinfo --Node --format="%N %P %T %c CPUs, %m MB"
