# shellcheck shell=bash
# Steps and jobs of scripts/test: run, timed and counted. A failure does not hide what comes after it.
#
# A step runs by itself. Jobs run two at a time; what a job prints is collected and shown when it ends, so that the
# output of two jobs is never mixed. What failed is named again at the very end, each job with the end of what it printed,
# because a log of CI is often cut in the middle.

SLOTS=2
USED_SLOTS=0
TIMES=()
FAILURES=()
PASSED=0
FAILED=0
declare -A JOB_NAME=() JOB_LOG=() JOB_START=() JOB_SLOTS=()

# record_result NAME SECONDS EXIT_CODE
record_result() {
    local outcome=passed
    if [ "$3" -eq 0 ]; then PASSED=$((PASSED + 1)); else FAILED=$((FAILED + 1)) outcome=FAILED; fi
    TIMES+=("$(printf '%5d s  %-7s %s' "$2" "$outcome" "$1")")
}

# run_step NAME COMMAND…
run_step() {
    local name=$1 started=$SECONDS code=0
    shift
    say "$name"
    "$@" || code=$?
    [ "$code" -eq 0 ] || FAILURES+=("$name")
    record_result "$name" $((SECONDS - started)) "$code"
    return "$code"
}

# start_job SLOTS NAME COMMAND…: waits until so many slots are free. A job that hardly uses a core takes none.
start_job() {
    local slots=$1 name=$2 log
    shift 2
    while [ $((USED_SLOTS + slots)) -gt "$SLOTS" ]; do finish_job; done
    log=$(mktemp)
    "$@" >"$log" 2>&1 </dev/null &
    JOB_NAME[$!]=$name JOB_LOG[$!]=$log JOB_START[$!]=$SECONDS JOB_SLOTS[$!]=$slots
    USED_SLOTS=$((USED_SLOTS + slots))
}

# Waits for the next job that ends, and shows what it printed.
finish_job() {
    local pid code=0
    wait -n -p pid "${!JOB_NAME[@]}" || code=$?
    say "${JOB_NAME[$pid]}"
    cat "${JOB_LOG[$pid]}"
    if [ "$code" -ne 0 ]; then
        say "FAILED with exit code $code: ${JOB_NAME[$pid]}"
        FAILURES+=("${JOB_NAME[$pid]}"$'\n'"$(tail -n 40 "${JOB_LOG[$pid]}" | cut -c -300)")
    fi
    rm -f "${JOB_LOG[$pid]}"
    record_result "${JOB_NAME[$pid]}" $((SECONDS - JOB_START[$pid])) "$code"
    USED_SLOTS=$((USED_SLOTS - JOB_SLOTS[$pid]))
    unset "JOB_NAME[$pid]" "JOB_LOG[$pid]" "JOB_START[$pid]" "JOB_SLOTS[$pid]"
}

finish_all_jobs() { while [ ${#JOB_NAME[@]} -gt 0 ]; do finish_job; done; }

# For an exit in the middle: ends the jobs that still run.
stop_jobs() {
    local pid
    for pid in "${!JOB_NAME[@]}"; do
        kill "$pid" 2>/dev/null || true
        rm -f "${JOB_LOG[$pid]}"
    done
}

report_results() {
    [ ${#TIMES[@]} -eq 0 ] || printf '%s\n' "${TIMES[@]}"
    printf '%5d s  in all\n' "$SECONDS"
    printf 'steps: %d passed, %d failed\n' "$PASSED" "$FAILED"
    [ ${#FAILURES[@]} -eq 0 ] || printf '\nFAILED: %s\n' "${FAILURES[@]}"
}
