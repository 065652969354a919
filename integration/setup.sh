#!/usr/bin/env bash
# Installs what the demo and the tests need on a Debian 12 machine with Go: Debian packages, containerd 1.7 and 2.x
# built by the Go toolchain, and the linter. Everything that is not a package lands below $SPRY_CACHE (default: .cache).
#
#   integration/setup.sh [demo|test]     demo leaves out containerd 1.7, the linter and systemd-container
set -euo pipefail
cd "$(dirname "$0")/.."

want=${1:-test}
cache=${SPRY_CACHE:-$PWD/.cache}
containerd2=v2.4.2
containerd17=v1.7.35
golangci=v2.15.0

say() { printf 'setup: %s\n' "$*"; }

packages=(runc docker-registry debootstrap busybox-static fuse3 ca-certificates e2fsprogs mount)
[[ $want == test ]] && packages+=(systemd-container)
missing=()
for p in "${packages[@]}"; do
	dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p")
done
if ((${#missing[@]})); then
	say "installing ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends "${missing[@]}" >"${TMPDIR:-/tmp}/spry-setup-apt.log" 2>&1 || {
		cat "${TMPDIR:-/tmp}/spry-setup-apt.log" >&2
		exit 1
	}
fi

# containerd MODULE VERSION DIR: the three binaries a node needs, built in a module of their own
# (containerd 1.7 has exclude directives, which "go install pkg@version" refuses).
containerd() {
	local module=$1 version=$2 dir=$3 work
	[[ $(cat "$dir/version" 2>/dev/null) == "$version" ]] && return
	say "building containerd $version"
	work=$(mktemp -d)
	mkdir -p "$dir"
	(
		cd "$work"
		go mod init testbed
		go get "$module/cmd/containerd@$version"
		CGO_ENABLED=0 GOFLAGS=-mod=mod go build -tags no_btrfs,no_zfs,no_aufs -o "$dir/" \
			"$module/cmd/containerd" "$module/cmd/containerd-shim-runc-v2" "$module/cmd/ctr"
	) >"$work/log" 2>&1 || {
		cat "$work/log" >&2
		exit 1
	}
	rm -rf "$work"
	printf '%s\n' "$version" >"$dir/version"
}

containerd github.com/containerd/containerd/v2 "$containerd2" "$cache/containerd-2"
if [[ $want == test ]]; then
	containerd github.com/containerd/containerd "$containerd17" "$cache/containerd-1.7"
	if [[ $(cat "$cache/golangci/version" 2>/dev/null) != "$golangci" ]]; then
		say "building golangci-lint $golangci"
		mkdir -p "$cache/golangci"
		GOBIN="$cache/golangci" CGO_ENABLED=0 go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$golangci"
		printf '%s\n' "$golangci" >"$cache/golangci/version"
	fi
fi
say "ready"
