# Sourced by tests/run, examples/run, bench/run and .ci/run: what they share. POSIX shell.
# Before: `cd` to the root of the project.

say() { printf '== %s\n' "$*"; }

# What every build needs, as Debian packages.
build_packages="g++ cmake ninja-build python3 libtbb-dev libfmt-dev libspdlog-dev libhiredis-dev libssl-dev libxxhash-dev libsodium-dev libxlsxwriter-dev libpcre2-dev libre2-dev libyaml-cpp-dev libcurl4-openssl-dev libsqlite3-dev libexpat1-dev libpugixml-dev nlohmann-json3-dev libvalijson-dev libboost-context-dev"
# Hyperscan is for x86-64; Vectorscan is Hyperscan for the others.
case $(uname -m) in
    x86_64) build_packages="$build_packages libhyperscan-dev" ;;
    *) build_packages="$build_packages libvectorscan-dev" ;;
esac

# install_packages PACKAGE...: installs those that are missing, and nothing when none is.
install_packages() {
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        say "This is not Debian: nothing is installed. These are needed, by Debian's names: $*"
        return 0
    fi
    missing=""
    for package in "$@"; do
        case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
            *" installed") ;;
            *) missing="$missing $package" ;;
        esac
    done
    [ -n "$missing" ] || return 0

    if [ "$(id -u)" -eq 0 ]; then
        as_root="env"
    elif command -v sudo >/dev/null; then
        as_root="sudo env"
    else
        say "Missing packages, and neither root nor sudo to install them. As root: apt-get install$missing"
        return 1
    fi
    say "Installing:$missing"
    # shellcheck disable=SC2086  # lists of words
    apt() { $as_root DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" </dev/null; }
    # The package lists are fetched only when the install fails without: they are missing or too old.
    # shellcheck disable=SC2086
    apt install -y --no-install-recommends $missing >/dev/null 2>&1 ||
        { apt update && apt install -y --no-install-recommends $missing; }
}

# configure PRESET [CMAKE ARGUMENT...]: quiet when all is well, but for what was left out.
configure() {
    preset=$1
    shift
    say "Configuring build/$preset"
    mkdir -p "build/$preset"
    ! command -v ccache >/dev/null || set -- -DCMAKE_CXX_COMPILER_LAUNCHER=ccache "$@"
    if ! cmake --preset "$preset" -DMUSTER_WERROR="${CI:+ON}" "$@" >"build/$preset/configure.log" 2>&1; then
        cat "build/$preset/configure.log"
        return 1
    fi
    sed -n 's/^-- muster: //p' "build/$preset/configure.log"
}

# build PRESET [TARGET...]
build() {
    preset=$1
    shift
    say "Building build/$preset"
    if [ $# -gt 0 ]; then set -- --target "$@"; fi
    cmake --build "build/$preset" --parallel "$(nproc)" "$@"
}
