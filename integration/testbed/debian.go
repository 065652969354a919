// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package testbed

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// DebianSpec describes an image made of Debian packages without a container
// engine: a minimal system, then one layer for each step.
type DebianSpec struct {
	// Name is the image's name and its folder in the cache.
	Name string
	// Steps are shell scripts run in a chroot, each on top of the ones before.
	Steps []string
	// Cmd is what the image runs; it prints a line with READY.
	Cmd []string
}

// Apt is a step that installs packages and leaves no package lists behind.
func Apt(packages ...string) string {
	return "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends " +
		strings.Join(packages, " ") + clean
}

const clean = " && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb /var/log/apt /var/log/dpkg.log"

// Python is an image with the Python standard library: 45 MB in four layers, READY
// after importing a web server, JSON, SQLite and TLS.
var Python = DebianSpec{
	Name: "python",
	Steps: []string{
		Apt("python3-minimal"),
		Apt("python3"),
		"mkdir -p /app && printf 'import http.server, json, sqlite3, ssl\nprint(\"READY\", ssl.OPENSSL_VERSION)\n' > /app/main.py",
	},
	Cmd: []string{"python3", "/app/main.py"},
}

// DebianImage builds spec below cache, or finds it there from an earlier run.
func DebianImage(ctx context.Context, cache string, spec DebianSpec) (Image, error) {
	layers, _, err := debian(ctx, cache, spec)
	return Image{Layers: layers, Cmd: spec.Cmd}, err
}

// DebianSystem is the same as directories of an overlay, uppermost first.
func DebianSystem(ctx context.Context, cache string, spec DebianSpec) ([]string, error) {
	_, dirs, err := debian(ctx, cache, spec)
	return dirs, err
}

func debian(ctx context.Context, cache string, spec DebianSpec) (layers []Layer, lowers []string, err error) {
	b := builder{dir: filepath.Join(cache, "images")}
	base, err := b.base(ctx)
	if err != nil {
		return nil, nil, err
	}
	layers, lowers = []Layer{base}, []string{b.rootfs()}
	for i, script := range spec.Steps {
		dir := filepath.Join(b.dir, spec.Name, fmt.Sprint(i))
		l, err := b.step(ctx, dir, lowers, script)
		if err != nil {
			return nil, nil, fmt.Errorf("image %s step %d: %w", spec.Name, i, err)
		}
		layers = append(layers, l)
		lowers = append([]string{filepath.Join(dir, "upper")}, lowers...)
	}
	return layers, lowers, nil
}

// builder makes layers below dir; each finished one leaves a layer.json.
type builder struct{ dir string }

func (b builder) rootfs() string { return filepath.Join(b.dir, "base", "rootfs") }

func (b builder) base(ctx context.Context) (Layer, error) {
	dir := filepath.Join(b.dir, "base")
	if l, err := readLayer(dir); err == nil {
		return l, nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return Layer{}, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Layer{}, err
	}
	if err := run(ctx, "debootstrap", "--variant=minbase", "bookworm", b.rootfs()); err != nil {
		return Layer{}, err
	}
	if err := chroot(ctx, b.rootfs(), "true"+clean); err != nil {
		return Layer{}, err
	}
	return finishLayer(dir, b.rootfs())
}

// step runs script on an overlay over lowers (uppermost first) and tars the
// upper directory.
func (b builder) step(ctx context.Context, dir string, lowers []string, script string) (_ Layer, err error) {
	if l, err := readLayer(dir); err == nil {
		return l, nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return Layer{}, err
	}
	upper, work, merged := filepath.Join(dir, "upper"), filepath.Join(dir, "work"), filepath.Join(dir, "merged")
	for _, d := range []string{upper, work, merged} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return Layer{}, err
		}
	}
	opts := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", strings.Join(lowers, ":"), upper, work)
	if err := run(ctx, "mount", "-t", "overlay", "overlay", "-o", opts, merged); err != nil {
		return Layer{}, err
	}
	err = chroot(ctx, merged, script)
	if err := errors.Join(err, run(context.WithoutCancel(ctx), "umount", merged)); err != nil {
		return Layer{}, err
	}
	return finishLayer(dir, upper)
}

// chroot runs a shell script in root with /proc and /dev, and with the
// host's name resolution while it runs.
func chroot(ctx context.Context, root, script string) (err error) {
	resolv := filepath.Join(root, "etc/resolv.conf")
	old, oldErr := os.ReadFile(resolv)
	if b, err := os.ReadFile("/etc/resolv.conf"); err == nil {
		if err := os.WriteFile(resolv, b, 0o644); err != nil {
			return err
		}
	}
	for _, m := range [][]string{{"-t", "proc", "proc", root + "/proc"}, {"--bind", "/dev", root + "/dev"}} {
		if err := run(ctx, "mount", m...); err != nil {
			return err
		}
		target := m[len(m)-1]
		defer func() { err = errors.Join(err, run(context.WithoutCancel(ctx), "umount", target)) }()
	}
	err = run(ctx, "chroot", root, "/bin/sh", "-c", script)
	if oldErr != nil {
		return errors.Join(err, os.Remove(resolv))
	}
	return errors.Join(err, os.WriteFile(resolv, old, 0o644))
}

func finishLayer(dir, root string) (Layer, error) {
	return keepLayer(dir, func(tw *tar.Writer) error { return tarUpper(tw, root) })
}

// keepLayer makes a layer in dir that readLayer finds there again.
func keepLayer(dir string, write func(*tar.Writer) error) (Layer, error) {
	l, err := NewLayer(dir, write)
	if err != nil {
		return l, err
	}
	b, err := json.Marshal(l)
	if err != nil {
		return l, err
	}
	return l, os.WriteFile(filepath.Join(dir, "layer.json"), b, 0o644)
}

// CachedLayer makes a layer in dir with [NewLayer], or finds it there.
func CachedLayer(dir string, write func(*tar.Writer) error) (Layer, error) {
	if l, err := readLayer(dir); err == nil {
		return l, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Layer{}, err
	}
	return keepLayer(dir, write)
}

func readLayer(dir string) (Layer, error) {
	var l Layer
	b, err := os.ReadFile(filepath.Join(dir, "layer.json"))
	if err != nil {
		return l, err
	}
	if err := json.Unmarshal(b, &l); err != nil {
		return l, err
	}
	_, err = os.Stat(l.Path)
	return l, err
}

func run(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "HOME=/root", searchPath)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %.2000s", name, err, out)
	}
	return nil
}
