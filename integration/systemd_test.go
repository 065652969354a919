// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/integration/testbed"
)

// machine is a host where systemd runs docs/spryd.service.
type machine struct {
	*node
	*testbed.Machine
}

// newMachine boots a Debian and installs spryd there as README.md says.
func newMachine(t *testing.T) *machine {
	t.Helper()
	if b, err := os.ReadFile("/proc/filesystems"); err != nil || !strings.Contains(string(b), "\tcgroup2\n") {
		t.Skipf("systemd needs a kernel with cgroup2 (%v)", err)
	}
	system, err := testbed.DebianSystem(t.Context(), tools.Cache, testbed.Systemd)
	if err != nil {
		t.Fatal(err)
	}
	bin, err := tools.Containerd("2")
	if err != nil {
		t.Fatal(err)
	}
	binary, err := tools.Binary("spryd")
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{node: &node{t: t, ctx: testContext(t)}}
	if m.dir, err = os.MkdirTemp("", "spry"); err != nil { //nolint:usetesting // t.TempDir is too long for a socket path
		t.Fatal(err)
	}
	t.Cleanup(m.remove)
	state := filepath.Join(m.dir, "s") // overlayfs wants its upper layers on a disk
	if err := os.Mkdir(state, 0o755); err != nil {
		t.Fatal(err)
	}
	o := testbed.MachineOptions{Dir: m.dir, Lowers: system, Binds: []string{bin, state + ":/var/lib/spryd"}}
	if m.Machine, err = testbed.StartMachine(m.ctx, o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.shutdown)
	for path, from := range map[string]string{"/usr/local/bin/spryd": binary, "/etc/systemd/system/spryd.service": filepath.Join(tools.Root, "docs/spryd.service")} {
		if err := testbed.Replace(m.Path(path), from); err != nil {
			t.Fatal(err)
		}
	}
	m.write("/etc/spryd/config.toml", lazily)
	m.sh("systemctl daemon-reload && systemctl enable --now spryd")
	m.spryd = testbed.FindSpryd(testbed.SprydOptions{Root: m.Path("/var/lib/spryd")})
	proxy := testbed.Proxy{Name: "spry", Address: "/run/spryd/spryd.sock", Root: "/var/lib/spryd"}
	m.ctd, err = testbed.StartContainerd(m.ctx, testbed.ContainerdOptions{Dir: filepath.Join(m.dir, "c"), Bin: bin, Proxies: []testbed.Proxy{proxy}, Machine: m.Machine})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// shutdown ends the machine; nothing of it may be left.
func (m *machine) shutdown() {
	if m.t.Failed() {
		out, err := m.Run(context.WithoutCancel(m.ctx), "journalctl", "--no-pager", "--lines=100", "--unit=spryd")
		m.t.Logf("%v\n%s", err, out)
	}
	if err := m.Stop(); err != nil {
		m.t.Errorf("end of the machine: %v\n%s", err, m.LogTail(20))
	}
}

// write writes a file of the machine.
func (m *machine) write(path, text string) {
	m.t.Helper()
	path = m.Path(path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

// sh runs a shell command in the machine and gives what it printed.
func (m *machine) sh(command string) string {
	m.t.Helper()
	out, err := m.Run(m.ctx, "/bin/sh", "-c", command)
	if err != nil {
		m.t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// show is a property of the service.
func (m *machine) show(property string) string {
	m.t.Helper()
	return m.sh("systemctl show --value --property=" + property + " spryd")
}

// lazy are the ids of the mounts of lazy layers by mountpoint.
func (m *machine) lazy() map[string]string {
	m.t.Helper()
	b, err := os.ReadFile(m.Path("/proc/1/mountinfo"))
	if err != nil {
		m.t.Fatal(err)
	}
	out := map[string]string{}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); strings.Contains(line, " - fuse.spry ") || strings.Contains(line, " - erofs ") {
			out[f[4]] = f[0]
		}
	}
	return out
}

// replaced waits until another server than old has begun, and returns it.
func (m *machine) replaced(old int) (pid int) {
	m.t.Helper()
	m.eventually("another server", func() bool {
		var err error
		pid, err = m.spryd.ServerPid()
		return err == nil && pid != old
	})
	return pid
}

// mountOf is where the layer with a file is mounted.
func (m *machine) mountOf(path string) string {
	m.t.Helper()
	found, err := filepath.Glob(filepath.Join(m.spryd.Root(), "m", "*", path))
	if err != nil || len(found) != 1 {
		m.t.Fatalf("%s is at %v: %v", path, found, err)
	}
	return strings.TrimSuffix(found[0], path)
}

// readOther reads the layer "other", mounted at dir.
func readOther(dir string) (err error) {
	buf := make([]byte, 1<<20)
	for i := range 10 {
		path := filepath.Join(dir, fmt.Sprintf("more/d%d/f%d", i%7, i))
		err = errors.Join(err, readDirect(path, buf, contents(uint64(i)+90_000, 90_000+i*1000)))
	}
	return err
}

const (
	reload     = "systemctl reload spryd"
	restart    = "systemctl restart spryd"
	killServer = "kill -KILL $(cat /var/lib/spryd/server.pid)"
	killKeeper = "systemctl kill --kill-who=main --signal=KILL spryd"
	// Both in one step. "systemctl kill" goes through the list of processes, and
	// fails where one of them ends meanwhile (systemd 252: Input/output error).
	killBoth = "echo 1 >/sys/fs/cgroup/system.slice/spryd.service/cgroup.kill"
)

// TestSystemd does what docs/faults.md names under systemd: readers notice
// nothing but a wait, and calls of containerd fail only where a kill cuts them,
// until a stop empties the store.
func TestSystemd(t *testing.T) {
	r := newRegistry(t)
	a, b := r.convert("a", image(t, "busybox", "data", "small", "other")), r.convert("b", image(t, "busybox", "data2"))
	m := newMachine(t)
	m.pull(a)
	load := m.startReaders(a)
	mounts, stored := m.lazy(), m.show("NFileDescriptorStore")
	if len(mounts) != 4 || stored != "9" { // two for each and the socket
		t.Fatalf("mounts %v, %s descriptors", mounts, stored)
	}
	other := m.mountOf("more/d0/f0")
	var excused atomic.Int64 // calls that began before this, in Unix nanoseconds
	churn := m.startChurn("default", b, func(since time.Time, err error) bool {
		return since.UnixNano() < excused.Load() && cutByKill(since, err)
	})
	pid := m.successor(0)
	for range rounds(t, "SPRY_KILLS", 6) {
		for _, what := range []string{reload, restart, killServer, killKeeper, killBoth} {
			time.Sleep(rand.N(200 * time.Millisecond)) // anywhere in a pull
			done := load.verified()
			if what != reload && what != restart {
				excused.Store(math.MaxInt64)
			}
			m.sh(what)
			pid = m.successor(pid)
			excused.Store(min(excused.Load(), time.Now().UnixNano()))
			load.progress(done)
		}
	}
	churn.end(t)
	// More often than systemd's default limit of starts, five in ten seconds.
	for range 15 {
		time.Sleep(rand.N(30 * time.Millisecond)) // anywhere in a start
		m.sh(killKeeper)
		pid = m.replaced(pid)
	}
	load.progress(load.verified())
	load.end()
	m.longWaits(a)
	if d := cmp.Diff(mounts, m.lazy()); d != "" {
		t.Errorf("mounts, before and after:\n%s", d)
	}
	if err := readOther(other); err != nil { // the first time
		t.Error(err)
	}
	m.sh("systemctl stop spryd")
	if err := readOther(other); !errors.Is(err, unix.ENOTCONN) && !errors.Is(err, unix.EIO) {
		t.Errorf("read without a daemon and without a store: %v, want %v or %v", err, unix.ENOTCONN, unix.EIO)
	}
	m.sh("systemctl start spryd")
	m.reconnected()
	m.ready("default", a)
	m.removeImage("default", a)
	m.nothingLeft()
	m.eventually("only the socket in the store", func() bool { return m.show("NFileDescriptorStore") == "1" })
}

// longWaits has readers of ref wait: for a configuration that is mended, and
// for the watchdog, which is set to two seconds.
func (m *machine) longWaits(ref string) {
	m.t.Helper()
	load := m.startReaders(ref)
	load.patience = timeout
	pid := m.successor(0)
	m.write("/etc/spryd/config.toml", "no_such_key = 1\n")
	m.sh("systemctl restart --no-block spryd")
	m.eventually("many starts", func() bool { return len(m.show("NRestarts")) > 1 }) // ten and more
	done := load.verified()
	m.write("/etc/spryd/config.toml", lazily)
	pid = m.successor(pid)
	load.progress(done)

	if w := m.show("WatchdogUSec"); w != "1min" {
		m.t.Errorf("the watchdog waits %s", w)
	}
	m.write("/etc/systemd/system/spryd.service.d/test.conf", "[Service]\nWatchdogSec=2\n")
	m.sh("systemctl daemon-reload && " + restart)
	pid = m.successor(pid)
	m.sh("kill -STOP $(cat /var/lib/spryd/server.pid)")
	m.successor(pid)
	load.progress(load.verified())
	if n := m.show("NRestarts"); n != "1" {
		m.t.Errorf("started again %s times by the watchdog", n)
	}
	load.end()
}
