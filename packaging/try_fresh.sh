#!/bin/sh
# Does on minimal machines what README tells a newcomer to do, and prints what became of it:
#
#   packaging/try_fresh.sh [options] FOLDER SUITE...        e.g.  /var/tmp/fresh bookworm trixie
#
# Each suite of Debian is set up twice in FOLDER by debootstrap, with nothing beyond its minimal
# base: once for root, once for an ordinary user, who can install no package: the lines that
# ./studio prints are run for them. Then: the self-test, an m4a, drums by every model (their bits
# must be the same on all machines), the window on a display (a picture of it is kept), the fast
# tests. Run as root; needs debootstrap, Xvfb, xwininfo and imagemagick here. By hand: an hour.
#
#   --gpu            take the CUDA build of torch where no CPU build can be had, after the refusal
#   --who WHO        only root, or only user
#   --tests WORDS    what follows ./studio test ("--fast"); "none" leaves the tests out
#   --env NAME=VALUE, --bind PATH    for the inside: how pip reaches its packages here, say
#   --keep           leave the machines there
set -eu

gpu='' who='root user' tests=--fast keep='' binds='' passed=''
while :; do
    case "${1:-}" in
        --gpu) gpu=--gpu ;;
        --keep) keep=yes ;;
        --who) who=$2; shift ;;
        --tests) tests=$2; shift ;;
        --env) passed="$passed $2"; shift ;;
        --bind) binds="$binds $2"; shift ;;
        *) break ;;
    esac
    shift
done
[ $# -ge 2 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit 2; }
[ "$(id -u)" = 0 ] || { echo "try_fresh: debootstrap and chroot need root" >&2; exit 1; }
here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
mkdir -p "$1"
place=$(CDPATH='' cd -- "$1" && pwd -P); shift

machine='' home='' x='' display='' first_bits='' failed=0
said() { printf '== %s: %s\n' "$name" "$*"; }
wrong() { said "FAILED: $*"; failed=1; }
megabytes() { echo "$((($1 + 999999) / 1000000)) MB"; }

# Sends a signal to what runs inside the machine and has WORDS in its command line.
signal_inside() {
    for process in /proc/[0-9]*; do
        [ "$(readlink "$process/root" 2>/dev/null)" = "$machine" ] || continue
        if tr '\0' ' ' <"$process/cmdline" 2>/dev/null | grep -q -e "$2"; then
            kill "-$1" "${process#/proc/}" 2>/dev/null || :
        fi
    done
}

mounts() { awk -v root="$machine/" 'index($2, root) == 1 {print $2}' /proc/self/mounts | sort -r; }

leave() {
    [ -z "$x" ] || kill "$x" 2>/dev/null || :
    x=
    [ -n "$machine" ] || return 0
    signal_inside TERM ''
    mounts | while read -r mounted; do umount "$mounted" 2>/dev/null || umount -l "$mounted"; done
}
trap leave EXIT

# Never over what is still mounted there: that belongs to this machine.
remove() {
    [ -z "$(mounts)" ] || { echo "try_fresh: still mounted: $(mounts)" >&2; exit 1; }
    rm -rf --one-file-system "$machine"
}
trap 'exit 130' INT TERM

mounted() { mkdir -p "$machine$1"; shift; mount "$@"; }

prepare() {
    remove
    debootstrap --variant=minbase "$suite" "$machine" >"$machine.debootstrap.log" 2>&1
    cp /etc/resolv.conf /etc/hosts "$machine/etc/"
    mounted /proc -t proc proc "$machine/proc"
    mounted /dev --bind /dev "$machine/dev"
    mounted /dev/pts --bind /dev/pts "$machine/dev/pts"
    mounted /dev/shm -t tmpfs -o mode=1777 tmpfs "$machine/dev/shm"
    mounted /tmp/.X11-unix --bind /tmp/.X11-unix "$machine/tmp/.X11-unix"
    for path in $binds; do
        if [ -d "$path" ]; then mkdir -p "$machine$path"
        else mkdir -p "$(dirname "$machine$path")"; : >"$machine$path"; fi
        mount --bind -o ro "$path" "$machine$path"
    done
    home=/root
    if [ "$user" != root ]; then chroot "$machine" useradd -m -s /bin/sh "$user"; home=/home/$user; fi
    mkdir "$machine$home/DrumStudio"
    (cd "$here" && git ls-files -z | tar --null -T - -c) | tar -x -C "$machine$home/DrumStudio"
    chroot "$machine" chown -R "$user:" "$home/DrumStudio"
}

# What a person there types, in the folder of the checkout.
inside() {
    # shellcheck disable=SC2086  # a list of NAME=VALUE
    chroot --userspec="$user" "$machine" /usr/bin/env -i HOME="$home" USER="$user" LANG=C.UTF-8 \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin PIP_LOG="$home/pip.log" \
        $passed ${display:+DISPLAY=$display} sh -c "cd ~/DrumStudio && $1" </dev/null
}

# Runs ./studio WORDS until it says no more that packages are missing.
studio() {
    for round in 1 2 3 4; do
        status=0
        inside "./studio $1" >"$log" 2>&1 || status=$?
        line=$(sed -n 's/^studio: *sudo \(apt-get install .*\)/\1/p' "$log")
        [ -n "$line" ] || return $status
        said "round $round, asked to run: sudo $line"
        chroot "$machine" sh -c "apt-get update -qq && DEBIAN_FRONTEND=noninteractive $line -y -qq" \
            >"$machine.apt.log" 2>&1 || { wrong "that line does not work"; tail -3 "$machine.apt.log"; return 1; }
    done
    return 1
}

disk_bytes() {
    # shellcheck disable=SC2086,SC2046  # a list of options
    du -sxB1 $(printf -- "--exclude=$machine%s " $binds) "$machine" | cut -f1
}

# Sums up what pip fetched, by its own log, whether from an index or from a folder.
pip_bytes() {
    sed -n 's/.*Downloading .*(\([0-9.]*\) \([kMG]*\)B).*/\1 \2/p' "$machine$home/pip.log" \
        | awk '{f["k"] = 1e3; f["M"] = 1e6; f["G"] = 1e9; f[""] = 1; sum += $1 * f[$2]}
            END {printf "%.0f\n", sum}'
    sed -n 's|.*Processing \(/.*\.whl\).*|\1|p' "$machine$home/pip.log" | sort -u \
        | while read -r wheel; do stat -c %s "$machine$wheel" 2>/dev/null || :; done
}

self_test() {
    if studio --self-test; then
        said "self-test passed:"; grep ^passed "$log"; return
    fi
    if [ -n "$gpu" ] && grep -q 'To take it: ./studio --gpu' "$log"; then
        said "refused without a choice:"; sed -n 's/^studio: /    /p' "$log" | tail -3
        if studio "--gpu --self-test"; then
            said "self-test passed, with --gpu:"; grep ^passed "$log"; return
        fi
    fi
    wrong "self-test"; tail -5 "$log"
    return 1
}

figures() {
    now=$(disk_bytes)
    cache=$( [ ! -d "$machine$home/.cache/pip" ] || du -sB1 "$machine$home/.cache/pip" | cut -f1)
    apt=$(du -cB1 "$machine"/var/cache/apt/archives/*.deb 2>/dev/null | tail -1 | cut -f1)
    said "fetched: $(megabytes "$(pip_bytes | awk '{s += $1} END {printf "%.0f", s}')") by pip," \
        "$(megabytes "$((${apt:-0} - base_apt))") by apt $1"
    said "disk: $(megabytes $((now - base - ${cache:-0}))) more than the $(megabytes "$base") of" \
        "the base, and pip's cache $(megabytes "${cache:-0}")"
    [ "$1" = "without a window" ] || return 0
    inside '.venv/bin/python -V; .venv/bin/python -m pip list --format=freeze' >"$machine.versions"
}

m4a() {
    inside ".venv/bin/python -c 'from tests.files.seeds import encoded_by_ffmpeg, song
open(\"song.m4a\", \"wb\").write(encoded_by_ffmpeg(song(220_500), \"aac\", \"fltp\"))'"
    if studio "separate song.m4a --out m4a" && inside 'ls m4a/song_drums.wav m4a/song_rest.wav' \
        >/dev/null; then said "an m4a was separated"; else wrong "m4a"; tail -5 "$log"; fi
}

# The same song and the same model give the same bits, whatever Python and libraries.
bits() {
    studio "demo --render demo.wav" || wrong "demo"
    : >"$machine.bits"
    for model in hpss fast flagship; do
        studio "separate demo.wav --out bits/$model --model $model --stems drums" || wrong "$model"
        inside "cat bits/$model/*_drums.wav | sha256sum | cut -c1-16" \
            | sed "s/^/$model /" >>"$machine.bits"
    done
    inside "sha256sum demo.wav | cut -c1-16" | sed 's/^/demo /' >>"$machine.bits"
    said "bits: $(tr '\n' ' ' <"$machine.bits")"
    if [ -z "$first_bits" ]; then first_bits=$machine.bits
    elif ! cmp -s "$first_bits" "$machine.bits"; then wrong "bits are not those of $first_bits"; fi
}

# The window with a song, its picture, and whether it ends well when the system says so.
window() {
    rm -f "$machine.display"
    Xvfb -displayfd 3 -screen 0 1280x720x24 -nolisten tcp 3>"$machine.display" 2>/dev/null &
    x=$!
    until [ -s "$machine.display" ]; do sleep 0.2; done
    display=:$(cat "$machine.display")
    (code=0; studio demo.wav || code=$?; echo "ended with $code" >>"$log") &
    opened=$!
    waited=0
    until DISPLAY=$display xwininfo -root -tree 2>/dev/null | grep -q DrumStudio; do
        sleep 2; waited=$((waited + 2))
        if [ $waited -gt 600 ] || ! kill -0 $opened 2>/dev/null; then break; fi
    done
    sleep 30
    if DISPLAY=$display xwininfo -root -tree | grep -q DrumStudio; then
        DISPLAY=$display import -window root "$machine.png"
        signal_inside TERM '-m drumstudio demo.wav'
        wait $opened || :
        said "the window opened (picture: $machine.png), and $(tail -1 "$log")"
        [ "$(tail -1 "$log")" = "ended with 0" ] || wrong "the window did not end well"
    else
        wrong "no window"; tail -5 "$log"
    fi
    kill "$x"; wait "$x" 2>/dev/null || :
    x='' display=''
}

try() {
    machine=$place/$suite-$1 user=$1 name="$suite, $1"
    [ "$user" = root ] || user=drummer
    log=$machine.log
    said "debootstrap of $suite, minimal"
    prepare
    base=$(disk_bytes)
    base_apt=$(du -cB1 "$machine"/var/cache/apt/archives/*.deb 2>/dev/null | tail -1 | cut -f1 || :)
    base_apt=${base_apt:-0}
    if self_test; then
        figures "without a window"; m4a; bits; window; figures "with a window"
        if [ "$tests" != none ]; then
            if studio "test $tests"; then said "tests passed: $(tail -1 "$log")"
            else wrong "tests"; grep -E '^(FAILED|ERROR)' "$log" | head -20; tail -1 "$log"; fi
            cp "$log" "$machine.tests.log"
        fi
    fi
    leave
    [ -n "$keep" ] || remove
    machine=
}

mkdir -p /tmp/.X11-unix
for suite in "$@"; do for one in $who; do try "$one"; done; done
exit $failed
