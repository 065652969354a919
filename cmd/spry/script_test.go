// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"github.com/spryd/spry/cmd/spry/internal/containerdtest"
	"github.com/spryd/spry/cmd/spry/internal/imagetest"
	"github.com/spryd/spry/fs/remote/remotetest"
)

var containerd containerdtest.Containerd

func TestMain(m *testing.M) {
	testscript.Main(cleanup{m}, map[string]func(){"spry": main})
}

// cleanup runs the tests and ends what they share.
type cleanup struct{ m *testing.M }

func (c cleanup) Run() int {
	defer containerd.Close()
	return c.m.Run()
}

// TestScripts runs the command as users do. Scripts find a registry with the
// referrers API at $REGISTRY, one without at $OLD_REGISTRY, one that wants
// user:secret at $PRIVATE_REGISTRY, and make images with
//
//	image LAYOUT[:TAG] ARCH...
func TestScripts(t *testing.T) {
	runScripts(t, "script", "none.sock", "default")
}

// TestContainerdScripts are the same with a containerd.
func TestContainerdScripts(t *testing.T) {
	address, err := containerd.Address()
	if err != nil {
		t.Skipf("no containerd: %v", err)
	}
	runScripts(t, "containerd", address, "")
}

// runScripts runs the scripts in a directory of testdata. A namespace of ""
// gives each script its own.
func runScripts(t *testing.T, dir, address, namespace string) {
	t.Helper()
	reg, old, private := remotetest.New(t), remotetest.New(t), remotetest.New(t)
	old.DisableReferrers()
	private.RequireBasic("user", "secret")
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", dir),
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("REGISTRY", reg.Host)
			env.Setenv("OLD_REGISTRY", old.Host)
			env.Setenv("PRIVATE_REGISTRY", private.Host)
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("CONTAINERD_ADDRESS", address)
			env.Setenv("CONTAINERD_NAMESPACE", cmp.Or(namespace, filepath.Base(env.WorkDir)))
			env.Setenv("GORACE", "atexit_sleep_ms=0") // scripts run many processes
			env.Setenv("CONTAINERD_SUPPRESS_DEPRECATION_WARNINGS", "1")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"image": func(ts *testscript.TestScript, _ bool, args []string) {
				if len(args) < 2 {
					ts.Fatalf("want image LAYOUT[:TAG] ARCH...")
				}
				dir, tag, _ := strings.Cut(args[0], ":")
				makeImage(t, ts.MkAbs(dir), tag, args[1:])
			},
		},
	})
}

// makeImage makes an image whose layers are an indexable one for each
// architecture, and two that are not: zstd, and tiny.
func makeImage(t *testing.T, dir, tag string, archs []string) {
	l := imagetest.New(t, dir)
	var ps []imagetest.Platform
	for i, arch := range archs {
		ps = append(ps, imagetest.Linux(arch,
			imagetest.Gzip(t,
				remotetest.File{Name: "etc/os-release", Link: "../usr/lib/os-release"},
				remotetest.File{Name: "usr/lib/os-release", Body: "NAME=spry " + arch + "\n"},
				remotetest.File{Name: "usr/bin/app", Body: imagetest.Body(uint64(i), 500_000)},
			),
			imagetest.Zstd(t, remotetest.File{Name: "zstd", Body: "zstd"}),
			imagetest.Gzip(t, remotetest.File{Name: "tiny", Body: arch}),
		))
	}
	if len(ps) == 1 {
		l.Image(tag, ps[0])
		return
	}
	l.Index(tag, ps...)
}

// TestHelp: every command that does something says what it takes, with
// examples that parse.
func TestHelp(t *testing.T) {
	root := newApp(os.Stdout, os.Stderr).root()
	todo := []*cobra.Command{root}
	for len(todo) > 0 {
		cmd := todo[0]
		todo = append(todo[1:], cmd.Commands()...)
		if cmd.HasSubCommands() {
			continue
		}
		if cmd.Short == "" || cmd.Example == "" {
			t.Errorf("%s: no short text or no example", cmd.CommandPath())
		}
		for line := range strings.Lines(cmd.Example) {
			words := strings.Fields(line)
			if words[0] != "spry" {
				t.Errorf("%s: example %q", cmd.CommandPath(), line)
			}
			if i := slices.Index(words, "&&"); i > 0 {
				words = words[:i]
			}
			found, rest, err := newApp(os.Stdout, os.Stderr).root().Find(words[1:])
			if err == nil {
				err = found.ParseFlags(rest)
			}
			if err != nil || found.CommandPath() != cmd.CommandPath() {
				t.Errorf("%s: example %q is of %s, error %v", cmd.CommandPath(), line, found.CommandPath(), err)
			}
			if err := found.ValidateArgs(found.Flags().Args()); err != nil {
				t.Errorf("%s: example %q: %v", cmd.CommandPath(), line, err)
			}
		}
	}
}

func TestSize(t *testing.T) {
	for in, want := range map[string]int64{"0": 0, "4194304": 4 << 20, "64KiB": 64 << 10, "4MiB": 4 << 20, "1GiB": 1 << 30, "4m": 4 << 20} {
		var s size
		if err := s.Set(in); err != nil || int64(s) != want {
			t.Errorf("%s: %d, error %v, want %d", in, s, err, want)
		}
	}
	for _, in := range []string{"", "-1", "MiB", "4 MiB", "4MB", "9999999999GiB", "1e6"} {
		var s size
		if err := s.Set(in); err == nil {
			t.Errorf("%q is %d", in, s)
		}
	}
}
