# shellcheck shell=bash
# The scripts in tests/interop: which there are, and what their headers say about how to run them.
#
# A header is a comment line below a script's docstring:
#   # needs: GROUP …         what must be installed besides the common tools; GROUP is install_GROUP in install.sh
#   # mostly-waits: REASON   it hardly uses a core, so it runs besides two other jobs
#   # runs-alone: REASON     no other job may run at the same time
#   # long: ARGUMENT …       arguments of the long form, which scripts/test --long runs
#   # only-long: REASON      not part of the quick suite

# header SCRIPT NAME: the value of a header line, or nothing.
header() { sed -n "s/^# $2: //p" "$1"; }

# list_scripts FOLDER…: the scripts in these folders of tests/interop, without a FOLDER all of them; only-long ones if LONG is set.
# The slowest ones come first, so that none of them runs by itself at the end.
list_scripts() {
    local folders=("$@") script
    [ $# -gt 0 ] || folders=(auth download icat logbook search suite)
    for script in "${folders[@]/#/tests/interop/}"; do
        [ -d "$script" ] && find "$script" -name 'test_*.py' -perm -u=x
    done | while read -r script; do
        [ -n "$LONG" ] || [ -z "$(header "$script" only-long)" ] || continue
        printf '%d %s\n' "$(header "$script" seconds | grep . || echo 0)" "$script"
    done | sort -k1,1nr -k2 | cut -d' ' -f2
}

# install_needs SCRIPT…: what the headers of these scripts ask for, each once.
install_needs() {
    local script group
    for script in "$@"; do header "$script" needs; done | tr ' ' '\n' | sed '/^$/d' | sort -u | while read -r group; do
        "install_$group" </dev/null || exit 1
    done
}

# start_scripts SCRIPT…: as jobs, and after them those that run alone. LONG says whether in their long form.
start_scripts() {
    local script arguments
    for script in "$@"; do
        [ -n "$(header "$script" runs-alone)" ] || start_script "$script"
    done
    for script in "$@"; do
        [ -n "$(header "$script" runs-alone)" ] || continue
        finish_all_jobs
        start_script "$script"
        finish_all_jobs
    done
}

start_script() {
    local arguments=() slots=1
    if [ -n "$LONG" ]; then
        read -ra arguments <<<"$(header "$1" long)"
    fi
    [ -z "$(header "$1" mostly-waits)" ] || slots=0
    start_job "$slots" "$1${arguments[*]:+ ${arguments[*]}}" "$1" "${arguments[@]}"
}
