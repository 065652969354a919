// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/integration/testbed"
)

// lines are the containerd release lines that Spry supports.
var lines = []string{"2", "1.7"}

// node is one host: a containerd and a spryd.
type node struct {
	t     *testing.T
	ctx   context.Context
	dir   string
	ctd   *testbed.Containerd
	spryd *testbed.Spryd
}

// newNode starts a host of a containerd line; config is spryd's file, "" for none.
// The image of pods, if given, makes containerd serve CRI.
func newNode(t *testing.T, line, config string, sandbox ...string) *node {
	t.Helper()
	n := &node{t: t, ctx: testContext(t)}
	dir, err := os.MkdirTemp("", "spry") //nolint:usetesting // t.TempDir is too long for a socket path
	if err != nil {
		t.Fatal(err)
	}
	n.dir = dir
	t.Cleanup(n.remove)
	binary, err := tools.Binary("spryd")
	if err != nil {
		t.Fatal(err)
	}
	if n.spryd, err = testbed.StartSpryd(n.ctx, testbed.SprydOptions{Dir: filepath.Join(dir, "s"), Binary: binary, Config: config}); err != nil {
		t.Fatal(err)
	}
	bin, err := tools.Containerd(line)
	if err != nil {
		t.Fatal(err)
	}
	o := testbed.ContainerdOptions{Dir: filepath.Join(dir, "c"), Bin: bin, Proxies: []testbed.Proxy{n.spryd.Proxy()}, Sandbox: strings.Join(sandbox, "")}
	n.ctd, err = testbed.StartContainerd(n.ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// remove ends the host's processes and leaves nothing mounted.
func (n *node) remove() {
	if n.t.Failed() {
		n.logs()
	}
	if n.ctd != nil && n.ctd.Process != nil {
		if err := n.ctd.End(); err != nil {
			n.t.Error(err)
		}
	}
	if n.spryd != nil && n.spryd.Process != nil {
		if err := n.spryd.Stop(); err != nil {
			n.t.Error(err)
		}
	}
	for _, m := range n.mounts() {
		if err := unix.Unmount(m, unix.MNT_DETACH); err != nil && err != unix.EINVAL {
			n.t.Errorf("unmount %s: %v", m, err)
		}
	}
	if err := os.RemoveAll(n.dir); err != nil {
		n.t.Error(err)
	}
}

func (n *node) logs() {
	if n.spryd != nil && n.spryd.Process != nil {
		n.t.Logf("spryd:\n%s", n.spryd.LogTail(60))
	}
	if n.ctd != nil && n.ctd.Process != nil {
		n.t.Logf("containerd:\n%s", n.ctd.LogTail(20))
	}
}

// mounts lists the mount points below the node's directory, newest first.
func (n *node) mounts(kind ...string) []string {
	b, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		n.t.Fatal(err)
	}
	var out []string
	for _, line := range strings.Split(string(b), "\n") {
		f := strings.Fields(line)
		if len(f) < 3 || !strings.HasPrefix(f[1], n.dir+"/") {
			continue
		}
		if len(kind) == 0 || slices.ContainsFunc(kind, func(k string) bool { return strings.HasPrefix(f[2], k) }) {
			out = append([]string{f[1]}, out...)
		}
	}
	return out
}

// lazyMounts are where layers are shown that came lazily: FUSE mounts, and what
// takes their place when they are plain.
func (n *node) lazyMounts() []string {
	n.t.Helper()
	list, err := filepath.Glob(filepath.Join(n.spryd.Root(), "m", "*"))
	if err != nil {
		n.t.Fatal(err)
	}
	return list
}

// ctr runs ctr and fails the test if that fails.
func (n *node) ctr(args ...string) string {
	n.t.Helper()
	out, err := n.ctd.Ctr(n.ctx, args...)
	if err != nil {
		n.t.Fatal(err)
	}
	return out
}

// pull pulls ref with ctr, as a user of containerd would.
func (n *node) pull(ref string) {
	n.t.Helper()
	n.ctr("image", "pull", "--plain-http", "--snapshotter", "spry", ref)
}

// spry runs the CLI against this node's containerd; it gives its standard output.
func (n *node) spry(args ...string) string {
	n.t.Helper()
	out, err := runSpry(n.ctx, append([]string{"--address", n.ctd.Address()}, args...)...)
	if err != nil {
		n.t.Fatal(err)
	}
	return out
}

// containers numbers the containers of this process; runc's state directory
// is the machine's, so that their names must be unique on it.
var containers atomic.Int64

// lazily configures a daemon to leave in the registry what nobody reads.
const lazily = "[fetch]\nbackground = false\n"

// runArgs start a container. The cgroup of a machine need not have shares.
var runArgs = []string{"run", "--net-host", "--cpu-shares", "0", "--snapshotter", "spry"}

// run runs a command in a container of ref and gives what it printed.
func (n *node) run(ref string, command ...string) string {
	n.t.Helper()
	out, err := n.tryRun("default", ref, command...)
	if err != nil {
		n.t.Fatal(err)
	}
	return out
}

func (n *node) tryRun(namespace, ref string, command ...string) (string, error) {
	args := slices.Concat([]string{"-n", namespace}, runArgs, []string{"--rm", ref, fmt.Sprintf("spry-%d-%d", os.Getpid(), containers.Add(1))}, command)
	return n.ctd.Ctr(n.ctx, args...)
}

// runSpry runs the CLI and gives its standard output.
func runSpry(ctx context.Context, args ...string) (string, error) {
	binary, err := tools.Binary("spry")
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, binary, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("spry %s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String(), nil
}

// spry runs the CLI without containerd and fails the test if that fails.
func spry(t *testing.T, args ...string) string {
	t.Helper()
	out, err := runSpry(testContext(t), args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
