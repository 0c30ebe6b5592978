#!/bin/sh
# What became of a job of PBS Pro, OpenPBS or Torque: prints running, success or failed, as cluster-generic asks.
# Not tried on a cluster of that kind by the project; compare its answers with qstat's before a large run.
told=$(qstat -x -f "$1" 2>&1) || told=$(qstat -f "$1" 2>&1) || {
    case $told in
        # the server has forgotten it, or a person deleted it
        *"Unknown Job"* | *"nknown job"*) echo failed ;;
        # the server is busy: asked again later
        *) echo running ;;
    esac
    exit 0
}
state=$(printf '%s\n' "$told" | sed -n 's/^ *job_state = //p')
status=$(printf '%s\n' "$told" | sed -n 's/^ *[Ee]xit_status = //p')
case $state in
    F | C | X) if [ "$status" = 0 ]; then echo success; else echo failed; fi ;;
    *) echo running ;;
esac
